#include "apps/ranks/seats.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace crc::apps {
namespace {

// A machine's name and those of GPUs on it.
std::string as_lines(std::string machine, const std::vector<std::string>& gpus) {
  for (const std::string& gpu : gpus) machine += "\n" + gpu;
  return machine;
}

std::vector<std::string> lines_of(const Ranks::Bytes& text) {
  std::vector<std::string> lines(1);
  for (const char c : text) c == '\n' ? lines.emplace_back().clear() : lines.back().push_back(c);
  return lines;
}

}  // namespace

std::optional<size_t> take_seat(Ranks& ranks, const std::string& machine, const std::vector<std::string>& mine) {
  const std::vector<Ranks::Bytes> shown = ranks.show(as_lines(machine, mine));
  if (lines_of(shown[0]).size() == 1) return {};
  std::set<std::string> taken;
  size_t own = 0;
  for (int r = 0; r < ranks.size(); ++r) {
    const std::vector<std::string> lines = lines_of(shown[size_t(r)]);
    const auto free =
        std::find_if(lines.begin() + 1, lines.end(), [&](const auto& gpu) { return !taken.contains(gpu); });
    if (free == lines.end())
      fail(ExitCode::config,
           fmt::format(
               "process {} of {} has no GPU of its own: on {} it sees {}, which earlier processes have; start as "
               "many processes on a machine as it has GPUs, or set run.device = \"cpu\"",
               r, ranks.size(), lines.front(), lines.size() - 1));
    taken.insert(*free);
    if (r == ranks.rank()) own = size_t(free - lines.begin()) - 1;
  }
  return own;
}

}  // namespace crc::apps
