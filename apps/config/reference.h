// report.reference: published accuracies, drawn beside a run's own.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace crc::apps {

// "100:78.4 150:83.7" as (labels, accuracy in percent). Error 78 naming the setting; a run checks it before it starts.
std::vector<std::pair<double, double>> parse_reference(const std::string& text);

}  // namespace crc::apps
