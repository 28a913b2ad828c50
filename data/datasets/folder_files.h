// Which files of a folder are its images, and what else lies there.
#pragma once

#include <string>
#include <vector>

#include "data/file.h"

namespace crc::data {

inline const std::vector<std::string> kUnreadable{"refuse", "skip"};  // what becomes of files that cannot be read

struct ListedImage {
  Path path;
  std::string label;  // class name; empty: unlabelled
};

struct Listing {
  std::vector<ListedImage> train, test;
  std::vector<std::string> notes;  // what is not read, by reason; links that lead out of the folder
};

struct ListingRules {
  bool jpeg = false;                 // JPEG files too
  std::vector<std::string> classes;  // data.class_names; empty: what the labels name
};

// One of, whichever is there first:
//   labels.csv in `dir`, with columns path, label and perhaps split
//   metadata.csv or metadata.jsonl, the same with the column file_name for path
//   the class folders train/<class> and test/<class>
//   images at any depth, all of training: the label is the name of the folder in `dir` that they are in, where that is
//   one of rules.classes or there are none of those; others have no label
// Files and classes come in byte order of their names. Error: input_missing; corrupt_data (a line of a list; a class
// folder with files and none that is read).
Listing list_images(const Path& dir, Fingerprint& fingerprint, const ListingRules& rules);

// The PNG and JPEG files below a folder, at any depth, in byte order of their paths; hidden ones are left out.
std::vector<Path> image_tree(const Path& folder);

}  // namespace crc::data
