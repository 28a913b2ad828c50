// Label propagation (ssl/propagation.h) as a method: its model is the labels themselves, and no step changes them.
#include "ssl/method.h"

namespace crc::ssl {
namespace {

class LabelPropagation : public Method {
 public:
  std::span<const BatchView> views(const TrainConfig&) const override { return {}; }
  void gradients(const TrainingStep&, const Batch&) const override { fail_internal("label_propagation has no steps"); }
  bool trains() const override { return false; }
};

}  // namespace

const Method& label_propagation() {
  static const LabelPropagation method;
  return method;
}

}  // namespace crc::ssl
