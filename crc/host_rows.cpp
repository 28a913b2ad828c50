#include "crc/host_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "crc/host_loop.h"

namespace crc::select {

template <class T> void check_finite(std::span<const T> row, const char* what, int64_t item) {
  for (size_t d = 0; d < row.size(); ++d)
    if (!std::isfinite(row[d]))
      fail(ExitCode::numerical,
           fmt::format("{} of item {} are not finite: column {} is {}; was the model that made them trained to "
                       "divergence?",
                       what, item, d, row[d]));
}
template void check_finite(std::span<const float>, const char*, int64_t);
template void check_finite(std::span<const double>, const char*, int64_t);

template <class T>
HostMatrix<T> read_rows(Context& context, View<const T, 2> array, const std::string& acquisition, const char* what,
                        std::initializer_list<std::span<const int64_t>> lists) {
  if (array.size() == 0)
    fail(ExitCode::config, fmt::format("acquisition \"{}\" needs {}, and none were given", acquisition, what));
  const auto read = [&]() -> HostMatrix<T> {
    if (array.device.kind == DeviceKind::cpu)
      return {std::span<const T>(array.data, size_t(array.size())), array.shape[1]};
    std::vector<T> copy(array.size());
    context.copy_out(copy.data(), array);
    return {std::move(copy), array.shape[1]};
  };
  HostMatrix<T> rows = read();
  for (const auto& list : lists) {
    std::vector<char> finite(list.size());
    each_on_host(context, int64_t(list.size()), [&](int64_t k) {
      bool all = true;
      for (T x : rows[list[size_t(k)]]) all &= bool(std::isfinite(x));
      finite[size_t(k)] = all;
    });
    const auto bad = size_t(std::ranges::find(finite, char(false)) - finite.begin());
    if (bad < list.size()) check_finite(rows[list[bad]], what, list[bad]);
  }
  return rows;
}

template HostMatrix<float> read_rows(Context&, View<const float, 2>, const std::string&, const char*,
                                     std::initializer_list<std::span<const int64_t>>);
template HostMatrix<double> read_rows(Context&, View<const double, 2>, const std::string&, const char*,
                                      std::initializer_list<std::span<const int64_t>>);

int fp32_exponent(double largest) {
  constexpr int kLeast = -60, kMost = 127;  // of the largest: entries of 2^-80 of it are normal numbers yet
  int exponent = 0;
  std::frexp(largest, &exponent);
  return largest == 0 || (exponent >= kLeast && exponent <= kMost) ? 0 : exponent;
}

Fp32Features read_features(Context& context, const Rows& features, const std::string& acquisition,
                           std::initializer_list<std::span<const int64_t>> lists) {
  if (const auto* single = std::get_if<View<const float, 2>>(&features))
    return {read_rows(context, *single, acquisition, "features", lists), 0};
  const auto wide = read_rows(context, std::get<View<const double, 2>>(features), acquisition, "features", lists);
  double largest = 0;
  for (const auto& list : lists)
    for (const int64_t item : list)
      for (double value : wide[item]) largest = std::max(largest, std::abs(value));
  const int exponent = fp32_exponent(largest);
  std::vector<float> narrow;
  narrow.reserve(wide.data.size());
  for (double value : wide.data) narrow.push_back(float(std::ldexp(value, -exponent)));
  return {HostRows(std::move(narrow), wide.width), exponent};
}

}  // namespace crc::select
