#include "data/datasets/records.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "kernels/core/error.h"

namespace crc::data {

void read_records(const Path& path, const RecordLayout& layout, Images& images, Fingerprint& fingerprint) {
  const Bytes bytes = read_file(path);
  const int64_t size = int64_t(bytes.size()), record = layout.bytes(), count = size / record;
  const int64_t plane = layout.height * layout.width, label_bytes = int64_t(layout.labels.size());
  if (size == 0 || size % record != 0)
    fail_at(path, count * record, fmt::format("{} bytes after {} whole records", size % record, count),
            fmt::format("records of {} bytes ({} label + {}x{}x3)", record, label_bytes, layout.height, layout.width));
  fingerprint.add(bytes);
  images.height = layout.height, images.width = layout.width;
  images.pixels.reserve(images.pixels.size() + size_t(count) * 3 * plane);
  for (int64_t i = 0; i < count; ++i) {
    const uint8_t* in = bytes.data() + i * record;
    for (int64_t k = 0; k < label_bytes; ++k) {
      const auto& [name, classes] = layout.labels[k];
      if (in[k] >= classes)
        fail_at(path, i * record + k, fmt::format("{} {} in record {}", name, in[k], i),
                fmt::format("0..{}", classes - 1));
    }
    images.labels.push_back(in[label_bytes - 1]);
    const uint8_t* planes = in + label_bytes;
    for (int64_t p = 0; p < plane; ++p)
      for (int64_t c = 0; c < 3; ++c) images.pixels.push_back(planes[c * plane + p]);
  }
  images.count += count;
}

Bytes pack_records(const Images& images, int64_t first, int64_t last) {
  const int64_t plane = images.height * images.width;
  Bytes bytes;
  bytes.reserve(size_t((last - first) * (1 + 3 * plane)));
  for (int64_t i = first; i < last; ++i) {
    const auto image = images.image(i);
    bytes.push_back(uint8_t(images.labels[i]));
    for (int64_t c = 0; c < 3; ++c)
      for (int64_t p = 0; p < plane; ++p) bytes.push_back(image[p * 3 + c]);
  }
  return bytes;
}

void choose_normalization(Dataset& dataset, const NormalizeStats& published, const std::string& set, bool named) {
  const NormalizeStats measured = measure(dataset.train);
  // An image's mean strays by 0.14 around its set's; the means of CIFAR-10's classes by up to 0.14 (the sky behind
  // airplanes), their standard deviations by 0.05.
  const float chance = 0.6f / std::sqrt(float(std::max<int64_t>(dataset.train.count, 1)));
  bool agrees = true;
  for (int c = 0; c < 3; ++c)
    agrees = agrees && std::abs(measured.mean[c] - published.mean[c]) <= chance + (named ? 0.15f : 0.02f) &&
             std::abs(measured.std[c] - published.std[c]) <= chance + (named ? 0.06f : 0.02f);
  dataset.normalize = agrees ? published : measured;
  dataset.normalize_source =
      agrees ? fmt::format(
                   "the published constants of {}: these images have mean {:.4f} {:.4f} {:.4f}, std {:.4f} {:.4f} "
                   "{:.4f}",
                   set, measured.mean[0], measured.mean[1], measured.mean[2], measured.std[0], measured.std[1],
                   measured.std[2])
             : fmt::format("measured on the training images, which are not {}'s", set);
}

std::vector<std::string> read_class_names(const Path& path, std::vector<std::string> otherwise) {
  if (!file_exists(path)) return otherwise;
  const std::string text = read_text(path, 1 << 20);
  const std::vector<std::string> names = text_lines(text, path.string());
  if (names.size() != otherwise.size())
    fail_at(path, int64_t(text.size()), fmt::format("{} class names", names.size()),
            fmt::format("{}", otherwise.size()));
  std::set<std::string_view> seen;
  for (size_t k = 0; k < names.size(); ++k)
    if (names[k].empty() || !seen.insert(names[k]).second)
      fail(ExitCode::corrupt_data,
           fmt::format("{}:{}: {}; a class is known by its name, so give each one of its own", path.string(), k + 1,
                       names[k].empty() ? "a class without a name" : "a second class " + in_quotes(names[k])));
  return names;
}

}  // namespace crc::data
