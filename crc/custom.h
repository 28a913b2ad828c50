// Acquisitions that are registered while the process runs, beside those of crc/acquisitions.def: functions of crc/select.h
// that score or pick.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "crc/acquisition.h"
#include "crc/select.h"

namespace crc::select {

// Its entry, or null. Entries live as long as the process.
const Acquisition* find_custom(const std::string& name);
std::vector<std::string> custom_names();

// Error config: see crc_active::register_acquisition.
void register_custom(const std::string& name, std::function<crc_active::Answer(const crc_active::Question&)> ask);

}  // namespace crc::select
