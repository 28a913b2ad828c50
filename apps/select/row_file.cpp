#include "apps/select/row_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "data/file.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

constexpr int64_t kBlockBytes = int64_t(1) << 20;  // converted at a time: stays in the cache

std::string advice(const data::NpyArray& array) {
  if (array.shape.size() > 2) return "flatten each item to one row: array.reshape(len(array), -1)";
  if (array.shape.size() < 2) return "one row per item is needed, also when there is one column: array.reshape(-1, 1)";
  if (array.shape[0] == 0) return "there is nothing to choose from; save the pool's rows, not a selection of them";
  if (array.shape[1] == 0) return "its rows are empty; check what was saved";
  const std::string convert = "convert it with array.astype(\"<f4\")";
  return array.type == data::NpyType::u16 ? "--dtype bf16 if they are bf16, or else " + convert : convert;
}

// Debian 12 has no library that reads it.
void refuse_parquet(const fs::path& path) {
  const data::MappedFile file = data::map_file(path);
  const std::string_view start(reinterpret_cast<const char*>(file.bytes.data()),
                               std::min<size_t>(4, file.bytes.size()));
  if (start != "PAR1" && path.extension() != ".parquet") return;
  fail(ExitCode::corrupt_data,
       fmt::format("{0} is Parquet, which is not read here; convert it in Python, with the name of the column:\n"
                   "  import numpy, pandas\n"
                   "  numpy.save(\"H.npy\", numpy.stack(pandas.read_parquet(\"{0}\")[\"embedding\"]).astype(\"<f4\"))",
                   path.string()));
}

}  // namespace

RowFile::RowFile(Context& context, std::span<const fs::path> files, const char* what, Precision precision, bool bf16) {
  for (const fs::path& path : files) open(path, what, bf16);
  if (shards_.empty()) return;
  const bool wide = std::ranges::any_of(shards_, [](const Shard& s) { return s.array.type == data::NpyType::f64; });
  if (wide && precision == Precision::as_stored)
    rows_ = load<double>(context, what);
  else
    rows_ = load<float>(context, what);
}

void RowFile::open(const fs::path& path, const char* what, bool bf16) {
  refuse_parquet(path);
  data::NpyArray array = data::read_npy(path);
  if (bf16 && array.type == data::NpyType::u16) array.read_as_bf16();
  if (array.shape.size() != 2 || array.size() == 0 || !data::is_float(array.type))
    fail(ExitCode::corrupt_data, fmt::format("{} holds {}; {} are floats [items,columns]: {}", path.string(),
                                             array.describe(), what, advice(array)));
  if (!shards_.empty() && array.shape[1] != columns())
    fail(ExitCode::corrupt_data,
         fmt::format("{} holds {} and {} holds {}; {} in several files are rows of one array, all of one width",
                     shards_[0].path.string(), shards_[0].array.describe(), path.string(), array.describe(), what));
  const int64_t rows = array.shape[0];
  shards_.push_back({path, std::move(array), items_});
  items_ += rows;
}

bool RowFile::has_bf16() const {
  return std::ranges::any_of(shards_, [](const Shard& s) { return s.array.type == data::NpyType::bf16; });
}

std::string RowFile::describe() const {
  if (shards_.empty()) return "";
  const std::string first = shards_[0].path.string() + " " + shards_[0].array.describe();
  if (shards_.size() == 1) return first;
  return fmt::format("[{},{}] in {} files: {} to {} {}", items(), columns(), shards_.size(), first,
                     shards_.back().path.string(), shards_.back().array.describe());
}

// Of rows after their cast to fp32, the first of them row `begin` of the shard.
void RowFile::check_range(const Shard& shard, int64_t begin, std::span<const float> rows, const char* what) const {
  std::vector<double> exact(static_cast<size_t>(columns()));
  for (size_t k = 0; k < rows.size(); ++k) {
    if (!std::isinf(rows[k])) continue;
    const int64_t row = begin + int64_t(k) / columns(), column = int64_t(k) % columns();
    shard.array.read_rows(row, row + 1, exact.data());
    if (std::isfinite(exact[size_t(column)]))
      fail(ExitCode::numerical, fmt::format("{} of item {} are beyond fp32, in which they are used here: column {} is "
                                            "{}; divide all of them by one number",
                                            what, shard.begin + row, column, exact[size_t(column)]));
  }
}

template <class T> void RowFile::convert(Context& context, const Shard& shard, const char* what) {
  const int64_t rows = shard.array.shape[0];
  const int64_t step = std::max<int64_t>(1, kBlockBytes / (columns() * int64_t(sizeof(T))));
  std::vector<T> block(size_t(std::min(step, rows) * columns()));
  for (int64_t begin = 0; begin < rows; begin += step) {
    const int64_t end = std::min(rows, begin + step);
    shard.array.read_rows(begin, end, block.data());
    if constexpr (std::is_same_v<T, float>)
      check_range(shard, begin, {block.data(), size_t((end - begin) * columns())}, what);
    context.copy_in(converted_.view<T, 2>().slice(shard.begin + begin, shard.begin + end), block.data());
  }
}

template <class T> View<const T, 2> RowFile::load(Context& context, const char* what) {
  const auto in_place = shards_[0].array.in_place<T>();
  if (in_place && shards_.size() == 1) {
    if (context.device().kind == DeviceKind::cpu)
      return {in_place->data(), {items(), columns()}, context.device(), what};
    converted_ = Tensor::from_host(context, {items(), columns()}, in_place->data(), what);
  } else {
    converted_ = Tensor(context, {items(), columns()}, DtypeOf<T>::value, what);
    for (const Shard& shard : shards_) convert<T>(context, shard, what);
  }
  return converted_.view<const T, 2>();
}

}  // namespace crc::apps
