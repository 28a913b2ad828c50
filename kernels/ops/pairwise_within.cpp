#include "kernels/ops/pairwise_within.h"

#include <bit>
#include <utility>
#include <vector>

#include "kernels/cpu/pairwise_sweep.h"

namespace crc {
namespace {

static_assert(kPairChunk % kBitsOfWord == 0);  // tiles of chunks share no word

// 48 bits of a row, from column j on.
void put(View<int64_t, 2> bits, int64_t i, int64_t j, uint64_t inside) {
  const int64_t shift = j % kBitsOfWord;
  int64_t* word = &bits(i, j / kBitsOfWord);
  *word = int64_t(uint64_t(*word) | inside << shift);
  if (shift + kWideScreen > kBitsOfWord && inside >> (kBitsOfWord - shift) != 0)
    word[1] = int64_t(uint64_t(word[1]) | inside >> (kBitsOfWord - shift));
}
void put_mirrored(View<int64_t, 2> bits, int64_t i, int64_t j, uint64_t inside) {
  const auto own = uint64_t(1) << i % kBitsOfWord;
  for (; inside != 0; inside &= inside - 1) {
    int64_t& word = bits(j + std::countr_zero(inside), i / kBitsOfWord);
    word = int64_t(uint64_t(word) | own);
  }
}

}  // namespace

void pairwise_within(Cpu& cpu, View<int64_t, 2> bits, PairedRows a, double radius) {
  check_within(bits, a, radius);
  const Arena::Frame frame(cpu.scratch());
  const Pairs p = make_pairs(cpu, a, a, {Measure::top_hat, radius});
  const int64_t n = a.x.shape[0], chunks = pair_chunks(n);
  const PairMemory memory(cpu, n, a.x.shape[1], Measure::top_hat);
  for_chunks(cpu, n, kPairChunk, [&](int64_t, int64_t begin, int64_t end) {
    std::fill_n(bits.data + begin * bits.shape[1], (end - begin) * bits.shape[1], 0);
  });
  std::vector<std::pair<int64_t, int64_t>> tiles;
  for (int64_t down = 0; down < chunks; ++down)
    for (int64_t across = down; across < chunks; ++across) tiles.emplace_back(down, across);
  for_tasks(cpu, int64_t(tiles.size()), [&](int64_t tile) {
    const int64_t down = tiles[size_t(tile)].first, across = tiles[size_t(tile)].second;
    const int64_t top = down * kPairChunk, first = across * kPairChunk;
    sweep_balls(p, memory, top, std::min(n, top + kPairChunk), first, std::min(n, first + kPairChunk),
                [&](int64_t i, int64_t j, int64_t, uint64_t inside) {
                  put(bits, i, j, inside);
                  if (across != down) put_mirrored(bits, i, j, inside);
                });
  });
}

}  // namespace crc
