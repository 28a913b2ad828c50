// Inertia counts with a certificate (docs/scoring.md).
#include "kernels/ops/capacitance.h"

#include <algorithm>
#include <memory>

#include "crc/score.h"

namespace crc::select {

namespace {

// What groups have in common for the capacitance op, and the definition for what it cannot certify.
struct Capacitance {
  Context& context;
  const LastLayerNtk& ntk;
  std::vector<int64_t> labeled, unlabeled;
  std::shared_ptr<const LabeledSpectrum> spectrum;  // made when first needed, as is what follows
  std::shared_ptr<const Tensor> v;                  // [U,r]
  Scorer dense;

  Capacitance(Context& c, const LastLayerNtk& n, Items l, Items u)
      : context(c), ntk(n), labeled(l.begin(), l.end()), unlabeled(u.begin(), u.end()) {}

  std::vector<double> by_definition(Positions groups) {
    if (!dense) dense = make_syevd(context, ntk, labeled, unlabeled);
    return dense(groups);
  }

  std::vector<double> operator()(Positions groups) {
    const int64_t count = groups.shape[0], size = groups.shape[1], rank = ntk.rank();
    if (!capacitance_pays(size, rank, rank)) return by_definition(groups);
    if (!spectrum) {
      spectrum = ntk.spectrum(labeled);
      v = ntk.kept_coordinates(unlabeled, spectrum->rotation);
    }
    const LabeledRank& known = spectrum->rank;
    const double noise = ntk.noise(int64_t(labeled.size()) + size);
    const bool primal = known.rank + size <= rank;
    const int64_t zeros = primal ? rank - known.rank : 0;
    const Tensor lambda = Tensor::from_host(context, {rank - zeros}, spectrum->lambda.data() + zeros, "lambda"),
                 values(context, {count}, Dtype::f64, "eigenvalues"),
                 evaluations(context, {count}, Dtype::i32, "evaluations"), none(context, {0, 0, 0}, Dtype::f64, "none");
    capacitance(context, values.view<double, 1>(), evaluations.view<int32_t, 1>(), lambda.view<const double, 1>(),
                v->view<const double, 2>(), none.view<const double, 3>(), groups,
                CapacitanceConfig{.update = primal ? Update::primal : Update::dual,
                                  .zeros = zeros,
                                  .noise = noise,
                                  .top = known.top + known.leak(size) / noise});
    std::vector<double> results = values.to_host<double>(context);
    const std::vector<int32_t> certified = evaluations.to_host<int32_t>(context);
    for (int64_t k = 0; k < count; ++k)
      if (certified[k] < 0) results[k] = by_definition(groups.slice(k, k + 1)).front();
    return results;
  }
};

}  // namespace

Scorer make_capacitance(Context& context, const LastLayerNtk& ntk, Items labeled, Items unlabeled) {
  return [state = std::make_shared<Capacitance>(context, ntk, labeled, unlabeled)](Positions groups) {
    return (*state)(groups);
  };
}

}  // namespace crc::select
