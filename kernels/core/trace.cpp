#include "kernels/core/trace.h"

#include <algorithm>
#include <map>

namespace crc {

int64_t Trace::peak_bytes() const {
  std::map<int, int64_t> peaks;
  for (const Scratch& s : scratch_) peaks[s.lane] = std::max(peaks[s.lane], s.offset + s.bytes);
  int64_t sum = 0;
  for (const auto& [lane, peak] : peaks) sum += peak;
  return sum;
}

void Trace::taken(int lane, const char* name, const void* data, int64_t offset, int64_t bytes) {
  alive_.push_back(int64_t(scratch_.size()));
  const int64_t begin = int64_t(ops_.size()) - (inside_ ? 1 : 0);
  scratch_.push_back({name, data, offset, bytes, lane, begin, INT64_MAX, inside_});
}

void Trace::given_back(int lane, int64_t offset) {
  std::erase_if(alive_, [&](int64_t i) {
    Scratch& s = scratch_[size_t(i)];
    if (s.lane != lane || s.offset < offset) return false;
    s.end = int64_t(ops_.size());
    return true;
  });
}

int64_t Trace::find(const void* data) const {
  for (auto i = alive_.rbegin(); i != alive_.rend(); ++i) {
    const Scratch& s = scratch_[size_t(*i)];
    const auto* begin = static_cast<const char*>(s.data);
    if (data >= begin && data < begin + s.bytes) return *i;
  }
  return -1;
}

}  // namespace crc
