// fp64 references for losses over rows, and central differences of them.
#pragma once

#include <cmath>
#include <functional>
#include <vector>

namespace crc::test {

using Row = std::vector<double>;

inline Row row_of(const std::vector<float>& x, int64_t n, int64_t classes) {
  return Row(x.begin() + n * classes, x.begin() + (n + 1) * classes);
}

// exp(x/T) / sum exp(x/T) as the definition has it; x small enough for fp64.
inline Row softmax_of(const Row& x, double temperature = 1) {
  Row p;
  double sum = 0;
  for (double v : x) p.push_back(std::exp(v / temperature)), sum += p.back();
  for (double& v : p) v /= sum;
  return p;
}

inline double cross_entropy_of(const Row& x, int64_t label) { return -std::log(softmax_of(x)[label]); }

// scale * d loss / d x by central differences in fp64: no formula of the gradient is used.
inline void append_gradient(std::vector<double>& out, const std::function<double(const Row&)>& loss, Row x,
                            double scale) {
  const double h = 1e-4;
  for (size_t i = 0; i < x.size(); ++i) {
    const double at = x[i];
    const auto f = [&](double offset) { return x[i] = at + offset, loss(x); };
    const double gradient = (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h);  // error of order h^4
    x[i] = at;
    out.push_back(scale * gradient);
  }
}

}  // namespace crc::test
