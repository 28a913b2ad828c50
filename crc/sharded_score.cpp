#include "crc/sharded_score.h"

#include <algorithm>
#include <numeric>

namespace crc::select {
namespace {

constexpr int64_t kRowBytes = 64ll << 20;  // of the rows of groups that a process scores at a time, with coordinates

std::vector<int64_t> numbers(int64_t first, int64_t count) {
  std::vector<int64_t> values(static_cast<size_t>(count));
  std::iota(values.begin(), values.end(), first);
  return values;
}

// Rows of some items, on the host and on the device, as a pool of their own.
template <class T> struct SomeRows {
  HostMatrix<T> host;
  bool elsewhere;  // the context is no CPU
  Tensor device;

  SomeRows(Context& context, std::vector<T> rows, int64_t width)
      : host(std::move(rows), width), elsewhere(context.device().kind != DeviceKind::cpu) {
    if (elsewhere) device = Tensor::from_host(context, {host.count(), width}, host.data.data(), "rows of groups");
  }
  View<const T, 2> view() const {
    if (elsewhere) return device.view<const T, 2>();
    return {host.data.data(), {host.count(), host.width}, {}, "rows of groups"};
  }
};

template <class T> class ShardedScorer {
 public:
  ShardedScorer(Solver solver, Context& context, const LastLayerNtk& ntk, const ShardedRows& features, Items labeled,
                Items unlabeled)
      : solver_(solver),
        context_(context),
        ntk_(ntk),
        features_(features),
        labeled_(int64_t(labeled.size())),
        unlabeled_(unlabeled.begin(), unlabeled.end()),
        known_(features.everywhere<T>(labeled)) {}

  std::vector<double> operator()(Positions groups) {
    const int64_t count = groups.shape[0], size = groups.shape[1];
    std::vector<int64_t> members(size_t(groups.size()));
    context_.copy_out(members.data(), groups);
    for (int64_t& place : members) place = unlabeled_[size_t(place)];
    const int ranks = features_.ranks().size();
    const int64_t item_bytes = features_.columns() * int64_t(sizeof(T)) + ntk_.rank() * 8;
    const int64_t step = std::max<int64_t>(1, kRowBytes / (item_bytes * size)) * ranks;
    std::vector<double> own;
    std::vector<std::vector<int64_t>> places(static_cast<size_t>(ranks));  // of groups, by who scores them
    for (int64_t begin = 0; begin < count; begin += step) {
      std::vector<std::vector<int64_t>> wanted(static_cast<size_t>(ranks));
      for (int64_t k = begin; k < std::min(count, begin + step); ++k) {
        const auto group = std::span(members).subspan(size_t(k * size), size_t(size));
        const auto who = size_t(features_.owner(group[size_t(k % size)]));
        places[who].push_back(k);
        wanted[who].insert(wanted[who].end(), group.begin(), group.end());
      }
      const std::vector<double> scores = score(features_.deliver<T>(wanted), size);
      own.insert(own.end(), scores.begin(), scores.end());
    }
    const std::vector<double> all = features_.ranks().gather(std::span<const double>(own));
    std::vector<double> results(static_cast<size_t>(count));
    size_t next = 0;
    for (const auto& list : places)
      for (int64_t k : list) results[size_t(k)] = all[next++];
    return results;
  }

 private:
  // Of groups whose rows are `rows`, one group after the other.
  std::vector<double> score(std::vector<T> rows, int64_t size) {
    const int64_t width = features_.columns(), items = int64_t(rows.size()) / width;
    if (items == 0) return {};
    rows.insert(rows.begin(), known_.begin(), known_.end());
    const SomeRows<T> some(context_, std::move(rows), width);
    const LastLayerNtk ntk = ntk_.over(some.view(), some.host, &spectra_);
    const std::vector<int64_t> labeled = numbers(0, labeled_), unlabeled = numbers(labeled_, items),
                               places = numbers(0, items);
    const Tensor positions = Tensor::from_host(context_, {items / size, size}, places.data(), "groups");
    return make_scorer(solver_, context_, ntk, labeled, unlabeled)(positions.view<const int64_t, 2>());
  }

  Solver solver_;
  Context& context_;
  const LastLayerNtk& ntk_;
  const ShardedRows& features_;
  int64_t labeled_;
  std::vector<int64_t> unlabeled_;
  std::vector<T> known_;  // [L,D]
  Spectra spectra_;
};

template <class T>
Achieved achieved_of(Context& context, const LastLayerNtk& ntk, const ShardedRows& features, Items labeled,
                     Items picks) {
  std::vector<int64_t> items(labeled.begin(), labeled.end());
  items.insert(items.end(), picks.begin(), picks.end());
  const SomeRows<T> some(context, features.everywhere<T>(items), features.columns());
  const int64_t known = int64_t(labeled.size());
  return smallest_eigenvalue(context, ntk.over(some.view(), some.host), numbers(0, known),
                             numbers(known, int64_t(picks.size())));
}

}  // namespace

Scorer make_sharded_scorer(Solver solver, Context& context, const LastLayerNtk& ntk, const ShardedRows& features,
                           Items labeled, Items unlabeled) {
  const auto scorer = [&]<class T>(T) -> Scorer {
    return [own = std::make_shared<ShardedScorer<T>>(solver, context, ntk, features, labeled, unlabeled)](
               Positions groups) { return (*own)(groups); };
  };
  return features.wide() ? scorer(double()) : scorer(float());
}

Achieved smallest_eigenvalue(Context& context, const LastLayerNtk& ntk, const ShardedRows& features, Items labeled,
                             Items picks) {
  return features.wide() ? achieved_of<double>(context, ntk, features, labeled, picks)
                         : achieved_of<float>(context, ntk, features, labeled, picks);
}

}  // namespace crc::select
