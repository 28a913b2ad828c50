// What training sees: a labelled grid of images, each as it is and in several weak and strong views, drawn by the code
// and with the settings of training.
#pragma once

#include <string>

#include "apps/experiment.h"
#include "kernels/core/context.h"

namespace crc::apps {

// The first `count` training images, one per row; a PNG.
std::string preview_png(Context& context, const Config& config, const data::Dataset& dataset, int64_t count);

}  // namespace crc::apps
