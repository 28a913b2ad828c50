// Scoring as an acquisition does it: all groups of a pool of 50,000 by each solver, from features to eigenvalues. Dense
// solvers get as many groups as take about a second. FLOPs are the least that the method needs: for capacitance two
// capacitance matrices per group (a certificate needs a count on either side) and the rotation of the pool; for dense
// solvers a tridiagonal reduction per group.
#include <cmath>
#include <numeric>

#include "bench/cases.h"
#include "crc/score.h"
#include "kernels/ops/capacitance.h"

namespace crc::bench {
namespace {

using select::HostRows;
using select::LastLayerNtk;
using select::Scorer;
using select::Solver;

// Random features whose directions fall by e^6, as those of a trained network do about; the first are labelled.
struct ScoringPool {
  Context& context;
  std::vector<int64_t> labeled, unlabeled;
  View<const float, 2> features;
  std::vector<float> host;
  HostRows rows;
  LastLayerNtk ntk;
  Tensor groups;  // [K,G] places

  ScoringPool(Inputs& in, int64_t pool, int64_t width, int64_t known, int64_t count, int64_t group)
      : context(in.context),
        labeled(known),
        unlabeled(pool),
        features(falling(in, known + pool, width)),
        host(features.size()),
        rows(select::read_rows(context, features, "crc", "features", {})),
        ntk(context, features, rows, iota(labeled, 0), iota(unlabeled, known)) {
    std::vector<int64_t> places(count * group);
    groups = Tensor::from_host(context, {count, group}, iota(places, 0).data(), "groups");
  }
  static View<const float, 2> falling(Inputs& in, int64_t n, int64_t width) {
    const View<float, 2> h = in.uniform<float, 2>({n, width}, -0.5, 1);
    std::vector<float> values(h.size());
    in.context.copy_out(values.data(), h);
    for (int64_t k = 0; k < h.size(); ++k) values[k] *= std::exp(-6.0f * float(k % width) / float(width));
    in.context.copy_in(h, values.data());
    return h;
  }
  static std::vector<int64_t>& iota(std::vector<int64_t>& list, int64_t first) {
    std::iota(list.begin(), list.end(), first);
    return list;
  }
  std::vector<double> score(Solver solver, int64_t groups_at_most = INT64_MAX) const {
    const auto positions = groups.view<const int64_t, 2>();
    return make_scorer(solver, context, ntk, labeled,
                       unlabeled)(positions.slice(0, std::min(groups_at_most, positions.shape[0])));
  }
};

// The largest relative difference from the definition, over a few groups.
Accuracy against_definition(const ScoringPool& pool, Solver solver) {
  constexpr int64_t kGroups = 16;
  const auto found = pool.score(solver, kGroups), expected = pool.score(Solver::syevd, kGroups);
  const double unit = pool.ntk.scale() * pool.ntk.scale();
  Accuracy a{0, kCertificate};
  for (size_t k = 0; k < found.size(); ++k) {
    const double noise = 2 * pool.ntk.noise(int64_t(pool.labeled.size()) + pool.groups.shape()[1]) *
                         pool.ntk.spectrum(pool.labeled)->lambda.back() / unit;
    a.error = std::max(a.error, std::abs(found[k] - expected[k]) / expected[k]);
    a.tolerance = std::max(a.tolerance, kCertificate + noise / expected[k]);
  }
  return a;
}

// Of a decomposition, for counts: cuSOLVER takes one matrix of these sizes at a time and is far from a GPU's rate.
double dense_rate(const Scale& scale, Solver solver) {
  if (!scale.cuda) return 5e9;
  return solver == Solver::syev_batched ? 2e11 : 2e10;
}

void add(Suite& suite, Solver solver, int64_t width, int64_t known, int64_t group) {
  const bool dense = solver != Solver::capacitance;
  const int64_t size = suite.scale.at_most(50000, 4 * group), rank = width + 1, n = known + group;
  const double edge = double(dense && solver == Solver::syevd ? std::min(n, rank) : rank);
  const double spectrum = 4.0 / 3.0 * edge * edge * edge, rate = dense_rate(suite.scale, solver);
  const int64_t all = size / group;
  const int64_t count = dense ? std::clamp<int64_t>(int64_t(rate / spectrum), 16, all) : all;
  const double matrix = double(group * (group + 1)) * double(std::min(known, rank)) + 20.0 * double(rank);
  suite.add(
      {.op = "score " + std::string(word_of(solver)),
       .shape = "U" + std::to_string(size) + " D" + std::to_string(width) + " L" + std::to_string(known) + " G" +
                std::to_string(group) + ": " + std::to_string(count) + " groups",
       .flops = dense ? double(count) * spectrum : 2 * double(count) * matrix + 2 * double(size) * double(rank * rank),
       .bytes = 8 * double(count * group * rank),
       .arithmetic = Arithmetic::fp64,
       .setup =
           [=](Inputs& in) {
             ScoringPool& pool = in.keep(std::make_shared<ScoringPool>(in, size, width, known, count, group));
             return Run([&pool, solver] { pool.score(solver); },
                        [&pool, solver](const Oracle&, const Run::Work&) { return against_definition(pool, solver); });
           },
       .capturable = false,
       .rotate = false,
       .images = count * group});
}

}  // namespace

void score_cases(Suite& suite) {
  for (const int64_t width : {128, 512})
    for (const int64_t known : {40, 100, 250, 500, 1000})
      for (const int64_t group : {1, 2, 5, 10, 20, 100})
        for (const Solver solver : {Solver::capacitance, Solver::syev_batched, Solver::syevd}) {
          // A dense solver's time does not depend on the group's size worth a row each.
          if (solver != Solver::capacitance && group != 10) continue;
          add(suite, solver, width, known, group);
        }
}

}  // namespace crc::bench
