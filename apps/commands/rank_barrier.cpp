// crc_train rank-barrier
#include "apps/rank_barrier.h"

#include <fmt/format.h>

#include "apps/commands/commands.h"
#include "apps/experiment.h"
#include "apps/files.h"
#include "apps/recipes.h"
#include "apps/select/row_file.h"

namespace crc::apps {
namespace {

constexpr int64_t kSyntheticItems = 3000;

void check_out(const fs::path& out, bool force) {
  if (out.extension() != ".png" && out.extension() != ".svg")
    fail(ExitCode::usage, fmt::format("--out {}: the plot is a .png or .svg file", out.string()));
  const fs::path folder = out.has_parent_path() ? out.parent_path() : fs::path(".");
  if (!fs::is_directory(folder))
    fail(ExitCode::output_refused,
         fmt::format("{} cannot be written: {} is not a folder; create it first", out.string(), folder.string()));
  if (!force && fs::exists(out))
    fail(ExitCode::output_refused,
         fmt::format("{} exists; name another file, or give --force to replace it", out.string()));
}

}  // namespace

int command_rank_barrier(const RankBarrierOptions& options) {
  const fs::path out = options.out;
  check_out(out, options.force);
  Context context = make_context(resolve_recipe("", {}), options.device);
  BarrierConfig config{.group = options.group, .groups = options.groups, .seed = uint32_t(options.seed)};
  if (!options.labeled.empty()) config.labeled = options.labeled;
  const RowFile file(context, options.features, "features", Precision::fp32);
  Tensor synthetic;
  if (options.features.empty())
    synthetic = Tensor::from_host(context, {kSyntheticItems, kSyntheticWidth},
                                  synthetic_features(kSyntheticItems, config.seed).data(), "synthetic features");
  const Barrier barrier =
      rank_barrier(context, options.features.empty() ? synthetic.view<const float, 2>() : file.fp32(), config);
  const LineChart chart = barrier_chart(barrier);
  check_out(out, options.force);  // it may have appeared in the meantime
  commit_file(out, out.extension() == ".svg" ? chart_svg(chart, true) : chart_png(chart));
  fmt::print("{}wrote {}\n", barrier_table(barrier), out.string());
  return 0;
}

}  // namespace crc::apps
