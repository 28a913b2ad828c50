// Tensor: an owning array on a context's device. Move-only; everything else passes views.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kernels/core/context.h"
#include "kernels/core/dtype.h"

namespace crc {

class Tensor {
 public:
  Tensor() = default;
  Tensor(Tensor&&) = default;
  Tensor& operator=(Tensor&&) = default;
  // Zero-filled.
  Tensor(Context& context, std::vector<int64_t> shape, Dtype dtype, std::string name);
  template <class T>
  static Tensor from_host(Context& context, std::vector<int64_t> shape, const T* data, std::string name) {
    Tensor t(context, std::move(shape), DtypeOf<T>::value, std::move(name));
    context.copy_in(t.view<T, 1>(), data);
    return t;
  }

  const std::vector<int64_t>& shape() const { return shape_; }
  int64_t size() const;
  Dtype dtype() const { return dtype_; }

  // R must be the tensor's rank, or 1 for the flat view; T its dtype.
  template <class T, int R> View<T, R> view() const {
    check(DtypeOf<std::remove_const_t<T>>::value, R);
    View<T, R> v{static_cast<T*>(memory_.get()), {}, device_, name_->c_str()};
    if (R == 1)
      v.shape[0] = size();
    else
      for (int d = 0; d < R; ++d) v.shape[d] = shape_[d];
    return v;
  }
  // A byte tensor seen as an array of structs.
  template <class T> View<T, 1> as() const {
    return {reinterpret_cast<T*>(view<uint8_t, 1>().data), {size() / int64_t(sizeof(T))}, device_, name_->c_str()};
  }
  template <class T> std::vector<T> to_host(Context& context) const {
    std::vector<T> host(size());
    context.copy_out(host.data(), view<const T, 1>());
    return host;
  }

 private:
  void check(Dtype dtype, int rank) const;
  std::shared_ptr<const std::string> name_;  // views point at it, and outlive moves of the tensor
  std::vector<int64_t> shape_;
  Dtype dtype_ = Dtype::f32;
  Device device_;
  std::shared_ptr<void> memory_;
};

}  // namespace crc
