#include <algorithm>

#include "bench/cases.h"
#include "bench/nn/wrn_shapes.h"
#include "kernels/ops/pseudo_label.h"

namespace crc::bench {

void pseudo_label_cases(Suite& suite) {
  const int64_t m = suite.scale.at_most(448, 16), classes = kWrnClasses;
  suite.add({.op = "top_class",
             .shape = extents(m, classes) + " f32",
             .bytes = 4.0 * double(m * classes + 2 * m),
             .setup = [=](Inputs& in) {
               const auto p = in.uniform<float, 2>({m, classes}, 0, 1);
               const auto confidence = in.uniform<float, 1>({m});
               const auto label = in.uniform<int32_t, 1>({m});
               return Run([=, &context = in.context] { top_class(context, confidence, label, p); },
                          [=](const Oracle& oracle, const Run::Work& work) {
                            const auto rows = oracle.host(p);
                            oracle.poison(confidence);
                            work();
                            return oracle.compare(confidence, NumericClass::exact, [&](int64_t n) {
                              return *std::max_element(&rows[size_t(n * classes)],
                                                       &rows[size_t(n * classes)] + classes);
                            });
                          });
             }});
  suite.add({.op = "align_rows",
             .shape = extents(m, classes) + " f32",
             .flops = 5.0 * double(m * classes),
             .bytes = 8.0 * double(m * classes),
             .setup = [=](Inputs& in) {
               const auto p = in.uniform<float, 2>({m, classes}, 0.1, 1);
               const auto target = in.uniform<float, 1>({classes}, 0.1, 1),
                          model = in.uniform<float, 1>({classes}, 0.1, 1);
               return Run([=, &context = in.context] { align_rows(context, p, target, model); },
                          [=](const Oracle& oracle, const Run::Work& work) {
                            const auto rows = oracle.host(p), to = oracle.host(target), from = oracle.host(model);
                            const auto moved = [&](int64_t i) {
                              const size_t c = size_t(i % classes);
                              return rows[size_t(i)] * (to[c] + 1e-6) / (from[c] + 1e-6);
                            };
                            work();
                            return oracle.compare(p, NumericClass::reduce, [&](int64_t i) {
                              double sum = 0;
                              for (int64_t c = 0; c < classes; ++c) sum += moved(i / classes * classes + c);
                              return moved(i) / sum;
                            });
                          });
             }});
}

}  // namespace crc::bench
