// The MNIST family (MNIST, Fashion-MNIST, KMNIST, ...): four IDX files, unzipped; grey, replicated to RGB.
// LeCun et al., 1998: big-endian magic 0x803 or 0x801, one uint32 per extent, then bytes.
#include <fmt/format.h>

#include "data/dataset.h"

namespace crc::data {
namespace {

constexpr uint32_t kImagesMagic = 0x803, kLabelsMagic = 0x801;
constexpr int64_t kLargestExtent = 1024;

uint32_t big_endian(const Bytes& bytes, size_t at) {
  return uint32_t(bytes[at]) << 24 | uint32_t(bytes[at + 1]) << 16 | uint32_t(bytes[at + 2]) << 8 | bytes[at + 3];
}

// Checks magic and length; the extents stand at bytes 4, 8, ...
Bytes read_idx(const Path& path, uint32_t magic, Fingerprint& fingerprint) {
  Bytes bytes = read_file(path);
  const size_t rank = magic & 255, header = 4 + 4 * rank;
  if (bytes.size() < header)
    fail_at(path, 0, fmt::format("{} bytes", bytes.size()), fmt::format("an IDX header of {} bytes", header));
  if (big_endian(bytes, 0) != magic)
    fail_at(path, 0, fmt::format("magic {:08x}", big_endian(bytes, 0)),
            fmt::format("{:08x} (is the file still zipped?)", magic));
  uint64_t expected = big_endian(bytes, 4);
  for (size_t d = 1; d < rank; ++d) {
    const uint32_t extent = big_endian(bytes, 4 + 4 * d);
    if (extent < 1 || extent > kLargestExtent)
      fail_at(path, int64_t(4 + 4 * d), fmt::format("extent {}", extent), fmt::format("1..{}", kLargestExtent));
    expected *= extent;
  }
  if (bytes.size() - header != expected)
    fail_at(path, int64_t(header), fmt::format("{} bytes of elements", bytes.size() - header),
            fmt::format("{}, as the header says", expected));
  fingerprint.add(bytes);
  return bytes;
}

Images read_split(const Path& images_path, const Path& labels_path, Fingerprint& fingerprint) {
  const Bytes pixels = read_idx(images_path, kImagesMagic, fingerprint);
  const Bytes labels = read_idx(labels_path, kLabelsMagic, fingerprint);
  Images images{big_endian(pixels, 4), big_endian(pixels, 8), big_endian(pixels, 12), {}, {}};
  if (big_endian(labels, 4) != images.count)
    fail_at(labels_path, 4, fmt::format("{} labels", big_endian(labels, 4)),
            fmt::format("{}, one per image", images.count));
  images.pixels.reserve(3 * (pixels.size() - 16));
  for (size_t i = 16; i < pixels.size(); ++i) images.pixels.insert(images.pixels.end(), 3, pixels[i]);
  for (size_t i = 8; i < labels.size(); ++i) {
    if (labels[i] > 9) fail_at(labels_path, int64_t(i), fmt::format("label {}", labels[i]), "0..9");
    images.labels.push_back(labels[i]);
  }
  return images;
}

Dataset load_mnist(const Source& source, Options&) {
  std::vector<std::string> files{"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte",
                                 "t10k-labels-idx1-ubyte"};
  std::vector<std::string> dotted = files;  // as some tools unpack them
  for (auto& file : dotted) file[file.rfind("-idx")] = '.';
  if (file_exists(source.dir / dotted[0])) files = dotted;
  const Path folder =
      find_folder("mnist", source.dir, {"raw", "MNIST/raw", "FashionMNIST/raw"}, files, datasets::mnist.source);
  Dataset dataset;
  Fingerprint fingerprint;
  dataset.train = read_split(folder / files[0], folder / files[1], fingerprint);
  dataset.test = read_split(folder / files[2], folder / files[3], fingerprint);
  dataset.fingerprint = fingerprint.hex();
  for (int c = 0; c < 10; ++c) dataset.class_names.push_back(std::to_string(c));
  dataset.normalize = measure(dataset.train);
  return dataset;
}

}  // namespace

namespace datasets {
const DatasetEntry mnist = {
    "mnist",
    "MNIST, Fashion-MNIST and others in IDX files: 60,000 + 10,000, 28x28 grey, 10 classes",
    "https://ossci-datasets.s3.amazonaws.com/mnist/ (gunzip the files)",
    "train-images-idx3-ubyte train-labels-idx1-ubyte t10k-images-idx3-ubyte t10k-labels-idx1-ubyte",
    "none",
    load_mnist,
};
}  // namespace datasets

}  // namespace crc::data
