// Rows of a device array in host memory, checked to be finite where an acquisition will use them.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "kernels/core/context.h"

namespace crc::select {

struct HostRows {
  std::vector<float> data;
  int64_t width;
  std::span<const float> operator[](int64_t item) const { return {data.data() + item * width, size_t(width)}; }
};

// Copies the array. Error config if it is empty ("<acquisition> needs <what>"), numerical if a row that one of `lists`
// names holds NaN or infinity.
HostRows read_rows(Context& context, View<const float, 2> array, const std::string& acquisition, const char* what,
                   std::initializer_list<std::span<const int64_t>> lists);

}  // namespace crc::select
