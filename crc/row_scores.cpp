#include "crc/row_scores.h"

#include <cmath>

#include "crc/score.h"
#include "kernels/cpu/for_each.h"
#include "kernels/cpu/lapack.h"

namespace crc::select {

// The matrix of a group.
struct RowScores::Stack {
  const LabeledSpectrum& spectrum;
  int64_t size, rank;     // G, r
  int64_t kept, columns;  // rows of L; kept + G, or r
  bool primal;

  int64_t rows() const { return kept + size; }

  // From the group's coordinates v [G,r]. Returns how far a row is from the span of L and the rows before it, at least.
  double form(double* a, double* v) const {
    std::fill_n(a, rows() * columns, 0.0);
    for (int64_t i = 0; i < kept; ++i) a[i * columns + i] = std::sqrt(spectrum.lambda[rank - 1 - i]);
    double distance = INFINITY;
    for (int64_t g = 0; g < size; ++g) {
      double *row = a + (kept + g) * columns, *own = v + g * rank;
      for (int64_t i = 0; i < (primal ? kept : rank); ++i) row[i] = own[rank - 1 - i];
      if (primal) distance = std::min(distance, orthogonalize(row + kept, v, g));
    }
    return distance;
  }

 private:
  // Row g of C by modified Gram-Schmidt, which leaves row g of Q in v. Its triangular factor is as good as
  // Householder's (Bjorck 1967).
  double orthogonalize(double* c, double* v, int64_t g) const {
    const int64_t width = rank - kept;
    double* own = v + g * rank;
    const auto dot = [&](const double* x, const double* y) {
      double sum = 0;
      for (int64_t i = 0; i < width; ++i) sum += x[i] * y[i];
      return sum;
    };
    for (int64_t j = 0; j < g; ++j) {
      const double* q = v + j * rank;
      c[j] = dot(own, q);
      for (int64_t i = 0; i < width; ++i) own[i] -= c[j] * q[i];
    }
    c[g] = std::sqrt(dot(own, own));
    for (int64_t i = 0; i < width && c[g] > 0; ++i) own[i] /= c[g];
    return c[g];
  }
};

RowScores::RowScores(Context& context, const LastLayerNtk& ntk, std::span<const int64_t> labeled,
                     const LabeledRank& rank)
    : context_(context),
      host_(context.device().kind == DeviceKind::cpu ? context : Context::cpu()),
      ntk_(ntk),
      labeled_(int64_t(labeled.size())),
      spectrum_(ntk.singular_spectrum(labeled)),
      rank_(rank) {}

RowScores::Stack RowScores::shape(int64_t size) const {
  const int64_t r = ntk_.rank(), kept = spectrum_->rank.rank;
  return {*spectrum_, size, r, kept, std::min(kept + size, r), kept + size <= r};
}

std::vector<RowScores::Score> RowScores::operator()(std::span<const int64_t> members, int64_t size) {
  const int64_t total = int64_t(members.size()) / size, r = ntk_.rank();
  const Stack stack = shape(size);
  const int64_t area = stack.rows() * stack.columns, values = std::min(stack.rows(), stack.columns);
  const int64_t work_size = singular_values_work_size(stack.rows(), stack.columns);
  const int64_t batch = std::clamp<int64_t>(kBatchBytes / (8 * (area + work_size)), 1, std::max<int64_t>(1, total));
  const double noise = ntk_.row_noise(labeled_ + size);
  std::vector<double> stacks(batch * area), spectra(batch * values), work(batch * work_size);
  std::vector<int> info(batch);
  std::vector<Score> scores;
  prepare_blas(1);
  for (int64_t begin = 0; begin < total; begin += batch) {
    const int64_t count = std::min(batch, total - begin);
    const std::vector<double> v =
        ntk_.coordinates(members.subspan(begin * size, count * size), &spectrum_->rotation).to_host<double>(context_);
    for (int64_t b = 0; b < count; ++b) {
      std::vector<double> group = sorted_rows({&v[b * size * r], size_t(size * r)}, r);
      double trace = 0;
      for (double x : group) trace += x * x;
      const double floor = noise * noise * (rank_.top + trace);
      const double distance = stack.form(&stacks[b * area], group.data());
      scores.push_back({distance * distance <= floor ? 0 : NAN, floor});
    }
    host_.visit([&](auto& backend) {
      if constexpr (std::is_same_v<std::decay_t<decltype(backend)>, Cpu>)
        for_chunks(backend, count, 1, [&](int64_t b, int64_t, int64_t) {
          info[b] = scores[begin + b].value == 0
                        ? 0
                        : singular_values(stack.rows(), stack.columns, &stacks[b * area], &spectra[b * values],
                                          &work[b * work_size], work_size);
        });
    });
    for (int64_t b = 0; b < count; ++b) {
      if (info[b] != 0)
        fail(ExitCode::numerical, "the singular values of a group's rows were not found (LAPACK dgesvd, info " +
                                      std::to_string(info[b]) + "); check the features for extreme values");
      const double s = spectra[b * values + rank_.place(size) - 1];
      if (scores[begin + b].value != 0) scores[begin + b].value = s * s;
    }
  }
  return scores;
}

}  // namespace crc::select
