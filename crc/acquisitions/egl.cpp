// Expected gradient length over all layers (Huang et al. 2016; the paper's section 3.4): the expectation over the
// model's own posterior of the squared norm of the gradient of cross-entropy,
//   sum_y p_y |sum_c (p_c - [c = y]) J_c|^2 = sum_c p_c K_cc - sum_cc' p_c p_c' K_cc',   K(x,x) = J(x) J(x)^T [C,C].
#include "crc/ntk_full.h"
#include "crc/uncertainty.h"
#include "kernels/ops/gram_accumulate.h"

namespace crc::select {
namespace {

double expected_length(std::span<const double> k, std::span<const double> p) {
  double mean = 0, norm = 0;
  for (size_t c = 0; c < p.size(); ++c) {
    mean += p[c] * k[c * p.size() + c];
    for (size_t d = 0; d < p.size(); ++d) norm += p[c] * p[d] * k[c * p.size() + d];
  }
  return mean - norm;
}

JacobianPlan plan_of(const Jacobians* source, const Config& config) {
  return plan_jacobians(source, config, "all", 0, 1);
}

}  // namespace

void check_egl(const Config& config, const Request& request) { plan_of(request.jacobians, config); }

Selection select_egl(Context& context, const Problem& problem, const Config& config) {
  const Logits logits = read_logits(context, problem, config);
  const JacobianPlan plan = plan_of(problem.jacobians, config);
  if (config.say) config.say(plan.text);
  const int64_t classes = problem.jacobians->classes(), pool = int64_t(problem.unlabeled.size());
  if (classes != logits.classes())
    fail_internal("egl: Jacobians of " + std::to_string(classes) + " classes, logits of " +
                  std::to_string(logits.classes()));
  std::vector<double> scores;
  for (int64_t begin = 0; begin < pool; begin += plan.chunk) {
    report(config.progress, "items", begin, pool);
    const auto items = problem.unlabeled.subspan(begin, std::min(plan.chunk, pool - begin));
    const int64_t count = int64_t(items.size());
    const Tensor kernels(context, {count, classes, classes}, Dtype::f64, "kernels of single items");
    problem.jacobians->compute(context, items, plan.wanted, [&](int64_t, View<const float, 3> j) {
      gram_accumulate(context, kernels.view<double, 3>(), j, j);
    });
    const std::vector<double> k = kernels.to_host<double>(context);
    for (int64_t i = 0; i < count; ++i)
      scores.push_back(
          expected_length({&k[i * classes * classes], size_t(classes * classes)}, softmax(logits[items[i]])));
  }
  return best_items(problem, config, std::move(scores));
}

}  // namespace crc::select
