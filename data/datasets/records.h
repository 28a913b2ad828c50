// The record structure of CIFAR's binary files: label bytes, then one plane per channel, row by row; no header.
#pragma once

#include "data/dataset.h"

namespace crc::data {

struct RecordLayout {
  int64_t height = 32, width = 32;
  // What each label byte may be (0..classes-1) and is called; the last one is the label.
  struct Label {
    const char* name;
    int classes;
  };
  std::vector<Label> labels;

  int64_t bytes() const { return int64_t(labels.size()) + 3 * height * width; }
};

// Appends the records of one file, and its bytes to the fingerprint. Error: corrupt_data for an empty file, a broken
// last record or a label out of range.
void read_records(const Path& path, const RecordLayout& layout, Images& images, Fingerprint& fingerprint);
// Images [first, last) with a single label byte.
Bytes pack_records(const Images& images, int64_t first, int64_t last);

// The constants that publications use for a set, `published`, where the training images are that set's or a part of
// them: so that results compare. Else measured. Told by the images' own statistics, for `named` images (a file beside
// them lists the set's classes) as far as a part with any mix of classes can stray, else closely.
void choose_normalization(Dataset& dataset, const NormalizeStats& published, const std::string& set, bool named);

// Class names, one a line. A missing file gives `otherwise`; blank lines at the end are ignored.
// Error: corrupt_data for another number of names than `otherwise` has, an empty one or one that stands twice.
std::vector<std::string> read_class_names(const Path& path, std::vector<std::string> otherwise);

}  // namespace crc::data
