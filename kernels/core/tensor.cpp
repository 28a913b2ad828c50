#include "kernels/core/tensor.h"

namespace crc {

Tensor::Tensor(Context& context, std::vector<int64_t> shape, Dtype dtype, std::string name)
    : name_(std::make_shared<std::string>(std::move(name))),
      shape_(std::move(shape)),
      dtype_(dtype),
      device_(context.device()),
      memory_(context.allocate(size() * size_of(dtype), *name_)) {}

int64_t Tensor::size() const {
  int64_t n = 1;
  for (int64_t extent : shape_) n *= extent;
  return n;
}

void Tensor::check(Dtype dtype, int rank) const {
  if (!memory_) fail_internal("an empty tensor was asked for a view");
  if (dtype == dtype_ && (rank == 1 || rank == int(shape_.size()))) return;
  fail_internal("tensor '" + *name_ + "' is " + name_of(dtype_) + " of rank " + std::to_string(shape_.size()) +
                ", asked for " + name_of(dtype) + " of rank " + std::to_string(rank));
}

}  // namespace crc
