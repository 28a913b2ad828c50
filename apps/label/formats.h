// Labelling tools: what a run asks, as each of them reads it, and what it gives back.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "apps/label/statements.h"
#include "data/dataset.h"

namespace crc::apps {

// A query, for a tool.
struct LabelExport {
  std::string title;
  const data::Dataset& dataset;
  const LabelNames& names;
  std::vector<int64_t> items;
  std::map<int64_t, Answer> answers;  // those that are there
};

struct ExportFile {
  std::string suffix;  // empty: the file itself; else of one beside it, in place of its extension
  std::string content;
};

struct LabelFormat {
  std::string name, description;
  std::vector<ExportFile> (*write)(const LabelExport& job);
  bool (*recognizes)(std::string_view text);
  // Into `statements`; what a person should know into `notes`. Error 65, naming the place in the file.
  void (*read)(std::string_view text, const std::string& file, const LabelNames& names, Statements& statements,
               std::vector<std::string>& notes);
  std::string advice = {};  // ends a message about statements that differ
};

namespace labels {
#define CRC_LABEL_FORMAT(name) extern const LabelFormat name;
#include "apps/label/formats.def"
#undef CRC_LABEL_FORMAT
}  // namespace labels

const std::vector<LabelFormat>& label_formats();

struct LabelFile {
  std::map<int64_t, Answer> answers;  // by item
  std::vector<std::string> notes;     // what a person should know: rows without a class, items that stand twice
};

// Whatever tool wrote it. Error 65, naming the place: it is none of theirs, a class or an item that the data set does
// not have, columns or fields that disagree, answers for an item that differ and that `how` does not decide.
LabelFile read_labels(std::string_view text, const std::string& file, const LabelNames& names,
                      Disagreement how = Disagreement::refuse);

// For the formats.

// What a tool calls a class, or a word for none; `where` begins the message. Error 65: it is neither.
Answer answer_called(const std::string& name, int64_t item, const LabelNames& names, const std::string& where);
// The classes and, where no class has their name, the words for none.
std::vector<std::string> choices_of(const data::Dataset& dataset);
std::string choice_of(const LabelExport& job, const Answer& answer);
void check_xml(const std::string& text, const std::string& tool);  // Error usage: no XML can hold it
// The name of an item's file, in UTF-8. Error usage: it has none of its own, and `tool` could not tell the images apart.
const std::string& file_of(const LabelExport& job, int64_t item, const std::string& tool);

}  // namespace crc::apps
