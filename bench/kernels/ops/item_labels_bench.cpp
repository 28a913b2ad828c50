#include "bench/cases.h"
#include "bench/nn/wrn_shapes.h"
#include "kernels/ops/item_labels.h"

namespace crc::bench {

void item_labels_cases(Suite& suite) {
  const int64_t m = suite.scale.at_most(448, 16), items = 50000;
  suite.add({.op = "mark_items", .shape = extents(m), .bytes = 28.0 * double(m), .setup = [=](Inputs& in) {
               const auto table = in.uniform<float, 1>({items}, -1, 10), before = in.uniform<float, 1>({m});
               const auto ids = in.uniform<int64_t, 1>({m}, 0, double(items));
               const auto confidence = in.uniform<float, 1>({m}, 0, 1);
               const auto label = in.uniform<int32_t, 1>({m}, 0, 10);
               return Run(
                   [=, &context = in.context] { mark_items(context, table, before, ids, confidence, label, 0.5f); },
                   [=](const Oracle& oracle, const Run::Work& work) {
                     auto expected = oracle.host(table);
                     const auto item = oracle.host(ids);
                     const auto labels = oracle.host(label);
                     const auto sure = oracle.host(confidence);
                     for (size_t n = 0; n < size_t(m); ++n)
                       if (sure[n] >= 0.5f) expected[size_t(item[n])] = float(labels[n]);
                     work();
                     return oracle.compare(table, NumericClass::exact, [&](int64_t i) { return expected[size_t(i)]; });
                   });
             }});
}

}  // namespace crc::bench
