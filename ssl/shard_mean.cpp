#include "ssl/shard_mean.h"

#include <bit>

#include "kernels/ops/across_ranks.h"
#include "kernels/ops/ema.h"

namespace crc::ssl {
namespace {

constexpr int64_t kAligned = 32;  // floats: parts begin at multiples of 128 bytes, for vector loads

int64_t room(int64_t floats) { return (floats + kAligned - 1) / kAligned * kAligned; }

}  // namespace

ShardMean::ShardMean(Context& context, const nn::ParamLayout& layout, int64_t shards, bool teacher, Ranks* ranks)
    : context_(context), ranks_(ranks) {
  const int64_t processes = ranks_ ? ranks_->size() : 1;
  if (!std::has_single_bit(uint64_t(shards)) || shards % processes != 0)
    fail_internal(std::to_string(shards) + " shards in " + std::to_string(processes) + " processes");
  const int64_t running = layout.running_total(), teachers = teacher ? running : 0;
  const int64_t own = shards / processes;
  first_ = ranks_ ? ranks_->rank() * own : 0;
  for (int64_t s = 0; s < own; ++s) {
    memory_.emplace_back(context, std::vector<int64_t>{room(layout.total()) + room(running) + room(teachers)},
                         Dtype::f32, kName);
    const View<float, 1> flat = memory_.back().view<float, 1>();
    int64_t at = 0;
    const auto next = [&](int64_t floats) {
      const View<float, 1> part = flat.slice(at, at + floats);
      at += room(floats);
      return part;
    };
    left_.push_back(
        {.gradients = next(layout.total()), .running = next(running), .teachers = next(teachers), .flat = flat});
  }
  const StepState half{.step = 0, .learning_rate = 0, .ema_decay = 0.5f, .consistency_weight = 0};
  half_ = Tensor::from_host(context, {int64_t(sizeof half)}, reinterpret_cast<const uint8_t*>(&half), "one half");
}

const ShardMean::Left& ShardMean::mean() {
  for (size_t step = 1; step < left_.size(); step *= 2)
    for (size_t s = 0; s < left_.size(); s += 2 * step)
      ema_update(context_, left_[s].flat, View<bf16, 1>{}, left_[s + step].flat, half_.as<StepState>());
  if (ranks_ && ranks_->size() > 1) mean_ranks(context_, left_.front().flat, ranks_);
  return left_.front();
}

void ShardMean::compare(View<const float, 1> values, int64_t step) const {
  if (!ranks_ || ranks_->size() == 1) return;
  std::vector<float> own(size_t(values.size()));
  context_.copy_out(own.data(), values);
  uint64_t sum = 0xcbf29ce484222325;  // FNV-1a over words
  for (const float value : own) sum = (sum ^ std::bit_cast<uint32_t>(value)) * 0x100000001b3;
  const std::vector<uint64_t> sums = ranks_->gather(std::span<const uint64_t>(&sum, 1));
  for (size_t r = 1; r < sums.size(); ++r)
    if (sums[r] != sums[0])
      fail(ExitCode::internal,
           "process " + std::to_string(r) + " has other weights than process 0 after step " + std::to_string(step) +
               ": all must be of one version, on CPUs or GPUs of one kind; the last checkpoint is of before");
}

}  // namespace crc::ssl
