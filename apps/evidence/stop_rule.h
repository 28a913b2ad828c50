// sweep --until, decided when all trials that a sweep has are done (StopRule of apps/sweep/sweep.h).
#pragma once

#include <string>

#include "apps/sweep/sweep.h"

namespace crc::apps {

// Why no trial is to be added, in words; empty: one is. Reads all runs.
std::string why_enough(const Sweep& sweep);

// The rule and where it stands, a sentence for reports; empty without a rule.
std::string rule_words(const Sweep& sweep);

// Error usage: no block has two methods, so that there is no difference whose interval could be narrow.
void check_rule(const Sweep& sweep);

}  // namespace crc::apps
