#include "ssl/inputs.h"

#include "kernels/ops/gather.h"

namespace crc::ssl {

nn::Activations take_inputs(Context& context, const nn::Net& net, const ImageSet& images, int64_t n) {
  return net.take_input(context, n, images.height(), images.width(), images.channels());
}

View<float, 2> as_rows(const nn::Activations& x) {
  const auto* rows = std::get_if<View<float, 4>>(&x);
  if (!rows) fail_internal("embeddings are fp32, and the network's inputs are bf16");
  return {rows->data, {rows->shape[0], rows->shape[3]}, rows->device, rows->name};
}

void show(Context& context, const nn::Activations& x, const ImageSet& images, int64_t begin, int64_t end,
          const NormalizeConfig& config) {
  if (images.views() > 0) return context.copy(as_rows(x), images.rows(0).slice(begin, end));
  const View<const int64_t, 1> in_order{nullptr, {0}, context.device(), "all"};
  std::visit([&](auto y) { normalize(context, y, images.pixels().slice(begin, end), in_order, config); }, x);
}

void show(Context& context, const nn::Activations& x, const ImageSet& images, View<const int64_t, 1> ids,
          const NormalizeConfig& config) {
  if (images.views() > 0) return gather_rows(context, as_rows(x), images.rows(0), ids);
  std::visit([&](auto y) { normalize(context, y, images.pixels(), ids, config); }, x);
}

}  // namespace crc::ssl
