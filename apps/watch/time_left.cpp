#include "apps/watch/time_left.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace crc::apps {
namespace {

constexpr size_t kRecentPaces = 10;

double mean_of_rounds(const std::vector<RoundRow>& rows, double (*value)(const RoundRow&)) {
  std::vector<double> values;
  for (const RoundRow& row : rows) values.push_back(value(row));
  return mean_of_known(values);
}

}  // namespace

Course course_of(const Config& config) {
  const bool steps = config.get<std::string>("ssl.method") != "label_propagation";  // which solves a system, once
  return {.rounds = config.get<int64_t>("acquisition.rounds") + 1,
          .epochs = steps ? config.get<int64_t>("ssl.epochs") : 1,
          .patience = steps ? config.get<int64_t>("ssl.patience_epochs") : 0,
          .steps_per_epoch = steps ? config.get<int64_t>("ssl.steps_per_epoch") : 1};
}

Work work_left(const Course& course, const Place& place, double usual) {
  Work left{.queries = double(std::max<int64_t>(0, course.rounds - 1 - place.queries))};
  if (place.round >= course.rounds) return left;
  const double cap = double(course.epochs);
  double end = cap, each = cap;  // of the round in hand, of later ones
  if (course.patience > 0) {
    const double soonest = std::min(cap, std::floor(place.epochs) + double(course.patience + 1 - place.since_best));
    end = std::isfinite(usual) ? std::clamp(usual, soonest, cap) : std::sqrt(std::max(1.0, soonest) * cap);
    each = std::isfinite(usual) ? usual : end;
  }
  left.epochs = std::max(0.0, end - place.epochs) + double(course.rounds - 1 - place.round) * each;
  return left;
}

double seconds_of(const Work& work, double epoch, double query) {
  return work.epochs * epoch + (std::isnan(query) ? 0 : work.queries * query);
}

double usual_epochs(const std::vector<RoundRow>& finished) {
  return mean_of_rounds(finished, [](const RoundRow& row) { return double(row.epochs); });
}

double query_seconds(const std::vector<RoundRow>& finished) {
  return mean_of_rounds(finished, [](const RoundRow& row) { return row.query_s; });
}

int64_t queries_in(const std::vector<RoundRow>& finished) {
  return std::ranges::count_if(finished, [](const RoundRow& row) { return std::isfinite(row.query_s); });
}

void Pace::took(double seconds) {
  last_.push_back(seconds);
  if (last_.size() > kRecentPaces) last_.pop_front();
}

double Pace::seconds() const {
  return last_.empty() ? kNone : std::accumulate(last_.begin(), last_.end(), 0.0) / double(last_.size());
}

}  // namespace crc::apps
