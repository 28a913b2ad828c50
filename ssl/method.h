// A semi-supervised method is what happens between a batch and the parameter gradients. Adding one: a file in methods/
// and a line in methods.def.
#pragma once

#include <string>
#include <vector>

#include "nn/net.h"
#include "ssl/config.h"

namespace crc::ssl {

// Images of one step, augmented and normalised, stacked: [labelled | unlabelled weak | unlabelled strong].
struct Batch {
  nn::Activations images;         // [labeled + views * unlabeled, H, W, 3]
  View<const int32_t, 1> labels;  // [labeled]
  int64_t labeled = 0, unlabeled = 0;
};

struct Step {
  Context& context;
  const nn::Net& net;
  nn::Weights student;
  nn::Weights grads;  // zero on entry
  View<const StepState, 1> state;
  const TrainConfig& config;
  nn::Saved& saved;       // room for one forward pass of `net`
  View<float, 2> losses;  // ring [K, kLossColumns] for record_mean
};

// Columns of the ring: the labelled loss, the unlabelled loss, the share of unlabelled images above the threshold.
enum LossColumn : int64_t { kLossLabeled, kLossUnlabeled, kMaskRate, kLossColumns };

class Method {
 public:
  virtual ~Method() = default;
  virtual int64_t unlabeled(const TrainConfig& config) const = 0;  // unlabelled images per step
  virtual void gradients(const Step& step, const Batch& batch) const = 0;
};

struct MethodEntry {
  const char* name;
  const char* description;
  const char* source;
  const Method& (*get)();
};
const std::vector<MethodEntry>& methods();
// Error config with the known names.
const Method& find_method(const std::string& name);

}  // namespace crc::ssl
