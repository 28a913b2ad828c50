#include "bench/plan_costs.h"

#include <algorithm>
#include <string_view>

namespace crc::bench {
namespace {

struct Cost {
  std::string_view op;
  int64_t kernels, reads;
};
constexpr Cost kCosts[] = {
#define CRC_COST(op, kernels, reads) {#op, kernels, reads},
#include "bench/plan_costs.def"
#undef CRC_COST
};
Cost cost_of(const Trace::Op& op) {
  const auto known = std::ranges::find(kCosts, op.name, &Cost::op);
  return known == std::end(kCosts) ? Cost{op.name, 1, 1} : *known;
}

// Nothing is summed up over the batch then, and no input read for it.
bool only_applies(const Trace::Op& op) { return op.eval && op.name.find("batchnorm") != std::string::npos; }

bool is_bf16(const Trace::Array& array) { return count(array) > 0 && array.bytes / count(array) == 2; }

}  // namespace

int64_t count(const Trace::Array& array) {
  int64_t n = 1;
  for (const int64_t extent : array.shape) n *= extent;
  return n;
}

static bool is_forward(const Trace::Op& op) { return op.name == "conv2d" || op.name == "conv2d_join"; }
static bool is_backward_data(const Trace::Op& op) { return op.name.starts_with("conv2d_backward_data"); }

bool may_join(const Trace::Op& op) { return op.name.ends_with("_join"); }

bool has_rounded(const Trace::Op& op) {
  const size_t place = is_forward(op) ? 4 : is_backward_data(op) ? 3 : 0;
  return place > 0 && op.arrays.size() > place && is_bf16(op.arrays[0]) && count(op.arrays[place]) > 0;
}

int64_t kernels_of(const Trace::Op& op) {
  if (op.waits_for >= 0 || op.name.starts_with("copy") || op.name == "set zero") return 0;
  int64_t kernels = cost_of(op).kernels;
  if (is_forward(op) || is_backward_data(op)) kernels += is_bf16(op.arrays[0]) && !has_rounded(op);
  if (is_forward(op)) kernels += count(op.arrays[3]) > 0;  // bias
  return kernels;
}

int64_t reads_of(const Trace::Op& op) { return std::max<int64_t>(1, cost_of(op).reads - only_applies(op)); }

}  // namespace crc::bench
