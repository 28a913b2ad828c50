#include "crc/nearest_centers.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "crc/byte_rows.h"
#include "crc/host_loop.h"
#include "crc/k_means.h"
#include "kernels/ops/gather.h"
#include "kernels/ops/pairwise_tile.h"

namespace crc::select {
namespace {

constexpr int64_t kOfGroup = 16, kMostGroups = 16;  // centres: a tile of pairs is 24 wide; bounds take 4 bytes each
constexpr int64_t kOfAll = 16;                      // nearest ones that a look at all centres finds
constexpr double kUp = 1 + 0x1p-50, kFloatDown = 1 - 0x1p-21;  // more than a few roundings

}  // namespace

NearestCenters::NearestCenters(Context& context, int64_t n, int64_t width, std::function<void(const Rows&)> each)
    : context_(context),
      n_(n),
      width_(width),
      bounded_(context.device().kind == DeviceKind::cpu),
      each_(std::move(each)),
      squared_(context, {n}, Dtype::f64, "squared norms"),
      of_(size_t(n)),
      distances_(size_t(n)),
      upper_(size_t(n), INFINITY),
      measured_(size_t(n)) {}

void NearestCenters::measure_rows() {
  each_([&](int64_t begin, View<const float, 2> rows) {
    pairwise_norms(context_, squared_.view<double, 1>().slice(begin, begin + rows.shape[0]), rows);
    context_.synchronize();
  });
  squares_ = squared_.to_host<double>(context_);
  for (double square : squares_) lengths_.push_back(std::sqrt(square));
}

// At the second call: by then the centres are means, and move less.
void NearestCenters::make_groups(std::span<const float> centers, int64_t count) {
  const Tensor rows = Tensor::from_host(context_, {count, width_}, centers.data(), "centres");
  const int64_t most = std::clamp<int64_t>(count / kOfGroup, 1, kMostGroups);
  const Clusters near = most > 1 ? k_means(context_, rows.view<const float, 2>(), most, 0, 0)
                                 : Clusters{1, std::vector<int64_t>(size_t(count), 0), {}};
  group_of_ = near.of;
  groups_.resize(size_t(near.count));
  for (int64_t c = 0; c < count; ++c) groups_[size_t(near.of[size_t(c)])].centers.push_back(c);
  lower_.resize(size_t(n_) * groups_.size());
}

void NearestCenters::load(Group& group, std::span<const float> centers) {
  std::vector<float> rows;
  for (int64_t c : group.centers) {
    const auto row = centers.subspan(size_t(c * width_), size_t(width_));
    rows.insert(rows.end(), row.begin(), row.end());
  }
  const int64_t count = int64_t(group.centers.size());
  group.rows = Tensor::from_host(context_, {count, width_}, rows.data(), "centres");
  group.squared = Tensor(context_, {count}, Dtype::f64, "squared norms");
  pairwise_norms(context_, group.squared.view<double, 1>(), group.rows.view<const float, 2>());
}

double NearestCenters::error(int64_t i) const {
  const double both = lengths_[size_t(i)] + longest_;
  return 4 * rounding_of(width_) * both * both;
}

float NearestCenters::below(int64_t i, double squared) const {
  return float(std::sqrt(std::max(0.0, squared - error(i))) * kFloatDown);
}

double NearestCenters::above(int64_t i, double squared) const { return std::sqrt(squared + error(i)) * kUp; }

bool NearestCenters::surely_farther(int64_t i, int64_t group, double distance) {
  const double least = lower(i, group);
  return least > 0 && least * least > distance * distance * kUp + 2 * error(i);
}

void NearestCenters::assign(std::span<const float> centers) {
  const int64_t count = width_ == 0 ? 1 : int64_t(centers.size()) / width_;
  const bool first = all_.centers.empty();
  if (first) {
    measure_rows();
    all_.centers.resize(size_t(count));
    std::iota(all_.centers.begin(), all_.centers.end(), 0);
  } else if (bounded_ && groups_.empty()) {
    make_groups(centers, count);
  }
  load(all_, centers);
  for (Group& group : groups_) load(group, centers);
  longest_ = 0;
  for (double squared : all_.squared.to_host<double>(context_)) longest_ = std::max(longest_, std::sqrt(squared));
  std::ranges::fill(measured_, 0);
  each_piece([&](int64_t begin, View<const float, 2> rows) { assign_piece(begin, rows); });
}

// So few rows at once that copies of them take little memory.
void NearestCenters::each_piece(const Rows& f) const {
  constexpr int64_t kPiece = 1024;
  each_([&](int64_t begin, View<const float, 2> rows) {
    for (int64_t first = 0; first < rows.shape[0]; first += kPiece)
      f(begin + first, rows.slice(first, std::min(rows.shape[0], first + kPiece)));
  });
}

void NearestCenters::assign_piece(int64_t begin, View<const float, 2> rows) {
  const int64_t n = rows.shape[0], groups = int64_t(groups_.size());
  std::vector<int64_t> doubtful(size_t(n), groups + 1);  // groups that may hold a nearer centre
  if (groups > 0)
    each_on_host(context_, n, [&](int64_t k) {
      const int64_t i = begin + k;
      int64_t& count = doubtful[size_t(k)] = 0;
      for (int64_t g = 0; g < groups; ++g) count += !surely_farther(i, g, upper_[size_t(i)]);
    });
  std::vector<int64_t> anywhere;
  Lists own(groups_.size()), others(groups_.size());
  for (int64_t k = 0; k < n; ++k)
    if (2 * doubtful[size_t(k)] > groups)
      anywhere.push_back(k);
    else if (doubtful[size_t(k)] > 0)
      own[size_t(group_of_[size_t(of_[size_t(begin + k)])])].push_back(k);
  look(all_, begin, rows, anywhere);
  look(begin, rows, own);
  for (int64_t home = 0; home < groups; ++home)
    for (int64_t k : own[size_t(home)]) {
      const double distance = above(begin + k, distances_[size_t(begin + k)]);
      for (int64_t g = 0; g < groups; ++g)
        if (g != home && !surely_farther(begin + k, g, distance)) others[size_t(g)].push_back(k);
    }
  look(begin, rows, others);
  for (int64_t i = begin; i < begin + n; ++i)
    if (measured_[size_t(i)]) upper_[size_t(i)] = above(i, distances_[size_t(i)]);
}

void NearestCenters::measure_all() {
  each_piece([&](int64_t begin, View<const float, 2> rows) {
    Lists own(groups_.size());
    for (int64_t k = 0; k < rows.shape[0]; ++k)
      if (const auto i = size_t(begin + k); !measured_[i]) own[size_t(group_of_[size_t(of_[i])])].push_back(k);
    look(begin, rows, own);
  });
}

void NearestCenters::look(int64_t begin, View<const float, 2> rows, const Lists& lists) {
  for (size_t g = 0; g < lists.size(); ++g) look(groups_[g], begin, rows, lists[g]);
}

// Rows of a piece at some centres; nearly all of them where they lie.
void NearestCenters::look(const Group& at, int64_t begin, View<const float, 2> rows, std::span<const int64_t> list) {
  if (list.empty()) return;
  const bool all = &at == &all_, most = 8 * int64_t(list.size()) > 7 * rows.shape[0];
  const int64_t n = most ? rows.shape[0] : int64_t(list.size()), keep = groups_.empty() ? 1 : all ? kOfAll : 2;
  const auto norms = squared_.view<const double, 1>().slice(begin, begin + rows.shape[0]);
  const PairedRows centers(at.rows.view<const float, 2>(), at.squared.view<const double, 1>());
  const Tensor values(context_, {n, keep}, Dtype::f64, "distances"),
      places(context_, {n, keep}, Dtype::i64, "nearest centres");
  if (most) {
    pairwise_least(context_, values.view<double, 2>(), places.view<int64_t, 2>(), PairedRows(rows, norms), centers,
                   Pairing{});
  } else {
    std::vector<double> squares;
    for (int64_t k : list) squares.push_back(squares_[size_t(begin + k)]);
    const Tensor which = Tensor::from_host(context_, {n}, list.data(), "rows to look at"),
                 some(context_, {n, width_}, Dtype::f32, "rows"),
                 squared = Tensor::from_host(context_, {n}, squares.data(), "squared norms");
    gather_rows(context_, some.view<float, 2>(), rows, which.view<const int64_t, 1>());
    pairwise_least(context_, values.view<double, 2>(), places.view<int64_t, 2>(),
                   PairedRows(some.view<const float, 2>(), squared.view<const double, 1>()), centers, Pairing{});
    context_.synchronize();  // they go
  }
  const std::vector<double> least = values.to_host<double>(context_);
  std::vector<int64_t> found = places.to_host<int64_t>(context_);
  for (int64_t& place : found)
    if (place >= 0) place = at.centers[size_t(place)];
  each_on_host(context_, int64_t(list.size()), [&](int64_t k) {
    const int64_t row = (most ? list[size_t(k)] : k) * keep, i = begin + list[size_t(k)];
    if (all)
      take(i, {&least[size_t(row)], size_t(keep)}, {&found[size_t(row)], size_t(keep)});
    else
      offer(i, &at - groups_.data(), &least[size_t(row)], &found[size_t(row)]);
  });
}

// The nearest of all centres; those that are not among them are no nearer than the last.
void NearestCenters::take(int64_t i, std::span<const double> least, std::span<const int64_t> which) {
  measured_[size_t(i)] = 1, distances_[size_t(i)] = least[0], of_[size_t(i)] = which[0];
  if (groups_.empty()) return;
  const float last = below(i, least.back());
  for (int64_t g = 0; g < int64_t(groups_.size()); ++g) lower(i, g) = last;
  for (size_t s = least.size() - 1; s > 0; --s)
    if (which[s] >= 0) lower(i, group_of_[size_t(which[s])]) = below(i, least[s]);
}

// What a look at a group found: its nearest centre and the next one.
void NearestCenters::offer(int64_t i, int64_t group, const double* least, const int64_t* which) {
  double& best = distances_[size_t(i)];
  int64_t& of = of_[size_t(i)];
  const bool first = !measured_[size_t(i)];
  measured_[size_t(i)] = 1;
  if (first || least[0] < best || (least[0] == best && which[0] < of)) {
    if (!first) lower(i, group_of_[size_t(of)]) = below(i, best);
    best = least[0], of = which[0];
    lower(i, group) = below(i, least[1]);
  } else {
    lower(i, group) = below(i, least[0]);
  }
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
