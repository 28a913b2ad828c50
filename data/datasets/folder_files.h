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

// Either labels.csv in `dir`, or the class folders train/<class> and test/<class>, with their PNG files and, if `jpeg`,
// their JPEG files. Files and classes come in byte order of their names. Error: input_missing; corrupt_data (a line of
// labels.csv; a class folder with files and none that is read).
Listing list_images(const Path& dir, Fingerprint& fingerprint, bool jpeg);

}  // namespace crc::data
