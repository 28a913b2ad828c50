#include "apps/stats/distributions.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <numbers>

namespace crc::apps {
namespace {

// The continued fraction of I_x(a, b) (Abramowitz & Stegun 26.5.8) by Lentz's method. Converges fast for
// x < (a + 1) / (a + b + 2).
double beta_fraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300;
  const auto away_from_zero = [](double v) { return std::abs(v) < kTiny ? kTiny : v; };
  double c = 1, d = 1 / away_from_zero(1 - (a + b) * x / (a + 1)), value = d;
  for (int m = 1; m <= 10'000; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    double factor = 1;
    for (const double term : {even, odd}) {
      d = 1 / away_from_zero(1 + term * d);
      c = away_from_zero(1 + term / c);
      factor = c * d;
      value *= factor;
    }
    if (std::abs(factor - 1) < 1e-15) break;
  }
  return value;
}

// The x >= 0 at which a falling function of x reaches `value`, to the last bit.
template <class F> double where_falls_to(double value, F function) {
  double low = 0, high = 1;
  while (function(high) > value) high *= 2;
  for (double middle = high / 2; middle > low && middle < high; middle = low + (high - low) / 2)
    (function(middle) > value ? low : high) = middle;
  return high;
}

}  // namespace

double normal_below(double z) { return std::erfc(-z / std::numbers::sqrt2) / 2; }

double incomplete_beta(double a, double b, double x) {
  if (x <= 0 || x >= 1) return x <= 0 ? 0 : 1;
  const double front =
      std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x));
  return x < (a + 1) / (a + b + 2) ? front * beta_fraction(a, b, x) / a : 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double student_t_two_sided(double t, double freedom) {
  if (std::isinf(t)) return 0;
  return incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t));
}

double student_t_exceeded(double two_sided, double freedom) {
  return where_falls_to(two_sided, [&](double t) { return student_t_two_sided(t, freedom); });
}

// Over s, the sample's standard deviation in units of the true one: P(|Z + shift| > critical s) times the density of s,
// which is that of sqrt(chi^2 / freedom). Trapezoids in log s, where the integrand is smooth and falls on both sides.
double student_t_power(double shift, double freedom, double critical) {
  const double constant = std::numbers::ln2 + freedom / 2 * std::log(freedom / 2) - std::lgamma(freedom / 2);
  const double low = -std::max(40 / freedom, 10 / std::sqrt(2 * freedom)), high = std::log1p(10 / std::sqrt(freedom));
  // Finer than the density's width, and than the step of P(|Z + shift| > critical s) at s = shift / critical.
  const int steps = int(std::clamp((high - low) * 4 * std::abs(shift), 400.0, 40'000.0));
  const double step = (high - low) / steps;
  double power = 0;
  for (int i = 0; i <= steps; ++i) {
    const double u = low + i * step, s = std::exp(u);
    const double density = std::exp(constant + freedom * (u - s * s / 2));  // of u
    power += density * (normal_below(shift - critical * s) + normal_below(-shift - critical * s));
  }
  return std::min(1.0, power * step);
}

// Abramowitz & Stegun 26.4.4 and 26.4.5: a finite sum.
double chi_squared_exceeded(double x, int64_t freedom) {
  if (!(x > 0)) return 1;
  const double half = x / 2;
  const bool odd = freedom % 2 != 0;
  double sum = odd ? std::erfc(std::sqrt(half)) : 0;
  double power = odd ? 0.5 : 0;  // the term is e^-half half^power / Gamma(power + 1)
  for (int64_t i = 0; i < freedom / 2; ++i, ++power)
    sum += std::exp(power * std::log(half) - half - std::lgamma(power + 1));
  return std::min(1.0, sum);
}

// 1 - k * integral of phi(z) (Phi(z) - Phi(z - q))^(k - 1) dz, by trapezoids: the integrand falls like phi.
double range_exceeded(double q, int64_t count) {
  constexpr double kStep = 1.0 / 32;
  double below = 0;
  for (int i = -9 * 32; i <= 9 * 32; ++i) {
    const double z = i * kStep, density = std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi);
    below += density * std::pow(std::max(0.0, normal_below(z) - normal_below(z - q)), double(count - 1));
  }
  return std::max(0.0, 1 - double(count) * below * kStep);
}

double range_quantile(double probability, int64_t count) {
  return where_falls_to(1 - probability, [&](double q) { return range_exceeded(q, count); });
}

}  // namespace crc::apps
