#include "kernels/ops/gather.h"

#include "kernels/cpu/rows.h"

namespace crc {
namespace {

template <class T> void gather(Cpu& cpu, View<T, 2> out, View<const T, 2> in, View<const int64_t, 1> rows) {
  const GatherRows<T> copy{out, in, rows};
  copy.check();
  for (int64_t i = 0; i < rows.size(); ++i)
    if (rows[i] < 0 || rows[i] >= in.shape[0])
      fail_internal("gather_rows: row " + std::to_string(rows[i]) + " at place " + std::to_string(i) + " of '" +
                    rows.name + "' is outside '" + in.name + "' " + shape_string(in));
  for_each_row(cpu, rows.size(), copy);
}

}  // namespace

void gather_rows(Cpu& cpu, View<float, 2> out, View<const float, 2> in, View<const int64_t, 1> rows) {
  gather(cpu, out, in, rows);
}
void gather_rows(Cpu& cpu, View<double, 2> out, View<const double, 2> in, View<const int64_t, 1> rows) {
  gather(cpu, out, in, rows);
}
void gather_rows(Cpu& cpu, View<int32_t, 1> out, View<const int32_t, 1> in, View<const int64_t, 1> rows) {
  gather(cpu, column(out), column(in), rows);
}

}  // namespace crc
