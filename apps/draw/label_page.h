// A page on which a person gives images their classes, by eye and by key: one offline file, whose answers stay in the
// browser until they are saved as labels.csv (item, file, class, remark), which apps/label/formats/csv.cpp reads.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace crc::apps {

struct LabelGuess {
  int64_t class_index;
  double probability;
};
struct LabelExample {  // an image that has its label
  size_t picture;
  int64_t class_index;
};

struct LabelPhoto {  // the file that an image was made of
  std::string jpeg;
  // Of what the image shows, in parts of the photograph's width and height; the whole: all of it.
  double left = 0, top = 0, width = 1, height = 1;
};

struct LabelItem {
  int64_t item;
  std::string file;  // its name; empty: none
  size_t picture;
  std::vector<LabelGuess> guess = {};      // the likeliest first; empty: nobody guesses
  std::vector<LabelExample> nearest = {};  // the nearest first
  std::optional<LabelPhoto> photo = {};    // shown large, the picture beside it; nothing: the picture is all there is
};

struct LabelTask {
  std::string title;
  std::string key;  // of the answers in the browser: pages with other items have other keys
  std::vector<std::string> classes;
  std::vector<std::string> pictures;  // PNG files
  std::vector<LabelItem> items;
  int64_t width = 0;          // of an image: small ones are enlarged without smoothing
  bool show_guesses = false;  // at once, or only when asked for
  std::string then;           // what to do with the saved file, for people
};

std::string label_page(const LabelTask& task);

// The same of a task as the page holds it, and that of a page; nothing: it is no such page.
std::string label_page(const std::string& title, const nlohmann::ordered_json& task);
std::optional<nlohmann::ordered_json> task_of_page(std::string_view page);

extern const std::string_view kLabelPage;  // apps/draw/pages/label_page.html, with {{names}} in place of what it shows

}  // namespace crc::apps
