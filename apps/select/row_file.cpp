#include "apps/select/row_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kernels/core/error.h"

namespace crc::apps {
namespace {

constexpr int64_t kBlockBytes = int64_t(1) << 20;  // converted at a time: stays in the cache

std::string advice(const data::NpyArray& array) {
  if (array.shape.size() > 2) return "flatten each item to one row: array.reshape(len(array), -1)";
  if (array.shape.size() < 2) return "one row per item is needed, also when there is one column: array.reshape(-1, 1)";
  if (array.shape[0] == 0) return "there is nothing to choose from; save the pool's rows, not a selection of them";
  if (array.shape[1] == 0) return "its rows are empty; check what was saved";
  return "convert it with array.astype(\"<f4\")";
}

}  // namespace

RowFile::RowFile(Context& context, const fs::path& path, const char* what, Precision precision) {
  if (path.empty()) return;
  array_ = data::read_npy(path);
  if (array_->shape.size() != 2 || array_->size() == 0 || !data::is_float(array_->type))
    fail(ExitCode::corrupt_data, fmt::format("{} holds {}; {} are floats [items,columns]: {}", path.string(),
                                             array_->describe(), what, advice(*array_)));
  if (array_->type == data::NpyType::f64 && precision == Precision::as_stored)
    rows_ = load<double>(context, what);
  else
    rows_ = load<float>(context, what);
}

// Of rows after their cast to fp32, the first of them row `begin`.
void RowFile::check_range(int64_t begin, std::span<const float> rows, const char* what) const {
  std::vector<double> exact(static_cast<size_t>(columns()));
  for (size_t k = 0; k < rows.size(); ++k) {
    if (!std::isinf(rows[k])) continue;
    const int64_t item = begin + int64_t(k) / columns(), column = int64_t(k) % columns();
    array_->read_rows(item, item + 1, exact.data());
    if (std::isfinite(exact[size_t(column)]))
      fail(ExitCode::numerical, fmt::format("{} of item {} are beyond fp32, in which they are used here: column {} is "
                                            "{}; divide all of them by one number",
                                            what, item, column, exact[size_t(column)]));
  }
}

template <class T> View<const T, 2> RowFile::load(Context& context, const char* what) {
  const auto in_place = array_->in_place<T>();
  if (in_place && context.device().kind == DeviceKind::cpu)
    return {in_place->data(), {items(), columns()}, context.device(), what};
  if (in_place) {
    converted_ = Tensor::from_host(context, {items(), columns()}, in_place->data(), what);
  } else {
    converted_ = Tensor(context, {items(), columns()}, DtypeOf<T>::value, what);
    const auto all = converted_.view<T, 2>();
    const int64_t step = std::max<int64_t>(1, kBlockBytes / (columns() * int64_t(sizeof(T))));
    std::vector<T> block(size_t(std::min(step, items()) * columns()));
    for (int64_t begin = 0; begin < items(); begin += step) {
      const int64_t end = std::min(items(), begin + step);
      array_->read_rows(begin, end, block.data());
      if constexpr (std::is_same_v<T, float>)
        check_range(begin, {block.data(), size_t((end - begin) * columns())}, what);
      context.copy_in(all.slice(begin, end), block.data());
    }
  }
  return converted_.view<const T, 2>();
}

}  // namespace crc::apps
