// crc_train rank-barrier
#include "apps/rank_barrier.h"

#include <fmt/format.h>

#include "apps/commands/commands.h"
#include "apps/experiment.h"
#include "apps/outputs.h"
#include "apps/recipes.h"
#include "apps/select/row_file.h"
#include "apps/terminal.h"

namespace crc::apps {
namespace {

constexpr int64_t kSyntheticItems = 3000;

}  // namespace

int command_rank_barrier(const RankBarrierOptions& options) {
  const fs::path out = options.out;
  if (out.extension() != ".png" && out.extension() != ".svg")
    fail(ExitCode::usage, fmt::format("--out {}: the plot is a .png or .svg file", out.string()));
  Outputs outputs({out}, {.force = options.force, .inputs = {options.features}});
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
  outputs.put(out, out.extension() == ".svg" ? chart_svg(chart, true) : chart_png(chart));
  outputs.commit();
  print("{}wrote {}\n", barrier_table(barrier), out.string());
  return 0;
}

}  // namespace crc::apps
