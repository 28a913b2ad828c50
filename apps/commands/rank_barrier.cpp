// crc_train rank-barrier
#include "apps/rank_barrier.h"

#include <fmt/format.h>

#include "apps/commands/commands.h"
#include "apps/files.h"
#include "apps/select/row_file.h"

namespace crc::apps {

int command_rank_barrier(const RankBarrierOptions& options) {
  const fs::path out = options.out;
  if (out.extension() != ".png" && out.extension() != ".svg")
    fail(ExitCode::usage, fmt::format("--out {}: the plot is a .png or .svg file", options.out));
  if (!options.force && fs::exists(out))
    fail(ExitCode::output_refused,
         fmt::format("{} exists; name another file, or give --force to replace it", options.out));
  Context context = Context::from_name(options.device);
  BarrierConfig config{.group = options.group, .groups = options.groups, .seed = uint32_t(options.seed)};
  if (!options.labeled.empty()) config.labeled = options.labeled;

  constexpr int64_t kItems = 3000;
  const RowFile file(context, options.features, "features", Precision::fp32);
  Tensor synthetic;
  if (options.features.empty())
    synthetic = Tensor::from_host(context, {kItems, kSyntheticWidth}, synthetic_features(kItems, config.seed).data(),
                                  "features");
  const Barrier barrier =
      rank_barrier(context, options.features.empty() ? synthetic.view<const float, 2>() : file.fp32(), config);
  const LineChart chart = barrier_chart(barrier);
  commit_file(out, out.extension() == ".svg" ? chart_svg(chart, true) : chart_png(chart));
  fmt::print("{}", barrier_table(barrier));
  return 0;
}

}  // namespace crc::apps
