#include "apps/config/budgets.h"

#include <fmt/format.h>

#include <charconv>
#include <sstream>

#include "data/text.h"
#include "kernels/core/error.h"

namespace crc::apps {

std::vector<int64_t> parse_budgets(const std::string& text) {
  std::vector<int64_t> budgets;
  std::istringstream in(text);
  for (std::string word; in >> word;) {
    int64_t count = 0;
    const char* const end = word.data() + word.size();
    const auto read = std::from_chars(word.data(), end, count);
    const auto refuse = [&](const std::string& what) {
      fail(ExitCode::config, fmt::format("acquisition.budgets = {}: {}", data::in_quotes(text), what));
    };
    if (read.ec != std::errc() || read.ptr != end || count < 1)
      refuse(data::in_quotes(word) + " is not a number of labels; write those after each query, as \"20 50 100\"");
    if (!budgets.empty() && count <= budgets.back())
      refuse(
          fmt::format("{} labels come after {}; each number is that of all labels after a query, and above the one "
                      "before",
                      count, budgets.back()));
    budgets.push_back(count);
  }
  return budgets;
}

int64_t labels_after(const Config& config, int64_t first, int64_t queries) {
  const std::vector<int64_t> budgets = parse_budgets(config.get<std::string>("acquisition.budgets"));
  if (queries == 0) return first;
  if (budgets.empty()) return first + queries * config.get<int64_t>("acquisition.budget");
  return budgets.at(size_t(queries) - 1);
}

}  // namespace crc::apps
