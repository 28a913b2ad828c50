// What a Trace says, in words that do not depend on the device, and what must hold of any trace.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "kernels/core/trace.h"

namespace crc::test {

inline bool lies_in(const Trace::Array& array, const void* data, int64_t bytes) {
  const auto* begin = static_cast<const char*>(data);
  const auto* at = static_cast<const char*>(array.data);
  return at >= begin && at + array.bytes <= begin + bytes;
}

// Where an array lies: in which scratch array or tensor, at which byte. Empty: in neither, which is an error.
inline std::string place_of(const Trace& trace, const Trace::Array& array) {
  const auto at = [&](const void* base) {
    return std::to_string(static_cast<const char*>(array.data) - static_cast<const char*>(base));
  };
  if (array.bytes == 0) return "nowhere";
  if (array.scratch >= 0) {
    const Trace::Scratch& s = trace.scratch()[size_t(array.scratch)];
    if (!lies_in(array, s.data, s.bytes)) return "";
    return "scratch " + std::to_string(s.lane) + "@" + std::to_string(s.offset) + " '" + s.name + "'+" + at(s.data);
  }
  for (auto t = trace.tensors().rbegin(); t != trace.tensors().rend(); ++t)
    if (lies_in(array, t->data, t->bytes)) return "tensor '" + t->name + "'+" + at(t->data);
  return "";
}

// One line for each op: its name and, of each array, name, size, access and place.
inline std::vector<std::string> schedule_of(const Trace& trace) {
  std::vector<std::string> lines;
  for (const Trace::Op& op : trace.ops()) {
    std::string line = std::to_string(op.lane) + " " + op.name;
    if (op.waits_for >= 0) line += " for " + std::to_string(op.waits_for);
    for (const Trace::Array& array : op.arrays)
      line += ", " + array.name + (array.written ? " out " : " in ") + std::to_string(array.bytes) + " in " +
              place_of(trace, array);
    lines.push_back(std::move(line));
  }
  return lines;
}

// No two arrays that are alive together share memory, and ops touch only what is alive.
inline void expect_sound_memory(const Trace& trace) {
  const auto& all = trace.scratch();
  for (size_t i = 0; i < all.size(); ++i)
    for (size_t j = 0; j < i; ++j) {
      const Trace::Scratch &a = all[i], &b = all[j];
      if (a.begin >= b.end || b.begin >= a.end) continue;
      const auto *x = static_cast<const char*>(a.data), *y = static_cast<const char*>(b.data);
      EXPECT_TRUE(x + a.bytes <= y || y + b.bytes <= x)
          << "'" << a.name << "' and '" << b.name << "' are alive together, and share memory";
      if (a.lane != b.lane) continue;
      EXPECT_TRUE(a.offset + a.bytes <= b.offset || b.offset + b.bytes <= a.offset) << a.name << ", " << b.name;
    }
  for (const Trace::Op& op : trace.ops())
    for (const Trace::Array& array : op.arrays)
      EXPECT_NE(place_of(trace, array), "") << op.name << ": '" << array.name << "' is neither alive nor a tensor";
}

}  // namespace crc::test
