#include "nn/projection.h"

#include "kernels/ops/leaky_relu.h"
#include "kernels/ops/unit_rows.h"

namespace crc::nn {
namespace {

std::string named(const char* layer) { return std::string(Projection::kPrefix) + layer; }

}  // namespace

Projection::Projection(ParamLayout& layout, int64_t features, int64_t size)
    : size_(size),
      hidden_(layout, named("0"), features, features, Init::uniform_fan_in, false),
      out_(layout, named("2"), features, size, Init::uniform_fan_in, false) {}

Projection::Saved Projection::Saved::slice(int64_t begin, int64_t end) const {
  return {features.slice(begin, end), sums.slice(begin, end), hidden.slice(begin, end), y.slice(begin, end)};
}

Projection::Saved Projection::forward(Context& context, const Weights& weights, View<float, 2> z,
                                      View<const float, 2> features) const {
  const int64_t n = features.shape[0], d = features.shape[1];
  Arena& arena = context.scratch();
  const auto sums = arena.take<float, 2>({n, d}, "projection sums"),
             hidden = arena.take<float, 2>({n, d}, "projection");
  const auto y = arena.take<float, 2>({n, size_}, "projections");
  hidden_.forward(context, weights, sums, features);
  leaky_relu(context, hidden.flat(), sums.flat(), 0.0f);
  out_.forward(context, weights, y, hidden);
  unit_rows(context, z, y);
  return {features, sums, hidden, y};
}

void Projection::backward(Context& context, const Weights& weights, const Weights& grads, View<float, 2> dfeatures,
                          View<const float, 2> dz, const Saved& saved) const {
  const int64_t n = dz.shape[0], d = saved.features.shape[1];
  Arena& arena = context.scratch();
  Arena::Frame frame(arena);
  const auto dy = arena.take<float, 2>({n, size_}, "gradient of the projections");
  const auto dhidden = arena.take<float, 2>({n, d}, "gradient of the projection");
  unit_rows_backward(context, dy, dz, saved.y);
  out_.backward(context, weights, grads, dhidden, dy, saved.hidden);
  leaky_relu_backward(context, dhidden.flat(), dhidden.flat(), saved.sums.flat(), 0.0f);
  hidden_.backward(context, weights, grads, dfeatures, dhidden, saved.features);
}

}  // namespace crc::nn
