#include "crc/k_means.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "crc/byte_rows.h"
#include "crc/checkpoint.h"
#include "crc/host_loop.h"
#include "crc/nearest_centers.h"
#include "kernels/cpu/four_rows.h"
#include "kernels/ops/min_distance.h"

namespace crc::select {
namespace {

constexpr int kMostRounds = 100;
constexpr double kTolerance = 1e-4;

// Rows, of which this process holds those from number `first` on.
struct Points {
  Ranks& ranks;
  int64_t own, first, all, width;
  std::function<void(const std::function<void(int64_t, View<const float, 2>)>&)> each;      // f(begin, rows [n,D])
  std::function<void(const std::function<void(int64_t, std::span<const float>)>&)> values;  // the same on the host
  std::function<std::vector<float>(int64_t)> row;                                           // by number; collective
};

class KMeans {
 public:
  KMeans(Context& context, Points points, const Config& config, const std::string& of)
      : context_(context),
        points_(std::move(points)),
        n_(points_.own),
        width_(points_.width),
        config_(config),
        first_name_("first centres " + of),
        name_("rounds of k-means " + of),
        nearest_(context, n_, width_, points_.each) {}

  // Centres and rounds of before.
  bool go_on() {
    const std::vector<double> kept = recalled(config_, name_);
    if (kept.empty()) return false;
    rounds_ = int(kept[0]), most_shift_ = kept[1];
    centers_.assign(kept.begin() + 2, kept.end());
    say_goes_on(config_, rounds_ < kMostRounds ? fmt::format("{} {}", rounds_, name_) : "the " + name_);
    return true;
  }

  // Until there are k, or all rows are centres or their copies.
  void plus_plus(int64_t k, Draws& draws) {
    const std::vector<double> far(size_t(n_), INFINITY);
    const Tensor nearest = Tensor::from_host(context_, {n_}, far.data(), "squared distances");
    ByteRows bytes(width_);
    if (on_host() && k > 2) points_.values([&](int64_t, std::span<const float> x) { bytes.add(context_, x); });
    int64_t next = std::min(points_.all - 1, int64_t(draws.uniform53() * double(points_.all)));
    Steps<1> steps(config_, first_name_, k);
    std::vector<float> met;  // centres that the rows have not met
    while (true) {
      const std::vector<float> row = points_.row(next);
      centers_.insert(centers_.end(), row.begin(), row.end());
      met.insert(met.end(), row.begin(), row.end());
      report(config_.progress, "first centres", count(), k);
      if (count() == k) return;
      if (steps.more()) draws.uniform53();  // that it was drawn by
      next = int64_t(steps.next([&]() -> Steps<1>::Step {
        approach(nearest.view<double, 1>(), met, bytes);
        met.clear();
        return {double(draw_place(points_.ranks, points_.first, nearest.to_host<double>(context_), draws))};
      })[0]);
      if (next < 0) return;
    }
  }

  void lloyd() {
    iterate();
    nearest_.measure_all();
  }

  Clusters clusters() {
    return {count(), points_.ranks.gather(std::span<const int64_t>(nearest_.of())),
            points_.ranks.gather(std::span<const double>(nearest_.distances()))};
  }

 private:
  int64_t count() const { return width_ == 0 ? 1 : int64_t(centers_.size()) / width_; }
  bool on_host() const { return context_.device().kind == DeviceKind::cpu; }

