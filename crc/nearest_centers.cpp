#include "crc/nearest_centers.h"

#include <algorithm>
#include <cmath>

#include "crc/byte_rows.h"
#include "crc/host_loop.h"
#include "crc/k_means.h"
#include "kernels/ops/pairwise_tile.h"

namespace crc::select {
namespace {

constexpr int64_t kOfGroup = 16, kMostGroups = 16;             // centres; bounds take 4 bytes each
constexpr double kUp = 1 + 0x1p-50, kFloatDown = 1 - 0x1p-21;  // more than a few roundings

std::vector<double> squares_of(Context& context, View<const float, 2> rows) {
  const Tensor squared(context, {rows.shape[0]}, Dtype::f64, "squared norms");
  pairwise_norms(context, squared.view<double, 1>(), rows);
  return squared.to_host<double>(context);
}

}  // namespace

// Of a row, while it is looked at: half of the squared distance, as measured and the true one, lies in [low,high].
struct NearestCenters::Nearest {
  int64_t row;
  const float* x;
  int64_t center = -1;
  double low = INFINITY, high = INFINITY;
  bool measured = false;
};

NearestCenters::NearestCenters(Context& context, int64_t n, int64_t width, std::function<void(const Rows&)> each)
    : context_(context),
      n_(n),
      width_(width),
      bounded_(context.device().kind == DeviceKind::cpu),
      each_(std::move(each)),
      of_(size_t(n)),
      distances_(size_t(n)),
      upper_(size_t(n), INFINITY),
      measured_(size_t(n)) {}

void NearestCenters::measure_rows() {
  each_([&](int64_t, View<const float, 2> rows) {
    const std::vector<double> squares = squares_of(context_, rows);
    squares_.insert(squares_.end(), squares.begin(), squares.end());
  });
  for (double square : squares_) lengths_.push_back(std::sqrt(square));
}

void NearestCenters::make_groups(int64_t most) {
  const Tensor rows = Tensor::from_host(context_, {count_, width_}, centers_.data(), "centres");
  const Clusters near = most > 1 ? k_means(context_, rows.view<const float, 2>(), most, 0, 0)
                                 : Clusters{1, std::vector<int64_t>(size_t(count_), 0), {}};
  group_of_ = near.of;
  groups_.assign(size_t(near.count), {});
  for (int64_t c = 0; c < count_; ++c) groups_[size_t(near.of[size_t(c)])].centers.push_back(c);
  lower_.assign(size_t(n_) * groups_.size(), 0);
}

void NearestCenters::measure(double* squared, int64_t i, const float* x, std::span<const int64_t> centers) const {
  for (size_t k = 0; k < centers.size(); k += kDownPairs) {
    const float* four[kDownPairs];
    double inner[kDownPairs];
    for (size_t r = 0; r < kDownPairs; ++r) four[r] = center(centers[std::min(k + r, centers.size() - 1)]);
    multiply_row(inner, four, x, width_);
    for (size_t r = 0; r < kDownPairs && k + r < centers.size(); ++r)
      squared[k + r] =
          measured<Measure::squared>(inner[r], squares_[size_t(i)], center_squares_[size_t(centers[k + r])], 1);
  }
}

double NearestCenters::error(int64_t i) const {
  const double both = lengths_[size_t(i)] + longest_;
  return 4 * rounding_of(width_) * both * both;
}

float NearestCenters::below(int64_t i, double squared) const {
  return float(std::sqrt(std::max(0.0, squared - error(i))) * kFloatDown);
}

double NearestCenters::above(int64_t i, double squared) const { return std::sqrt(squared + error(i)) * kUp; }

double NearestCenters::reach(int64_t i, double distance) const { return distance * distance * kUp + 2 * error(i); }

bool NearestCenters::surely_farther(int64_t i, int64_t group, double reach) {
  const double least = lower(i, group);
  return least > 0 && least * least > reach;
}

void NearestCenters::assign(std::span<const float> centers) {
  constexpr int64_t kChunk = 512;  // rows, of which many look at the same group
  count_ = width_ == 0 ? 1 : int64_t(centers.size()) / width_;
  centers_.assign(centers.begin(), centers.end());
  if (calls_ == 0) bounded_ = bounded_ && NearScreen::decides(centers);
  if (!bounded_) return each_([&](int64_t begin, View<const float, 2> rows) { assign_everywhere(begin, rows); });
  const Tensor rows = Tensor::from_host(context_, {count_, width_}, centers.data(), "centres");
  center_squares_ = squares_of(context_, rows.view<const float, 2>());
  longest_ = std::sqrt(std::ranges::max(center_squares_));
  if (++calls_ == 1) measure_rows(), make_groups(1);
  // From the second call on centres are means, and move less.
  if (calls_ == 2) make_groups(std::clamp<int64_t>(count_ / kOfGroup, 1, kMostGroups));
  for (Group& group : groups_)
    group.screen = NearScreen(
        int64_t(group.centers.size()), [&](int64_t c) { return center(group.centers[size_t(c)]); }, width_);
  std::ranges::fill(measured_, 0);
  each_([&](int64_t begin, View<const float, 2> block) {
    on_cpu(context_, [&](Cpu& cpu) {
      for_chunks(cpu, block.shape[0], kChunk,
                 [&](int64_t, int64_t first, int64_t last) { assign_some(begin, block, first, last); });
    });
  });
}

void NearestCenters::assign_everywhere(int64_t begin, View<const float, 2> rows) {
  const int64_t n = rows.shape[0];
  const Tensor centers = Tensor::from_host(context_, {count_, width_}, centers_.data(), "centres"),
               values(context_, {n, 1}, Dtype::f64, "distances"),
               places(context_, {n, 1}, Dtype::i64, "nearest centres");
  pairwise_least(context_, values.view<double, 2>(), places.view<int64_t, 2>(), rows, centers.view<const float, 2>(),
                 Pairing{});
  std::ranges::copy(values.to_host<double>(context_), distances_.begin() + begin);
  std::ranges::copy(places.to_host<int64_t>(context_), of_.begin() + begin);
  std::fill_n(measured_.begin() + begin, n, 1);
}

// Those rows of a block that a bound leaves open: each at its own group, then at groups that may hold a nearer centre.
void NearestCenters::assign_some(int64_t begin, View<const float, 2> rows, int64_t first, int64_t last) {
  const int64_t groups = int64_t(groups_.size());
  Lists own(groups_.size()), others(groups_.size());
  std::vector<Nearest> nearest;
  const auto any_but = [&](int64_t home, int64_t i, double distance, const auto& f) {
    const double within = reach(i, distance);
    for (int64_t g = 0; g < groups; ++g)
      if (g != home && !surely_farther(i, g, within) && f(g)) return;
  };
  for (int64_t k = first; k < last; ++k) {
    const int64_t i = begin + k;
    any_but(-1, i, upper_[size_t(i)], [&](int64_t) {
      own[size_t(group_of_[size_t(of_[size_t(i)])])].push_back(int64_t(nearest.size()));
      nearest.push_back({i, rows.data + k * width_});
      return true;
    });
  }
  for (int64_t g = 0; g < groups; ++g) look(g, own[size_t(g)], nearest);
  for (int64_t home = 0; home < groups; ++home)
    for (int64_t k : own[size_t(home)]) {
      const Nearest& row = nearest[size_t(k)];
      any_but(home, row.row, above(row.row, 2 * row.high), [&](int64_t g) {
        others[size_t(g)].push_back(k);
        return false;
      });
    }
  for (int64_t g = 0; g < groups; ++g) look(g, others[size_t(g)], nearest);
  for (const Nearest& row : nearest) {
    const auto i = size_t(row.row);
    of_[i] = row.center, upper_[i] = above(row.row, 2 * row.high);
    measured_[i] = row.measured;
    if (row.measured) distances_[i] = 2 * row.high;
  }
}

void NearestCenters::look(int64_t group, std::span<const int64_t> list, std::vector<Nearest>& nearest) {
  thread_local std::vector<float> memory;
  const Group& at = groups_[size_t(group)];
  for (int64_t k : list) lower(nearest[size_t(k)].row, group) = INFINITY;
  for (size_t begin = 0; begin < list.size(); begin += NearScreen::kRows) {
    const auto some = list.subspan(begin, std::min(list.size() - begin, size_t(NearScreen::kRows)));
    at.screen.each(
        memory, int64_t(some.size()), [&](int64_t r) { return nearest[size_t(some[size_t(r)])].x; },
        [&](int64_t r) { return error(nearest[size_t(some[size_t(r)])].row) / 2; },
        [&](int64_t r, int64_t first, const NearScreen::Halves& halves) {
          offer(nearest[size_t(some[size_t(r)])], group, &at.centers[size_t(first)], halves);
        });
  }
}

// Centres of a group, their numbers ascending: one of them is nearest, or none.
void NearestCenters::offer(Nearest& row, int64_t group, const int64_t* centers, const NearScreen::Halves& halves) {
  const Nearest before = row;
  const double within = std::max(0.0, std::min(row.high, halves.least_high()));
  uint64_t maybe = halves.maybe_within(within);
  int64_t place = -1;  // of the nearest, if it is one of these
  if (std::popcount(maybe) == 1 && before.low > within) {
    place = std::countr_zero(maybe);
    row.low = halves.low(place), row.high = halves.high(place);
    row.center = centers[place], row.measured = false;
  } else if (maybe != 0) {
    int64_t places[kWideScreen + 1], which[kWideScreen + 1];
    double squared[kWideScreen + 1];
    size_t count = 0;
    if (!row.measured && row.center >= 0) {  // it is measured, too
      places[count] = -1, which[count++] = row.center;
      row.center = -1, row.high = INFINITY;
    }
    for (; maybe != 0; maybe &= maybe - 1)
      places[count] = std::countr_zero(maybe), which[count] = centers[places[count]], ++count;
    measure(squared, row.row, row.x, {which, count});
    for (size_t k = 0; k < count; ++k) {
      const double half = squared[k] / 2;
      if (row.center >= 0 && (half > row.high || (half == row.high && which[k] > row.center))) continue;
      row.low = row.high = half, row.center = which[k], row.measured = true, place = places[k];
    }
  }
  const auto bound = [&](int64_t g, double half) {
    lower(row.row, g) = std::min(lower(row.row, g), below(row.row, 2 * half));
  };
  bound(group, halves.least_low_but(place));
  if (place >= 0 && before.center >= 0) bound(group_of_[size_t(before.center)], before.low);
}

void NearestCenters::measure_all() {
  each_([&](int64_t begin, View<const float, 2> rows) {
    each_on_host(context_, rows.shape[0], [&](int64_t k) {
      const auto i = size_t(begin + k);
      if (!measured_[i]) measure(&distances_[i], begin + k, rows.data + k * width_, {&of_[i], 1});
      measured_[i] = 1;
    });
  });
}

void NearestCenters::shift(std::span<const double> lengths) {
  if (groups_.empty()) return;
  std::vector<double> most;
  for (const Group& group : groups_) {
    most.push_back(0);
    for (int64_t c : group.centers) most.back() = std::max(most.back(), lengths[size_t(c)]);
  }
  each_on_host(context_, n_, [&](int64_t i) {
    upper_[size_t(i)] = (upper_[size_t(i)] + lengths[size_t(of_[size_t(i)])]) * kUp;
    for (size_t g = 0; g < most.size(); ++g) {
      float& bound = lower(i, int64_t(g));
      bound = float((double(bound) - most[g]) * (bound > most[g] ? kFloatDown : 1));
    }
  });
}

void NearestCenters::put(int64_t i, int64_t center) {
  of_[size_t(i)] = center, distances_[size_t(i)] = 0;
  upper_[size_t(i)] = INFINITY;
  for (int64_t g = 0; g < int64_t(groups_.size()); ++g) lower(i, g) = 0;
}

}  // namespace crc::select
