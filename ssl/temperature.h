// Calibration by one number: probabilities are softmax(logits / T).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace crc::ssl {

inline constexpr double kMostTemperature = 64;

// The T under which the labels are likeliest (Guo et al. 2017, section 4.2), in [1/kMostTemperature, kMostTemperature]; at an end of that where
// the labels ask for more, as where all predictions are right. logits [N,C]; rows with label -1 do not count. In fp64,
// in the order of the rows. Error config: no row has a label.
double fit_temperature(const std::vector<float>& logits, const std::vector<int32_t>& labels, int64_t classes);

// For cross-validation: of each item its fold, from 0; -1 where it has no label, or the only one of its class, which must
// stay to be learnt from. Items of a class are dealt in turn, so none is wholly in one fold. labels [N], folds >= 2.
std::vector<int64_t> deal_folds(const std::vector<int32_t>& labels, int64_t classes, int64_t folds);

// What a reader should know of it: "; at the end of the range ..." where the labels settle none, else nothing.
std::string temperature_note(double temperature);

}  // namespace crc::ssl
