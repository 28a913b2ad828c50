// Settings of [ssl] that came with the methods of ssl/methods/matching.h, and that all methods share.
#pragma once

#include <vector>

#include "apps/config/config.h"
#include "apps/config/config_schema.h"
#include "ssl/config.h"

namespace crc::apps {

void add_methods(std::vector<ConfigKey>& keys);
// What they say; train.steps_per_epoch is known.
void set_methods(ssl::TrainConfig& train, const Config& config);

// Of ssl.ema_decays. Error config: not numbers from 0 to 1.
std::vector<double> further_decays(const Config& config);

}  // namespace crc::apps
