// One training step as a file, so that another framework can be shown to do the same work before it is timed against
// us (bench/peers/torch_steps.py): weights, images, labels, losses and gradients.
#pragma once

#include <string>

#include "bench/ssl/training.h"
#include "nn/safetensors.h"

namespace crc::bench {

// WRN-28-2 at its initialisation, on images drawn from N(0,1)-like values, with the batch of the cases.
//   student/NAME, teacher/NAME (kekmodel's names), images [rows of all views,32,32,3] fp32, labels [B] i32,
//   losses [2] (labelled, unlabelled), gradients/NAME;  metadata: method, precision, batch, unlabeled, threshold.
// The threshold is 0, so that every pseudo-label counts; there is neither optimizer nor EMA in it.
nn::TensorFile dump_step(Context& context, Scale scale, const std::string& method, const Precision& precision);

}  // namespace crc::bench