  // nearest [own], on the device: with new centres. Rows that are surely not nearer to a single one are left out.
  void approach(View<double, 1> nearest, std::span<const float> center, const ByteRows& bytes) {
    constexpr int64_t kChunk = 512;  // rows
    const int64_t many = width_ == 0 ? 1 : int64_t(center.size()) / width_;
    const Tensor centers = Tensor::from_host(context_, {many, width_}, center.data(), "centres");
    const auto point = centers.view<const float, 2>();
    points_.each([&](int64_t begin, View<const float, 2> rows) {
      const auto own = nearest.slice(begin, begin + rows.shape[0]);
      if (bytes.count() == 0 || many > 1) {
        min_distance(context_, own, rows, point);
        return context_.synchronize();
      }
      const ByteRows::MaybeNearer maybe = bytes.to(center);
      on_cpu(context_, [&](Cpu& cpu) {
        for_chunks(cpu, rows.shape[0], kChunk, [&](int64_t, int64_t first, int64_t last) {
          std::vector<int64_t> which;
          for (int64_t i = first; i < last; ++i)
            if (maybe(begin + i, own[i])) which.push_back(i), prefetch(&rows(i, 0), width_);
          approach_some(own, rows, which, center.data());
        });
      });
    });
  }
  static void approach_some(View<double, 1> nearest, View<const float, 2> rows, std::span<const int64_t> which,
                            const float* center) {
    for (size_t k = 0; k < which.size(); k += kLanes) {
      const float* four[kLanes];
      Lanes least;
      for (size_t r = 0; r < kLanes; ++r) {
        const int64_t i = which[std::min(k + r, which.size() - 1)];
        four[r] = &rows(i, 0), least[r] = nearest[i];
      }
      approach_four<1>(least, four, center, rows.shape[1]);
      for (size_t r = 0; r < kLanes && k + r < which.size(); ++r) nearest[which[k + r]] = least[r];
    }
  }

  void iterate() {
    if (rounds_ == kMostRounds) return assign();
    if (rounds_ == 0) most_shift_ = kTolerance * mean_variance();
    std::vector<int64_t> before;
    // Where a kept round had moved no item, the means are the centres, bit for bit, and this ends like that.
    for (const int first = rounds_; rounds_ < kMostRounds;) {
      report(config_.progress, "k-means, at most", rounds_, kMostRounds);
      assign();
      int64_t moved[] = {nearest_.of() != before || rounds_ == first};
      points_.ranks.sum(moved);
      if (moved[0] == 0) return keep(config_, name_, kept(kMostRounds));
      const double shift = update(before, rounds_ == first);
      before = nearest_.of();
      if (shift <= most_shift_) break;
      ++rounds_;
      keep_when_due(config_, name_, [&] { return kept(rounds_); });
    }
    keep(config_, name_, kept(kMostRounds));
    assign();
  }

  std::vector<double> kept(int rounds) const {
    std::vector<double> values{double(rounds), most_shift_};
    values.insert(values.end(), centers_.begin(), centers_.end());
    return values;
  }

