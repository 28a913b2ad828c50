#include "ssl/plan.h"

#include "ssl/evaluate.h"
#include "ssl/trainer.h"

namespace crc::ssl {
namespace {

ImageSet images_of(Context& dry, const DataSize& data) {
  if (data.features > 0)
    return {dry, data.images, data.features, std::vector<const float*>(size_t(data.views)), nullptr};
  return {dry, data.images, data.height, data.width, nullptr, nullptr};
}

}  // namespace

Trace plan_training(const nn::Net& net, const DataSize& data, const TrainConfig& config, bool fused) {
  Trace trace;
  Context context = Context::dry(fused);
  context.trace_into(&trace);
  const ImageSet images = images_of(context, data);
  Trainer trainer(context, net, images, std::vector<int64_t>(size_t(data.labeled)),
                  std::vector<int64_t>(size_t(data.unlabeled)), config);
  trainer.train(1);
  return trace;
}

Trace plan_prediction(const nn::Net& net, const DataSize& data, int64_t batch) {
  Trace trace;
  Context context = Context::dry();
  const ImageSet images = images_of(context, data);
  const nn::WeightBuffers weights(context, net.layout(), "weights");
  context.trace_into(&trace);
  (void)predict(context, net, weights.weights(), images, {}, batch);
  return trace;
}

int64_t tensor_bytes(const Trace& trace) {
  int64_t bytes = 0;
  for (const Trace::Tensor& tensor : trace.tensors()) bytes += tensor.bytes;
  return bytes;
}

}  // namespace crc::ssl
