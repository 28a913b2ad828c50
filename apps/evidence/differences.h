// What else differs between the methods of a block than their acquisition.
#pragma once

#include <string>

#include "apps/evidence/study.h"

namespace crc::apps {

// Settings in which the methods of a block differ, or that they do not.
std::string markdown_differences(const Study& study, const std::string& block);
std::string html_differences(const Study& study, const std::string& block);

}  // namespace crc::apps
