// What a report measures by: measures.def.
#pragma once

#include "apps/rundir/rounds.h"
#include "kernels/core/choice.h"

namespace crc::apps {

enum class Measure : uint8_t {
#define CRC_MEASURE(name, column, meaning) name,
#include "apps/sweep/measures.def"
#undef CRC_MEASURE
};
inline constexpr std::string_view kMeasureWords[] = {
#define CRC_MEASURE(name, column, meaning) #name,
#include "apps/sweep/measures.def"
#undef CRC_MEASURE
};
constexpr Words words_of(Measure) { return kMeasureWords; }

struct MeasureEntry {
  double RoundRow::*column;
  const char* meaning;
};
inline constexpr MeasureEntry kMeasures[] = {
#define CRC_MEASURE(name, column, meaning) {&RoundRow::column, meaning},
#include "apps/sweep/measures.def"
#undef CRC_MEASURE
};

constexpr double RoundRow::*measure_column(Measure measure) { return kMeasures[size_t(measure)].column; }

}  // namespace crc::apps
