#include "bench/cases.h"
#include "kernels/ops/draw_batch.h"

namespace crc::bench {

void draw_batch_cases(Suite& suite) {
  const int64_t batch = 448, pool_size = 50000;
  suite.add({.op = "draw_batch",
             .shape = extents(batch) + " of " + extents(pool_size),
             .bytes = 16.0 * double(batch),
             .setup = [=](Inputs& in) {
               const auto ids = in.uniform<int64_t, 1>({batch});
               const auto pool = in.uniform<int64_t, 1>({pool_size}, 0, double(pool_size));
               return [=, state = in.state(), &context = in.context] {
                 draw_batch(context, ids, pool, state, DrawConfig{.seed = 1});
               };
             }});
}

}  // namespace crc::bench
