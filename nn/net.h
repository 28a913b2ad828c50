// Net: a feature extractor and a linear head. Stateless: weights, gradients and saved activations are arguments.
#pragma once

#include <memory>
#include <optional>
#include <variant>

#include "kernels/core/mode.h"
#include "nn/params.h"
#include "nn/program.h"
#include "nn/projection.h"

namespace crc::nn {

// Network inputs and activations, NHWC, in the precision of the net.
using Activations = std::variant<View<float, 4>, View<bf16, 4>>;

inline Activations slice(const Activations& x, int64_t begin, int64_t end) {
  return std::visit([&](const auto& v) -> Activations { return v.slice(begin, end); }, x);
}

// What a forward pass leaves behind for its backward pass. The arrays live in the context's scratch memory: the frame
// that was open during forward must still be open during backward.
struct Saved {
  virtual ~Saved() = default;
};

class Net {
 public:
  virtual ~Net() = default;
  const ParamLayout& layout() const { return layout_; }
  int64_t feature_dim() const { return feature_dim_; }
  int64_t classes() const { return classes_; }
  Dtype precision() const { return precision_; }  // of the activations
  // Beside the head, where a method asked for it: forward and backward leave it to the caller.
  const Projection* projection() const { return projection_ ? &*projection_ : nullptr; }
  bool exact() const { return exact_; }  // true fp32 arithmetic: what acquisitions are computed from

  // Room for n inputs in the net's precision, from the context's scratch memory.
  Activations take_input(Context& context, int64_t n, int64_t height, int64_t width, int64_t channels = 3) const;

  // x [N,H,W,3], or rows [N,1,1,D] of embeddings -> features [N,D], logits [N,C]. saved may be null when no backward
  // pass follows.
  virtual void forward(Context& context, const Weights& weights, const Activations& x, Mode mode,
                       View<float, 2> features, View<float, 2> logits, Saved* saved) const = 0;
  // grads += d loss / d parameters, given dlogits [N,C] and what forward saved. dfeatures [N,D], or empty: what the loss
  // has by the features besides.
  virtual void backward(Context& context, const Weights& weights, const Weights& grads, View<const float, 2> dlogits,
                        const Saved& saved, View<const float, 2> dfeatures = {}) const = 0;
  virtual std::unique_ptr<Saved> new_saved() const = 0;
  // What forward computes in Mode::eval, instruction by instruction; the last value is the logits.
  virtual Program program() const = 0;

 protected:
  Net(int64_t feature_dim, int64_t classes, Dtype precision, bool exact)
      : feature_dim_(feature_dim), classes_(classes), precision_(precision), exact_(exact) {}
  // The last parameters of the layout; size 0: none.
  void project(int64_t size) {
    if (size > 0) projection_.emplace(layout_, feature_dim_, size);
  }
  ParamLayout layout_;

 private:
  std::optional<Projection> projection_;
  int64_t feature_dim_, classes_;
  Dtype precision_;
  bool exact_;
};

inline Activations Net::take_input(Context& context, int64_t n, int64_t height, int64_t width, int64_t channels) const {
  if (precision_ == Dtype::bf16) return context.scratch().take<bf16, 4>({n, height, width, channels}, "input");
  return context.scratch().take<float, 4>({n, height, width, channels}, "input");
}

}  // namespace crc::nn
