#include "apps/label/formats.h"

#include <fmt/format.h>

#include <algorithm>

#include "data/text.h"
#include "data/utf8.h"
#include "kernels/core/error.h"

namespace crc::apps {

const std::vector<LabelFormat>& label_formats() {
  static const std::vector<LabelFormat> all{
#define CRC_LABEL_FORMAT(name) labels::name,
#include "apps/label/formats.def"
#undef CRC_LABEL_FORMAT
  };
  return all;
}

LabelFile read_labels(std::string_view text, const std::string& file, const LabelNames& names, Disagreement how) {
  const auto format =
      std::ranges::find_if(label_formats(), [&](const LabelFormat& format) { return format.recognizes(text); });
  LabelFile read;
  Statements statements;
  format->read(text, file, names, statements, read.notes);
  read.answers = statements.resolve(how, names, file, format->advice, read.notes);
  return read;
}

Answer answer_called(const std::string& name, int64_t item, const LabelNames& names, const std::string& where) {
  Answer answer{.item = item};
  if (const auto known = names.class_of(name)) {
    answer.class_index = *known;
    return answer;
  }
  answer.skip = word_for_no_class(name);
  if (answer.skip.empty() || answer.skip == kWithdraw)
    fail(ExitCode::corrupt_data, where + ": " + names.why_no_class(name));
  return answer;
}

std::vector<std::string> choices_of(const data::Dataset& dataset) {
  std::vector<std::string> choices = dataset.class_names;
  for (const char* word : {kUnsure, kNoneOfThese})
    if (!std::ranges::count(choices, word)) choices.emplace_back(word);
  return choices;
}

std::string choice_of(const LabelExport& job, const Answer& answer) {
  return answer.class_index >= 0 ? job.dataset.class_names[size_t(answer.class_index)] : answer.skip;
}

void check_xml(const std::string& text, const std::string& tool) {
  const auto control = [](unsigned char c) { return c < 0x20 && c != '\t' && c != '\n' && c != '\r'; };
  if (std::ranges::any_of(text, control))
    fail(ExitCode::usage, fmt::format("{} has a control character, which no XML file can hold, and {} reads XML; use "
                                      "--export csv",
                                      data::in_quotes(text), tool));
}

const std::string& file_of(const LabelExport& job, int64_t item, const std::string& tool) {
  if (job.dataset.train.names.empty())
    fail(ExitCode::usage, fmt::format("the items of {} are no files, by whose names {} would know them; --export "
                                      "label-studio carries the images, and csv their numbers",
                                      job.dataset.name, tool));
  const std::string& file = job.dataset.train.names[size_t(item)];
  if (!data::is_utf8(file))
    fail(ExitCode::usage, fmt::format("{} is not UTF-8, and {} could not give the name back; rename the file in a new "
                                      "run, or use --export label-studio or csv, which carry the items' numbers",
                                      data::in_quotes(file), tool));
  if (!job.names.item_of(file))
    fail(ExitCode::usage,
         fmt::format("{}, and {} knows images by their files' names; --export label-studio carries the "
                     "images, and csv their numbers",
                     job.names.why_no_item(file), tool));
  return file;
}

}  // namespace crc::apps
