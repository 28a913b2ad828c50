#include "crc/arrays.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/core/error.h"
#include "kernels/core/half.h"

namespace crc::select {
namespace {

using crc_active::Type;

constexpr int64_t kBlockBytes = int64_t(1) << 20;  // converted at a time: stays in the cache
constexpr int64_t kTile = 64;  // rows whose columns are gathered together, so that what is written stays in the cache

struct Half {
  uint16_t bits;
  operator float() const { return half_to_float(bits); }
};

// Calls f with an element of the stored type.
template <class F> void visit_type(Type type, F&& f) {
  switch (type) {
    case Type::f16:
      return f(Half{});
    case Type::bf16:
      return f(bf16{});
    case Type::f32:
      return f(float{});
    case Type::f64:
      return f(double{});
  }
}

const char* numpy_name(Type type) {
  switch (type) {
    case Type::f16:
      return "<f2";
    case Type::bf16:
      return "<u2 as bf16";
    case Type::f32:
      return "<f4";
    case Type::f64:
      break;
  }
  return "<f8";
}

int64_t count_of(const Array& array) {
  int64_t size = 1;
  for (int64_t extent : array.shape) size *= extent;
  return array.shape.empty() ? 0 : size;
}

int64_t stride_of(const Array& array, size_t dimension) {
  if (!array.strides.empty()) return array.strides[dimension];
  int64_t step = 1;
  for (size_t d = dimension + 1; d < array.shape.size(); ++d) step *= array.shape[d];
  return step;
}

bool in_order(const Array& array, bool fortran) {
  int64_t step = 1;
  for (size_t k = 0; k < array.shape.size(); ++k) {
    const size_t d = fortran ? k : array.shape.size() - 1 - k;
    if (array.shape[d] > 1 && stride_of(array, d) != step) return false;
    step *= array.shape[d];
  }
  return true;
}

// Used where it stands: in C order, of type T, aligned.
template <class T> bool stands_as(const Array& array) {
  return array.type == (sizeof(T) == 8 ? Type::f64 : Type::f32) && in_order(array, false) &&
         reinterpret_cast<uintptr_t>(array.data) % sizeof(T) == 0;
}

Device home(const Array& array) { return array.cuda < 0 ? Device{} : Device{DeviceKind::cuda, int16_t(array.cuda)}; }

// The array in host memory; one that a GPU holds is copied to `keep`.
Array on_host(const Array& array, std::vector<char>& keep) {
  if (array.cuda < 0) return array;
  if (!in_order(array, false) && !in_order(array, true))
    fail(ExitCode::config,
         fmt::format("{} is on cuda:{} with gaps between its rows; make it contiguous first", array.name, array.cuda));
  keep.resize(size_t(bytes_of(array)));
  Context holder = Context::cuda(array.cuda);
  holder.copy_out(
      keep.data(),
      View<const char, 1>{
          static_cast<const char*>(array.data), {int64_t(keep.size())}, holder.device(), array.name.c_str()});
  Array copy = array;
  copy.data = keep.data(), copy.cuda = -1;
  return copy;
}

std::string extents(std::span<const int64_t> shape) {
  std::string text;
  for (int64_t extent : shape) text += fmt::format("{}{}", text.empty() ? "" : ",", extent);
  return "[" + text + "]";
}

}  // namespace

bool is_given(const Array& array) { return !array.shape.empty(); }

int64_t bytes_of(Type type) { return type == Type::f64 ? 8 : type == Type::f32 ? 4 : 2; }
int64_t bytes_of(const Array& array) { return count_of(array) * bytes_of(array.type); }

std::string describe(const Array& array) {
  const bool c = in_order(array, false);
  return fmt::format("{} {}{}", extents(array.shape), numpy_name(array.type),
                     c                       ? ""
                     : in_order(array, true) ? " in Fortran order"
                                             : " with strides");
}

std::string row_advice(std::span<const int64_t> shape) {
  if (shape.size() > 2) return "flatten each item to one row: array.reshape(len(array), -1)";
  if (shape.size() < 2) return "one row per item is needed, also when there is one column: array.reshape(-1, 1)";
  if (shape[0] == 0) return "there is nothing to choose from; save the pool's rows, not a selection of them";
  if (shape[1] == 0) return "its rows are empty; check what was saved";
  return "";
}

template <class T> void read_rows(const Array& array, int64_t begin, int64_t end, T* out) {
  const int64_t width = array.shape.size() == 2 ? array.shape[1] : 1;
  const int64_t row_step = stride_of(array, 0), column_step = array.shape.size() == 2 ? stride_of(array, 1) : 1;
  visit_type(array.type, [&](auto element) {
    const char* data = static_cast<const char*>(array.data);
    const auto load = [&](int64_t row, int64_t column) {
      std::memcpy(&element, data + (row * row_step + column * column_step) * int64_t(sizeof element), sizeof element);
      if constexpr (std::is_same_v<decltype(element), double>)
        return T(element);
      else
        return T(float(element));
    };
    if (column_step == 1) {
      for (int64_t row = begin; row < end; ++row)
        for (int64_t column = 0; column < width; ++column) *out++ = load(row, column);
      return;
    }
    for (int64_t tile = begin; tile < end; tile += kTile)
      for (int64_t column = 0; column < width; ++column)
        for (int64_t row = tile; row < std::min(end, tile + kTile); ++row)
          out[(row - begin) * width + column] = load(row, column);
  });
}
template void read_rows(const Array&, int64_t, int64_t, float*);
template void read_rows(const Array&, int64_t, int64_t, double*);

RowArrays::RowArrays(std::vector<Array> shards, const char* what) : shards_(std::move(shards)), what_(what) {
  for (Array& shard : shards_) {
    if (shard.name.empty()) shard.name = what;
    if (shard.shape.size() != 2 || count_of(shard) == 0)
      fail(ExitCode::corrupt_data, fmt::format("{} holds {}; {} are floats [items,columns]: {}", shard.name,
                                               describe(shard), what, row_advice(shard.shape)));
    if (shard.shape[1] != columns())
      fail(ExitCode::corrupt_data,
           fmt::format("{} holds {} and {} holds {}; {} in several files are rows of one array, all of one width",
                       shards_[0].name, describe(shards_[0]), shard.name, describe(shard), what));
    items_ += shard.shape[0];
  }
}

std::string RowArrays::name() const {
  if (shards_.empty()) return "";
  return shards_.size() == 1 ? shards_[0].name : fmt::format("{} and {} more", shards_[0].name, shards_.size() - 1);
}

const Rows& RowArrays::load(Context& context, Precision precision) {
  if (shards_.empty()) return rows_;
  const bool wide = std::ranges::any_of(shards_, [](const Array& a) { return a.type == Type::f64; });
  if (wide && precision == Precision::as_stored)
    rows_ = load_as<double>(context);
  else
    rows_ = load_as<float>(context);
  return rows_;
}

template <class T> View<const T, 2> RowArrays::load_as(Context& context) {
  const bool stands = shards_.size() == 1 && stands_as<T>(shards_[0]);
  if (stands && home(shards_[0]) == context.device())
    return {static_cast<const T*>(shards_[0].data), {items_, columns()}, context.device(), what_};
  in_place_ = false;
  if (stands && shards_[0].cuda < 0) {
    converted_ = Tensor::from_host(context, {items_, columns()}, static_cast<const T*>(shards_[0].data), what_);
    return converted_.view<const T, 2>();
  }
  converted_ = Tensor(context, {items_, columns()}, DtypeOf<T>::value, what_);
  int64_t first = 0;
  for (const Array& shard : shards_) {
    convert<T>(context, shard, first);
    first += shard.shape[0];
  }
  return converted_.view<const T, 2>();
}

template <class T> void RowArrays::convert(Context& context, const Array& given, int64_t first) {
  std::vector<char> keep;
  const Array shard = on_host(given, keep);
  const int64_t rows = shard.shape[0];
  const int64_t step = std::max<int64_t>(1, kBlockBytes / (columns() * int64_t(sizeof(T))));
  std::vector<T> block(size_t(std::min(step, rows) * columns()));
  for (int64_t begin = 0; begin < rows; begin += step) {
    const int64_t end = std::min(rows, begin + step);
    read_rows(shard, begin, end, block.data());
    if constexpr (std::is_same_v<T, float>)
      if (shard.type == Type::f64) check_range(shard, first, begin, {block.data(), size_t((end - begin) * columns())});
    context.copy_in(converted_.view<T, 2>().slice(first + begin, first + end), block.data());
  }
}

// Of rows after their cast to fp32, the first of them row `begin` of the shard.
void RowArrays::check_range(const Array& shard, int64_t first, int64_t begin, std::span<const float> rows) const {
  std::vector<double> exact(static_cast<size_t>(columns()));
  for (size_t k = 0; k < rows.size(); ++k) {
    if (!std::isinf(rows[k])) continue;
    const int64_t row = begin + int64_t(k) / columns(), column = int64_t(k) % columns();
    read_rows(shard, row, row + 1, exact.data());
    if (std::isfinite(exact[size_t(column)]))
      fail(ExitCode::numerical, fmt::format("{} of item {} are beyond fp32, in which they are used here: column {} is "
                                            "{}; divide all of them by one number",
                                            what_, first + row, column, exact[size_t(column)]));
  }
}

template <int R>
View<const float, R> load_floats(Context& context, const Array& given, const char* what, const char* shape,
                                 std::vector<Tensor>& keep) {
  if (!is_given(given)) return {};
  const std::string name = given.name.empty() ? what : given.name;
  if (given.shape.size() != R || count_of(given) == 0)
    fail(ExitCode::corrupt_data, fmt::format("{} holds {}; {} are floats {}", name, describe(given), what, shape));
  if (R == 3 && !in_order(given, false))
    fail(ExitCode::corrupt_data, fmt::format("{} holds {}; save it in C order: numpy.save(file, "
                                             "numpy.ascontiguousarray(array))",
                                             name, describe(given)));
  View<const float, R> view;
  std::ranges::copy(given.shape, view.shape);
  view.device = context.device(), view.name = what;
  if (stands_as<float>(given) && home(given) == context.device()) {
    view.data = static_cast<const float*>(given.data);
    return view;
  }
  std::vector<char> bytes;
  Array array = on_host(given, bytes);
  const int64_t columns = array.shape.back();
  if (R == 3) array.shape = {count_of(array) / columns, columns}, array.strides.clear();
  if (R == 1 && array.strides.empty()) array.strides = {1};
  keep.emplace_back(context, given.shape, Dtype::f32, what);
  const auto rows = keep.back().view<float, 1>();
  const int64_t width = R == 1 ? 1 : columns, step = std::max<int64_t>(1, kBlockBytes / (width * 4));
  std::vector<float> block(size_t(std::min(step, array.shape[0]) * width));
  for (int64_t begin = 0; begin < array.shape[0]; begin += step) {
    const int64_t end = std::min(array.shape[0], begin + step);
    read_rows(array, begin, end, block.data());
    context.copy_in(rows.slice(begin * width, end * width), block.data());
  }
  view.data = rows.data;
  return view;
}
template View<const float, 1> load_floats(Context&, const Array&, const char*, const char*, std::vector<Tensor>&);
template View<const float, 2> load_floats(Context&, const Array&, const char*, const char*, std::vector<Tensor>&);
template View<const float, 3> load_floats(Context&, const Array&, const char*, const char*, std::vector<Tensor>&);

}  // namespace crc::select
