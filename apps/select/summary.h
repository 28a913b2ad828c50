// What a selection found: a few lines for the terminal, one page for a browser.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "crc/acquisition.h"
#include "crc/represents.h"

namespace crc::apps {

struct SelectFacts {
  const select::Config& config;
  const select::Selection& selection;
  int64_t items, features, labeled, unlabeled, classes;     // counts; features is D, 0 where none were given
  std::vector<std::pair<std::string, std::string>> inputs;  // option; file and what it holds
  std::string command, device;                              // as a shell takes it; as the context describes it
  double reading_s, selecting_s;                            // a mapped file is read from disk while it is scored
  const std::map<int64_t, select::Standing>& standings;     // of labelled and picked items; empty: not asked for
  bool weighted = false;                                    // items, by --class-weights
  std::string outlook;                                      // apps/select/outlook.h; may be empty
};

std::string select_lines(const SelectFacts& facts);                               // every line ends in a newline
std::string select_page(const SelectFacts& facts, const std::string& sheet_png);  // HTML; the sheet may be empty

}  // namespace crc::apps
