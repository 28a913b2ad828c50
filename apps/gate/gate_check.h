// What `doctor` asks of the gate (kernels/core/gate.h): first contact with every op and shape that has several ways to be
// computed, in each precision of the device, so that one line says whether anything computes wrong here.
#pragma once

#include <string>
#include <vector>

#include "kernels/core/context.h"
#include "nn/wrn.h"
#include "ssl/config.h"
#include "ssl/image_set.h"

namespace crc::apps {

// A whole training step, features and Jacobians of images, and the kernels of selection.
struct GateCheck {
  nn::WrnConfig net = {};
  ssl::TrainConfig training = {};  // FixMatch, 64 + 448 + 448
  int64_t scored = 500;            // images in a batch
  int64_t items = 20000, features = 128;
};

struct GateReport {
  int64_t contests = 0, taken = 0;        // where something else than the plain way was taken
  int64_t refused = 0;                    // ways that differ or fail: never used
  std::vector<std::string> refusals;      // a line each
  std::vector<std::string> notes;         // what could not be tried
  double plain_seconds = 0, seconds = 0;  // of each contested op and shape once: by the plain ways, by those taken
  std::string verdict() const;            // one line
};

// Holds contests in `context`, whose gate is in the chosen tier; a step that needs too much memory is tried with smaller
// batches, and noted.
GateReport check_gate(Context& context, const ssl::ImageSet& images, const GateCheck& check = {});

}  // namespace crc::apps
