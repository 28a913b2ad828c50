#include "apps/config/reference.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "kernels/core/error.h"

namespace crc::apps {

std::vector<std::pair<double, double>> parse_reference(const std::string& text) {
  std::vector<std::pair<double, double>> points;
  const char *at = text.data(), *end = at + text.size();
  while (at < end) {
    if (*at == ' ') {
      ++at;
      continue;
    }
    double labels = 0, percent = 0;
    const auto left = std::from_chars(at, end, labels);
    const bool colon = left.ec == std::errc() && left.ptr < end && *left.ptr == ':';
    const auto right = colon ? std::from_chars(left.ptr + 1, end, percent) : left;
    if (!colon || right.ec != std::errc() || (right.ptr < end && *right.ptr != ' ') || !std::isfinite(labels) ||
        !(percent >= 0 && percent <= 100)) {
      fail(ExitCode::config, fmt::format("report.reference = \"{}\" is not of the form \"100:78.4 150:83.7\"", text));
    }
    points.emplace_back(labels, percent);
    at = right.ptr;
  }
  return points;
}

}  // namespace crc::apps
