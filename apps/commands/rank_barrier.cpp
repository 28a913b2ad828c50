// crc_train rank-barrier
#include "apps/report/rank_barrier.h"

#include <fmt/format.h>

#include "apps/base/outputs.h"
#include "apps/base/terminal.h"
#include "apps/commands/commands.h"
#include "apps/config/recipes.h"
#include "apps/select/row_file.h"
#include "apps/train/experiment.h"
#include "crc/arrays.h"

namespace crc::apps {
namespace {

struct RankBarrierOptions {
  std::string features, out, device;  // no features: synthetic ones; no device: CRC_DEVICE or auto
  std::vector<int64_t> labeled;       // sizes of L; empty: around the rank 129
  int64_t group = 5, groups = 150, seed = 0;
  bool force = false;
};

constexpr int64_t kSyntheticItems = 3000;

int command_rank_barrier(const RankBarrierOptions& options) {
  const fs::path out = options.out;
  if (out.extension() != ".png" && out.extension() != ".svg")
    fail(ExitCode::usage, fmt::format("--out {}: the plot is a .png or .svg file", out.string()));
  Outputs outputs({out}, {.force = options.force, .inputs = {options.features}});
  Context context = make_context(resolve_recipe("", {}), options.device);
  select::BarrierConfig config{.group = options.group, .groups = options.groups, .seed = uint32_t(options.seed)};
  if (!options.labeled.empty()) config.labeled = options.labeled;
  const std::vector<fs::path> files(options.features.empty() ? 0 : 1, options.features);
  const RowFiles file(files, "features");
  select::RowArrays given(file.arrays(), "features");
  (void)given.load(context, select::Precision::fp32);
  Tensor synthetic;
  if (options.features.empty())
    synthetic =
        Tensor::from_host(context, {kSyntheticItems, select::kSyntheticWidth},
                          select::synthetic_features(kSyntheticItems, config.seed).data(), "synthetic features");
  const select::Barrier barrier = select::rank_barrier(
      context,
      options.features.empty() ? synthetic.view<const float, 2>() : std::get<View<const float, 2>>(given.rows()),
      config);
  const LineChart chart = barrier_chart(barrier);
  outputs.put(out, out.extension() == ".svg" ? chart_svg(chart, true) : chart_png(chart));
  outputs.commit();
  print("{}wrote {}\n", barrier_table(barrier), out.string());
  return 0;
}

}  // namespace

void declare_rank_barrier(Command& program, CommandCall& call) {
  const auto o = std::make_shared<RankBarrierOptions>();
  Command barrier = program.command(
      "rank-barrier",
      "plot how well \"the smallest positive eigenvalue\" in fp32 ranks groups, beside the exact score");
  barrier.examples(
      "  crc_train rank-barrier --out barrier.png                                synthetic features\n"
      "  crc_train rank-barrier --features H.npy --labeled 50,500 --out b.svg    your own, at two sizes\n");
  barrier.option("--features", o->features, "[items,D], .npy (default: synthetic, D = 128)");
  barrier.option("--labeled", o->labeled, "sizes of the labelled set").separated_by(',').in(1, 20000);
  barrier.option("--group", o->group, "items per group (G)").in(1, 1000).shows_default();
  barrier.option("--groups", o->groups, "groups to rank").in(10, 100000).shows_default();
  barrier.option("--seed", o->seed, "key of the random draws").in(0, UINT32_MAX).shows_default();
  barrier.option("--device", o->device, "auto, cpu, cuda or cuda:N").shows_default("auto");
  barrier.option("--out", o->out, "plot to write, .png or .svg").required();
  add_force(barrier, o->force);
  barrier.run([o, &call] { call.code = command_rank_barrier(*o); });
}

}  // namespace crc::apps
