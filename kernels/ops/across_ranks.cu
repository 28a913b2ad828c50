#include <bit>

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/nccl.h"
#include "kernels/ops/across_ranks.h"

namespace crc {
namespace {

template <class T> int64_t bytes_of(int64_t count) { return count * int64_t(sizeof(T)); }

// A swap of elements of arrays.
template <class T> class Crossing {
 public:
  explicit Crossing(const Ranks& ranks) : me_(size_t(ranks.rank())), out_(size_t(ranks.size())), in_(out_.size()) {}
  // These cross to process r, and come from it. What is this process's own does not cross.
  void with(int64_t r, const T* out, int64_t out_count, T* in, int64_t in_count) {
    if (size_t(r) == me_) return;
    out_[size_t(r)] = {reinterpret_cast<const char*>(out), size_t(bytes_of<T>(out_count))};
    in_[size_t(r)] = {reinterpret_cast<char*>(in), size_t(bytes_of<T>(in_count))};
  }
  void go(Cuda& cuda) const { nccl_swap(cuda, out_, in_); }

 private:
  size_t me_;
  std::vector<std::span<const char>> out_;
  std::vector<std::span<char>> in_;
};

template <class T> void gather(Cuda& cuda, View<T, 1> all, View<const T, 1> own, Ranks* ranks) {
  const int64_t processes = check_gather(all, own, ranks), me = processes > 1 ? ranks->rank() : 0, n = own.size();
  copy_within(cuda, all.data + me * n, own.data, bytes_of<T>(n));
  if (processes == 1) return;
  Crossing<T> crossing(*ranks);
  for (int64_t r = 0; r < processes; ++r) crossing.with(r, own.data, n, all.data + r * n, n);
  crossing.go(cuda);
}

}  // namespace

void gather_ranks(Cuda& cuda, View<float, 1> all, View<const float, 1> own, Ranks* ranks) {
  gather(cuda, all, own, ranks);
}
void gather_ranks(Cuda& cuda, View<double, 1> all, View<const double, 1> own, Ranks* ranks) {
  gather(cuda, all, own, ranks);
}

// Every process has its share of the elements from all, and gives its mean to all: as many bytes for any number.
void mean_ranks(Cuda& cuda, View<float, 1> values, Ranks* ranks) {
  if (!ranks || ranks->size() == 1) return;
  const int64_t processes = ranks->size(), me = ranks->rank();
  if (!std::has_single_bit(uint64_t(processes))) fail_internal("a tree of " + std::to_string(processes) + " processes");
  const auto share = [&](int64_t r) { return Share(values.size(), int(r), int(processes)); };
  const Share own = share(me);
  const int64_t n = own.end - own.begin;
  const Arena::Frame frame(cuda.scratch());
  const View<float, 2> parts = cuda.scratch().take<float>({processes, n}, "shares of processes");
  Crossing<float> there(*ranks), back(*ranks);
  for (int64_t r = 0; r < processes; ++r) {
    const Share theirs = share(r);
    float* const of_theirs = values.data + theirs.begin;
    there.with(r, of_theirs, theirs.end - theirs.begin, parts.data + r * n, n);
    back.with(r, parts.data, n, of_theirs, theirs.end - theirs.begin);
  }
  copy_within(cuda, parts.data + me * n, values.data + own.begin, bytes_of<float>(n));
  there.go(cuda);
  for_each(cuda, "mean_ranks", n, TreeMean{parts.data, n, processes});
  copy_within(cuda, values.data + own.begin, parts.data, bytes_of<float>(n));
  back.go(cuda);
}

}  // namespace crc
