#include "crc/ties.h"

#include <fmt/format.h>

#include <algorithm>

#include "kernels/core/random.h"

namespace crc::select {

double Ties::draw(int64_t item) const {
  return Draws(seed_, Purpose::acquisition, item, round_).uniform53();  // a second tie is out of the question
}

std::vector<double> Ties::draws(std::span<const int64_t> items) const {
  std::vector<double> values;
  for (int64_t item : items) values.push_back(draw(item));
  std::ranges::sort(values, std::greater<>());
  return values;
}

int64_t Ties::largest(std::span<const double> values, const std::vector<bool>& taken,
                      std::span<const int64_t> items) const {
  int64_t best = -1;
  for (int64_t k = 0; k < int64_t(values.size()); ++k)
    if (!taken[k] &&
        (best < 0 || values[k] > values[best] || (values[k] == values[best] && draw(items[k]) > draw(items[best]))))
      best = k;
  return best;
}

void Ties::sort(std::vector<int64_t>& places, std::span<const double> scores,
                const std::function<void(std::span<int64_t>)>& order) {
  std::ranges::stable_sort(places, std::greater<>(), [&](int64_t k) { return scores[k]; });
  for (auto begin = places.begin(); begin != places.end();) {
    const auto end = std::find_if(begin + 1, places.end(), [&](int64_t k) { return scores[k] != scores[*begin]; });
    if (end - begin > 1) order({begin, end});
    begin = end;
  }
}

std::string Ties::warning(std::span<const double> scores, std::span<const double> picked) const {
  if (picked.empty()) return "";
  const double last = std::ranges::min(picked);
  const int64_t among = std::ranges::count(scores, last);
  if (among <= int64_t(picked.size())) return "";
  return warning(std::ranges::count(picked, last), int64_t(picked.size()), among, last);
}

std::string Ties::warning(int64_t drawn, int64_t picks, int64_t among, double score) const {
  return fmt::format("{} of {} picks are drawn at random (seed {}, round {}) among {} candidates of equal score {:.6g}",
                     drawn, picks, seed_, round_, among, score);
}

}  // namespace crc::select
