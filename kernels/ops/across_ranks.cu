#include <bit>

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/nccl.h"
#include "kernels/ops/across_ranks.h"

namespace crc {
namespace {

using Sent = std::vector<std::span<const float>>;
using Received = std::vector<std::span<float>>;

int64_t bytes_of(int64_t floats) { return floats * int64_t(sizeof(float)); }

std::span<float> part(View<float, 1> values, int64_t begin, int64_t end) {
  return {values.data + begin, size_t(end - begin)};
}

}  // namespace

void gather_ranks(Cuda& cuda, View<float, 1> all, View<const float, 1> own, Ranks* ranks) {
  const int64_t processes = check_gather(all, own, ranks), me = processes > 1 ? ranks->rank() : 0, n = own.size();
  copy_within(cuda, all.data + me * n, own.data, bytes_of(n));
  if (processes == 1) return;
  Sent out(size_t(processes), std::span(own.data, size_t(n)));
  Received in;
  for (int64_t r = 0; r < processes; ++r) in.push_back(part(all, r * n, (r + 1) * n));
  out[size_t(me)] = {}, in[size_t(me)] = {};
  nccl_swap(cuda, out, in);
}

// Every process has its share of the elements from all, and gives its mean to all: as many bytes for any number.
void mean_ranks(Cuda& cuda, View<float, 1> values, Ranks* ranks) {
  if (!ranks || ranks->size() == 1) return;
  const int64_t processes = ranks->size(), me = ranks->rank();
  if (!std::has_single_bit(uint64_t(processes))) fail_internal("a tree of " + std::to_string(processes) + " processes");
  const Share own(values.size(), int(me), int(processes));
  const int64_t n = own.end - own.begin;
  const Arena::Frame frame(cuda.scratch());
  const View<float, 2> parts = cuda.scratch().take<float>({processes, n}, "shares of processes");
  Sent out;
  Received in;
  for (int64_t r = 0; r < processes; ++r) {
    const Share theirs(values.size(), int(r), int(processes));
    out.push_back(part(values, theirs.begin, theirs.end));
    in.push_back(part(parts.flat(), r * n, (r + 1) * n));
  }
  out[size_t(me)] = {}, in[size_t(me)] = {};
  copy_within(cuda, parts.data + me * n, values.data + own.begin, bytes_of(n));
  nccl_swap(cuda, out, in);
  for_each(cuda, "mean_ranks", n, TreeMean{parts.data, n, processes});
  for (int64_t r = 0; r < processes; ++r) {
    const Share theirs(values.size(), int(r), int(processes));
    out[size_t(r)] = part(parts.flat(), 0, n);
    in[size_t(r)] = part(values, theirs.begin, theirs.end);
  }
  out[size_t(me)] = {}, in[size_t(me)] = {};
  copy_within(cuda, values.data + own.begin, parts.data, bytes_of(n));
  nccl_swap(cuda, out, in);
}

}  // namespace crc
