// Which image file shows which item, and a sheet of the picked ones.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "apps/base/files.h"

namespace crc::apps {

struct ImageFiles {
  std::vector<std::string> names;  // [items] as the list has them, or file names of the folder
  std::vector<fs::path> paths;     // [items]
};

// `source`: a text file with one path a line, relative to its folder or else to the current one; or a folder, whose
// .png files count in byte order of their names. Error: input_missing; corrupt_data (not one for each item).
ImageFiles list_image_files(const fs::path& source, int64_t items);

constexpr size_t kMostOnSheet = 400;

// The first kMostOnSheet of `items` in reading order, each over its number. Images may differ in size; they are shown
// at most 112 pixels wide and high. Error, naming the files: input_missing, corrupt_data (no PNG).
std::string picks_sheet_png(const ImageFiles& images, std::span<const int64_t> items, const std::string& title);

}  // namespace crc::apps