  void assign() {
    nearest_.assign(centers_);
    fill_empty();
  }
  // The farthest items, of equally far ones the first, go to clusters that have none.
  void fill_empty() {
    struct Far {
      double distance;
      int64_t cluster;
    };
    std::vector<int64_t> sizes(size_t(count()), 0);
    for (int64_t c : nearest_.of()) ++sizes[size_t(c)];
    points_.ranks.sum(sizes);
    for (int64_t c = 0; c < count(); ++c) {
      if (sizes[size_t(c)] > 0) continue;
      nearest_.measure_all();
      const std::vector<double>& distances = nearest_.distances();
      const auto at = std::ranges::max_element(distances) - distances.begin();
      const Far own = n_ > 0 ? Far{distances[size_t(at)], nearest_.of()[size_t(at)]} : Far{-1, -1};
      const std::vector<Far> all = points_.ranks.gather(std::span(&own, 1));
      const auto farthest = std::ranges::max_element(all, {}, &Far::distance);
      if (!(farthest->distance > 0)) return;
      --sizes[size_t(farthest->cluster)], ++sizes[size_t(c)];
      if (farthest - all.begin() == points_.ranks.rank()) nearest_.put(at, c);
    }
  }
  // Clusters that gained or lost a row since `before`, in any process.
  std::vector<int64_t> changed_since(const std::vector<int64_t>& before, bool first) const {
    std::vector<int64_t> changed(size_t(count()), first);
    for (size_t i = 0; i < before.size(); ++i)
      if (const int64_t c = nearest_.of()[i]; c != before[i]) changed[size_t(c)] = changed[size_t(before[i])] = 1;
    points_.ranks.sum(changed);
    return changed;
  }
  // Sums of the rows of each changed cluster, in order; clusters and pieces of columns on different threads.
  void add_rows(std::vector<double>& total, int64_t begin, std::span<const float> x,
                const std::vector<int64_t>& changed) const {
    constexpr int64_t kPiece = 256, kTogether = 4;  // columns; rows that share loads and stores of a sum
    std::vector<std::vector<const float*>> rows(changed.size());
    for (int64_t i = 0; i * width_ < int64_t(x.size()); ++i)
      if (const auto c = size_t(nearest_.of()[size_t(begin + i)]); changed[c] != 0)
        rows[c].push_back(&x[size_t(i * width_)]);
    const int64_t pieces = (width_ + kPiece - 1) / kPiece;
    Context host = host_of(context_);
    on_cpu(host, [&](Cpu& cpu) {
      for_chunks(cpu, count() * pieces, 1, [&](int64_t task, int64_t, int64_t) {
        const std::vector<const float*>& list = rows[size_t(task / pieces)];
        double* sum = &total[size_t(task / pieces * width_)];
        const int64_t first = task % pieces * kPiece, last = std::min(width_, first + kPiece);
        size_t i = 0;
        for (; i + kTogether <= list.size(); i += kTogether) {
          const float *a = list[i], *b = list[i + 1], *c = list[i + 2], *e = list[i + 3];
          for (size_t next = i + kTogether; next < std::min(list.size(), i + 2 * kTogether); ++next)
            prefetch(list[next] + first, last - first);
          for (int64_t d = first; d < last; ++d)
            sum[d] = (((sum[d] + double(a[d])) + double(b[d])) + double(c[d])) + double(e[d]);
        }
        for (; i < list.size(); ++i)
          for (int64_t d = first; d < last; ++d) sum[d] += double(list[i][d]);
      });
    });
  }
  // Centres to means, but where a cluster is what it was; the sum of their squared shifts.
  double update(const std::vector<int64_t>& before, bool first) {
    const std::vector<int64_t>& of = nearest_.of();
    const std::vector<int64_t> changed = changed_since(before, first);
    const size_t entries = centers_.size();
    std::vector<double> sums(entries + size_t(count()));  // and sizes
    chain(points_.ranks, sums, [&](std::vector<double>& total) {
      points_.values([&](int64_t begin, std::span<const float> x) { add_rows(total, begin, x, changed); });
      for (int64_t c : of) ++total[entries + size_t(c)];
    });
    double shift = 0;
    std::vector<double> lengths(size_t(count()), 0);
    for (int64_t c = 0; c < count(); ++c) {
      if (changed[size_t(c)] == 0 || !(sums[entries + size_t(c)] > 0)) continue;
      double own = 0;
      for (int64_t d = 0; d < width_; ++d) {
        float& center = centers_[size_t(c * width_ + d)];
        const float mean = float(sums[size_t(c * width_ + d)] / sums[entries + size_t(c)]);
        const double step = (double(mean) - double(center)) * (double(mean) - double(center));
        shift += step, own += step;
        center = mean;
      }
      lengths[size_t(c)] = std::sqrt(own) * (1 + rounding_of(width_));
    }
    nearest_.shift(lengths);
    return shift;
  }
  // f(first, last) of all columns, some of them on each thread.
  template <class F> void by_columns(const F& f) const {
    constexpr int64_t kLeast = 64;  // of a row; more are read at once
    Context host = host_of(context_);
    on_cpu(host, [&](Cpu& cpu) {
      const int64_t share = (width_ + cpu.threads() - 1) / cpu.threads();
      for_chunks(cpu, width_, std::max(kLeast, share), [&](int64_t, int64_t begin, int64_t end) { f(begin, end); });
    });
  }
  double mean_variance() const {
    const auto total = [&](const auto& f) {
      std::vector<double> sum(size_t(width_), 0);
      chain(points_.ranks, sum, [&](std::vector<double>& s) {
        points_.values([&](int64_t, std::span<const float> x) {
          by_columns([&](int64_t first, int64_t last) {
            for (auto row = x.begin(); row != x.end(); row += width_)
              for (int64_t d = first; d < last; ++d) s[size_t(d)] += f(double(row[d]), d);
          });
        });
      });
      return sum;
    };
    std::vector<double> mean = total([](double x, int64_t) { return x; });
    for (double& m : mean) m /= double(points_.all);
    const std::vector<double> square = total([&](double x, int64_t d) { return (x - mean[d]) * (x - mean[d]); });
    double all = 0;
    for (double s : square) all += s / double(points_.all);
    return width_ > 0 ? all / double(width_) : 0;
  }

