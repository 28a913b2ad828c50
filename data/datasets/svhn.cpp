// SVHN, format 2 (cropped digits): {train,test,extra}_32x32.mat, MATLAB 5 files with X uint8 [32,32,3,N] column-major
// and y [N,1] in 1..10, where 10 is the digit 0. Netzer et al., 2011.
#include <fmt/format.h>
#include <matio.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "data/dataset.h"
#include "kernels/core/error.h"

namespace crc::data {
namespace {

constexpr int64_t kSide = 32, kImage = kSide * kSide * 3;
constexpr int64_t kHeader = 128;
constexpr uint32_t kMatrix = 14, kCompressed = 15;
constexpr int64_t kInflate = 1100;  // zlib cannot expand more

template <class T> T read_at(const Bytes& bytes, int64_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}

// The header and the chain of elements {uint32 type, uint32 bytes, payload}: what the library would not report.
void check_structure(const Bytes& bytes, const Path& path) {
  const int64_t size = int64_t(bytes.size());
  if (size < kHeader) fail_at(path, 0, fmt::format("{} bytes", size), "the 128-byte header of a MATLAB 5 file");
  const uint16_t version = read_at<uint16_t>(bytes, 124), endian = read_at<uint16_t>(bytes, 126);
  if (version != 0x0100 || endian != 0x4d49)  // "IM" in memory
    fail_at(path, 124, fmt::format("version {:04x}, byte order {:04x}", version, endian),
            "0100 and 4d49 (MATLAB 5, little-endian)");
  int64_t at = kHeader;
  while (at < size) {
    if (size - at < 8) fail_at(path, at, fmt::format("{} bytes to the end", size - at), "an element's tag of 8 bytes");
    const uint32_t type = read_at<uint32_t>(bytes, at), length = read_at<uint32_t>(bytes, at + 4);
    if (type != kMatrix && type != kCompressed)
      fail_at(path, at, fmt::format("element type {}", type), "14 (matrix) or 15 (compressed)");
    if (length > size - at - 8)
      fail_at(path, at + 4, fmt::format("an element of {} bytes", length),
              fmt::format("at most {} to the end", size - at - 8));
    at += 8 + int64_t(length);
  }
}

struct CloseMat {
  void operator()(mat_t* file) const { Mat_Close(file); }
};
struct FreeVariable {
  void operator()(matvar_t* variable) const { Mat_VarFree(variable); }
};
using MatFile = std::unique_ptr<mat_t, CloseMat>;
using Variable = std::unique_ptr<matvar_t, FreeVariable>;

// Name, class and dimensions only: nothing of the size they claim is allocated yet.
Variable read_info(mat_t* file, const char* name, const Path& path) {
  Variable variable(Mat_VarReadInfo(file, name));
  if (!variable) fail_at(path, kHeader, fmt::format("no readable variable {}", name), "X and y");
  if (variable->isComplex || !variable->dims || variable->rank < 2)
    fail_at(path, kHeader, fmt::format("{} is complex or empty", name), "real numbers");
  return variable;
}

int64_t check_images(const matvar_t& x, int64_t file_bytes, const Path& path) {
  std::string dims;
  for (int d = 0; d < std::min(x.rank, 8); ++d) dims += fmt::format("{}{}", d ? "x" : "", x.dims[d]);
  const bool shaped = x.rank == 4 && x.dims[0] == size_t(kSide) && x.dims[1] == size_t(kSide) && x.dims[2] == 3;
  if (x.class_type != MAT_C_UINT8 || !shaped || x.dims[3] < 1)
    fail_at(path, kHeader, fmt::format("X of class {} and size {}", int(x.class_type), dims),
            "class 9 (uint8) and size 32x32x3xN");
  if (x.dims[3] > size_t(file_bytes * kInflate / kImage))
    fail_at(path, kHeader, fmt::format("X of size {}", dims), fmt::format("what {} bytes can hold", file_bytes));
  return int64_t(x.dims[3]);
}

void check_labels(const matvar_t& y, int64_t count, const Path& path) {
  const bool vector = y.rank == 2 && y.dims[0] == size_t(count) && y.dims[1] == 1;
  if (!vector || (y.class_type != MAT_C_DOUBLE && y.class_type != MAT_C_UINT8))
    fail_at(path, kHeader, fmt::format("y of class {} and rank {}, {} rows", int(y.class_type), y.rank, y.dims[0]),
            fmt::format("class 6 (double) or 9 (uint8) and size {}x1, as many as X has images", count));
}

void read_data(mat_t* file, matvar_t& variable, size_t bytes, const Path& path) {
  if (Mat_VarReadDataAll(file, &variable) != 0 || !variable.data || variable.nbytes != bytes)
    fail_at(path, kHeader, fmt::format("{} with unreadable elements", variable.name),
            fmt::format("{} bytes of them", bytes));
}

int32_t digit_of(const matvar_t& y, int64_t i, const Path& path) {
  const double value =
      y.class_type == MAT_C_DOUBLE ? static_cast<const double*>(y.data)[i] : static_cast<const uint8_t*>(y.data)[i];
  if (!(value >= 1 && value <= 10) || value != double(int32_t(value)))
    fail_at(path, kHeader, fmt::format("y[{}] = {}", i, value), "a whole number in 1..10 (10 is the digit 0)");
  return int32_t(value) % 10;
}

// MATLAB's order is row fastest, then column, channel, image.
void append_image(const uint8_t* x, std::vector<uint8_t>& pixels) {
  for (int64_t row = 0; row < kSide; ++row)
    for (int64_t column = 0; column < kSide; ++column)
      for (int64_t c = 0; c < 3; ++c) pixels.push_back(x[row + kSide * column + kSide * kSide * c]);
}

void read_mat(const Path& path, Images& images, Fingerprint& fingerprint) {
  const Bytes bytes = read_file(path);
  check_structure(bytes, path);
  fingerprint.add(bytes);
  const MatFile file(Mat_Open(path.c_str(), MAT_ACC_RDONLY));
  if (!file) fail_at(path, 0, "a header that does not open", "a MATLAB 5 file");
  const Variable x = read_info(file.get(), "X", path), y = read_info(file.get(), "y", path);
  const int64_t count = check_images(*x, int64_t(bytes.size()), path);
  check_labels(*y, count, path);
  read_data(file.get(), *y, size_t(count) * (y->class_type == MAT_C_DOUBLE ? 8 : 1), path);
  read_data(file.get(), *x, size_t(count * kImage), path);
  images.height = images.width = kSide;
  images.pixels.reserve(images.pixels.size() + size_t(count * kImage));
  for (int64_t i = 0; i < count; ++i) {
    images.labels.push_back(digit_of(*y, i, path));
    append_image(static_cast<const uint8_t*>(x->data) + i * kImage, images.pixels);
  }
  images.count += count;
}

Dataset load_svhn(const Source& source, Options& options) {
  std::vector<std::string> files{"train_32x32.mat", "test_32x32.mat"};
  const bool extra = options.flag("extra", false);
  if (extra) files.push_back("extra_32x32.mat");
  const Path folder = find_folder("svhn", source.dir, {"svhn"}, files, datasets::svhn.source);
  Dataset dataset;
  Fingerprint fingerprint;
  for (const auto& file : files)
    read_mat(folder / file, file == "test_32x32.mat" ? dataset.test : dataset.train, fingerprint);
  if (!extra && file_exists(folder / "extra_32x32.mat"))
    dataset.notes.push_back("extra_32x32.mat is not read; data.options = \"extra=true\" adds its images");
  dataset.fingerprint = fingerprint.hex();
  for (int digit = 0; digit < 10; ++digit) dataset.class_names.push_back(std::to_string(digit));
  // (x/255 - 0.5) / 0.5, as all published semi-supervised results on SVHN: the default of NormalizeStats.
  return dataset;
}

}  // namespace

namespace datasets {
const DatasetEntry svhn = {
    "svhn",
    "SVHN cropped digits: 73,257 + 26,032 (+ 531,131 extra), 32x32, 10 classes",
    "http://ufldl.stanford.edu/housenumbers/",
    "train_32x32.mat test_32x32.mat [extra_32x32.mat]",
    "extra=false",
    load_svhn,
};
}  // namespace datasets

}  // namespace crc::data
