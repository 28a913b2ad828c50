#include "apps/select/row_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "crc/arrays.h"
#include "data/file.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

std::string advice(const data::NpyArray& array) {
  const std::string shape = select::row_advice(array.shape);
  if (!shape.empty()) return shape;
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

crc_active::Array array_of(const data::NpyArray& npy, const fs::path& path) {
  using crc_active::Type;
  crc_active::Array array{.data = npy.bytes.data(), .shape = npy.shape, .name = path.string()};
  array.type = npy.type == data::NpyType::f64    ? Type::f64
               : npy.type == data::NpyType::f16  ? Type::f16
               : npy.type == data::NpyType::bf16 ? Type::bf16
                                                 : Type::f32;
  int64_t step = 1;
  for (size_t d = 0; npy.fortran_order && d < npy.shape.size(); step *= npy.shape[d++]) array.strides.push_back(step);
  return array;
}

RowFiles::RowFiles(std::span<const fs::path> files, const char* what, bool bf16) {
  for (const fs::path& path : files) open(path, what, bf16);
}

std::vector<crc_active::Array> RowFiles::arrays() const {
  std::vector<crc_active::Array> arrays;
  for (const Shard& shard : shards_) arrays.push_back(array_of(shard.array, shard.path));
  return arrays;
}

void RowFiles::open(const fs::path& path, const char* what, bool bf16) {
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
  shards_.push_back({path, std::move(array)});
  items_ += rows;
}

bool RowFiles::has_bf16() const {
  return std::ranges::any_of(shards_, [](const Shard& s) { return s.array.type == data::NpyType::bf16; });
}

std::string RowFiles::describe() const {
  if (shards_.empty()) return "";
  const std::string first = shards_[0].path.string() + " " + shards_[0].array.describe();
  if (shards_.size() == 1) return first;
  return fmt::format("[{},{}] in {} files: {} to {} {}", items_, columns(), shards_.size(), first,
                     shards_.back().path.string(), shards_.back().array.describe());
}

}  // namespace crc::apps
