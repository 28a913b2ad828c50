// Labelled images as host arrays, and the registry of data sets. A new data set is one file in datasets/ and one line
// in datasets.def. Images are always RGB (grey is replicated); sizes, label ranges and record structure are checked
// before use.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/file.h"
#include "data/options.h"

namespace crc::data {

struct Images {
  int64_t count = 0, height = 0, width = 0;
  std::vector<uint8_t> pixels;          // [N,H,W,3]
  std::vector<int32_t> labels;          // [N], in 0..classes-1; -1: unlabelled
  std::vector<std::string> names = {};  // [N] of the files, where each image is one; else empty
  // Embeddings [N,D] of the items, finite and scaled: beside pixels for acquisitions, or instead of them. The others
  // are further views of the same items.
  int64_t features = 0;                        // D; 0: none
  std::vector<std::vector<float>> views = {};  // [N,D] each

  bool embedded() const { return features > 0 && height == 0; }  // there are no pixels
  int64_t bytes_per_image() const { return height * width * 3; }
  std::span<const uint8_t> image(int64_t i) const {
    return {pixels.data() + i * bytes_per_image(), size_t(bytes_per_image())};
  }
  std::span<const uint8_t> content(int64_t i) const;  // the image's pixels, or the row of the first view
};

bool has_labels(const Images& images);  // whether any image has one: else there is nothing to measure by

// Of pixels / 255, per channel.
struct NormalizeStats {
  float mean[3] = {0.5f, 0.5f, 0.5f};
  float std[3] = {0.5f, 0.5f, 0.5f};
};

// What a generator knows about an item. For reports only: training never reads it.
struct ItemNote {
  int32_t style = 0;
  int64_t duplicate_of = -1;  // the original, an item of the same split
  bool near_duplicate = false;
  bool ambiguous = false;
  float rotation = 0;  // radians
  float contrast = 0;  // ink - background, in -1..1
};

struct SideInformation {
  std::vector<std::string> styles;
  std::vector<ItemNote> train, test;  // empty, or one per item
};

class RowScaling;  // data/datasets/embedding_files.h

struct Dataset {
  std::string name;
  std::vector<std::string> class_names;
  Images train, test, validation;  // validation may be empty
  NormalizeStats normalize;
  std::string normalize_source = "measured on the training images";
  std::optional<NormalizeStats> normalize_before;  // by the rule of versions before 0.2, where that is another
  std::string fingerprint;                         // of the files, or of the generator's parameters
  std::shared_ptr<const RowScaling> scaling;       // of embeddings: what became of the rows, for further ones
  SideInformation side;
  std::vector<std::string> notes;  // for people: what was not read and why, images that stand twice

  int64_t classes() const { return int64_t(class_names.size()); }
};

struct Source {
  std::string name;
  Path dir;
  std::map<std::string, std::string> options;
  int64_t scaled_rows = 0;  // embeddings: they are scaled by their first so many rows; 0: by all
};

struct DatasetEntry {
  const char* name;
  const char* description;
  const char* source;   // where the files come from
  const char* files;    // what `dir` must hold
  const char* options;  // "name=default ..."
  Dataset (*load)(const Source&, Options&);
};

namespace datasets {
#define CRC_DATASET(name) extern const DatasetEntry name;
#include "data/datasets.def"
#undef CRC_DATASET
}  // namespace datasets

std::span<const DatasetEntry* const> dataset_registry();
// Errors: config (unknown name or option), input_missing, corrupt_data.
Dataset load(const Source& source);

// Gives the training images of a set the embeddings of a .npy file [N,D], scaled by a word of kScalings
// (data/datasets/embedding_files.h). Errors: input_missing; corrupt_data (another shape, a row that is not finite);
// config (the set is embeddings).
void attach_embeddings(Dataset& dataset, const Path& path, const std::string& scaling);

Images subset(const Images& images, const std::vector<int64_t>& items);  // in this order

// For loaders. Mean and standard deviation over all pixels, from exact integer sums.
NormalizeStats measure(const Images& images);
// Leaves a long tail of the training images: of class c of C the share ratio^(c/(C-1)) of what class 0 keeps, as many
// as there are, at least one; drawn by `seed`, the others keep their order. Ratio 1: equally many of each. Images
// without a label stay. Error config: ratio outside (0, 1], or a class without images.
void make_long_tailed(Dataset& dataset, double ratio, uint32_t seed);
// Moves `count` labelled images from train to validation, of each class its share of them and at least one, drawn by
// `seed`; the others keep their order. Error config, with the counts: a class would have none in one of the two.
void hold_out_labeled(Dataset& dataset, int64_t count, uint32_t seed);
// The same with images of a permutation of all, whatever their classes and whether they have a label.
void split_validation(Dataset& dataset, int64_t count, uint32_t seed);

}  // namespace crc::data