  Context& context_;
  Points points_;
  int64_t n_, width_;
  const Config& config_;
  std::string first_name_, name_;
  int rounds_ = 0;
  double most_shift_ = 0;
  std::vector<float> centers_;
  NearestCenters nearest_;
};

Clusters clusters_of(Context& context, Points points, int64_t k, const Config& config, const std::string& of) {
  constexpr int64_t kOfNoItem = -1;  // item numbers have draws of their own (crc/ties.h)
  Draws draws(config.seed, Purpose::acquisition, kOfNoItem, config.round);
  KMeans means(context, std::move(points), config, of);
  if (!means.go_on()) means.plus_plus(k, draws);
  means.lloyd();
  return means.clusters();
}

}  // namespace

std::vector<std::vector<int64_t>> Clusters::members() const {
  std::vector<std::vector<int64_t>> lists(static_cast<size_t>(count));
  for (size_t i = 0; i < of.size(); ++i) lists[of[i]].push_back(int64_t(i));
  return lists;
}

Clusters k_means(Context& context, View<const float, 2> rows, int64_t k, uint32_t seed, int64_t round,
                 const Progress& progress) {
  std::vector<float> copy;
  std::span<const float> host(rows.data, size_t(rows.size()));
  if (rows.device.kind != DeviceKind::cpu) {
    copy.resize(size_t(rows.size()));
    context.copy_out(copy.data(), rows);
    host = copy;
  }
  Ranks alone;
  const int64_t n = rows.shape[0], width = rows.shape[1];
  const auto row = [&](int64_t i) {
    const auto values = host.subspan(size_t(i * width), size_t(width));
    return std::vector<float>(values.begin(), values.end());
  };
  const Config config{.seed = seed, .round = round, .progress = progress};
  return clusters_of(
      context, {alone, n, 0, n, width, [&](const auto& f) { f(0, rows); }, [&](const auto& f) { f(0, host); }, row}, k,
      config, "");
}

Clusters k_means(Context& context, const PoolBlocks& pool, int64_t k, const Config& config, const std::string& of) {
  const int64_t own = int64_t(pool.items().size());
  const std::vector<int64_t> items = pool.ranks().gather(pool.items());
  const int64_t first = own > 0 ? std::ranges::lower_bound(items, pool.items()[0]) - items.begin() : 0;
  const auto values = [&](const auto& f) {
    pool.each([&](int64_t begin, View<const float, 2> rows) {
      if (rows.device.kind == DeviceKind::cpu) return f(begin, std::span<const float>(rows.data, size_t(rows.size())));
      std::vector<float> host(size_t(rows.size()));
      context.copy_out(host.data(), rows);
      f(begin, std::span<const float>(host));
    });
  };
  const auto row = [&](int64_t i) { return pool.rows({&items[size_t(i)], 1}).template to_host<float>(context); };
  return clusters_of(context,
                     {pool.ranks(), own, first, int64_t(items.size()), pool.width(),
                      [&](const auto& f) { pool.each(f); }, values, row},
                     k, config, of);
}

int64_t draw_place(std::span<const double> weights, Draws& draws) {
  Ranks alone;
  return draw_place(alone, 0, weights, draws);
}

int64_t draw_place(Ranks& ranks, int64_t first, std::span<const double> weights, Draws& draws) {
  std::vector<double> total(1, 0);
  chain(ranks, total, [&](std::vector<double>& t) {
    for (double w : weights) t[0] += w;
  });
  const double target = draws.uniform53() * total[0];
  std::vector<double> state{0, -1, 0};  // the sum, its last place, and whether it is beyond the target
  chain(ranks, state, [&](std::vector<double>& s) {
    for (int64_t i = 0; i < int64_t(weights.size()) && s[2] == 0; ++i) {
      if (!(weights[i] > 0)) continue;
      s[1] = double(first + i);
      if ((s[0] += weights[i]) > target) s[2] = 1;
    }
  });
  return int64_t(state[1]);
}

}  // namespace crc::select
