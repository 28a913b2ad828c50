#include "bench/cases.h"
#include "kernels/ops/draw_groups.h"

namespace crc::bench {

// Its draws are exact: tests/kernels/ops/draw_groups_test.cpp. Counted here: the words of Philox, ten rounds each.
void draw_groups_cases(Suite& suite) {
  const int64_t groups = suite.scale.at_most(1 << 18, 16), pool = 50000;
  for (const int64_t size : {5, 20})
    suite.add({.op = "draw_groups",
               .shape = extents(groups, size) + " of " + std::to_string(pool),
               .bytes = 8.0 * double(groups * size),
               .setup = [=](Inputs& in) {
                 const auto members = in.uniform<int64_t, 2>({groups, size});
                 const auto places = in.uniform<int64_t, 1>({pool}, 0, double(pool));
                 return
                     [=, &context = in.context] { draw_groups(context, members, places, DrawGroupsConfig{.seed = 1}); };
               }});
}

}  // namespace crc::bench
