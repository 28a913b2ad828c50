#include "crc/host_rows.h"

#include <fmt/format.h>

#include <cmath>

namespace crc::select {

HostRows read_rows(Context& context, View<const float, 2> array, const std::string& acquisition, const char* what,
                   std::initializer_list<std::span<const int64_t>> lists) {
  if (array.size() == 0)
    fail(ExitCode::config, fmt::format("acquisition \"{}\" needs {}, and none were given", acquisition, what));
  HostRows rows{std::vector<float>(array.size()), array.shape[1]};
  context.copy_out(rows.data.data(), array);
  for (const auto& list : lists)
    for (const int64_t item : list)
      for (int64_t d = 0; d < rows.width; ++d)
        if (!std::isfinite(rows[item][d]))
          fail(ExitCode::numerical,
               fmt::format("{} of item {} are not finite: column {} is {}; was the model that made them trained to "
                           "divergence?",
                           what, item, d, rows[item][d]));
  return rows;
}

}  // namespace crc::select
