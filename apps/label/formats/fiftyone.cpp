// FiftyOne: labels.json of a FiftyOneImageClassificationDataset, whose images are the data set's own files:
//
//   {"classes": ["cat", "dog"], "labels": {"a/1": 0, "a/2": null}}
//
// A key is an image's path without its extension; a value is a number of `classes` there, whatever their order, or a
// name.
#include <fmt/format.h>

#include "apps/base/json.h"
#include "apps/label/formats.h"
#include "data/text.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

using json = nlohmann::ordered_json;

std::string key_of(const std::string& file) { return std::filesystem::path(file).replace_extension().string(); }

std::map<std::string, std::vector<int64_t>> items_by_key(const LabelNames& names) {
  std::map<std::string, std::vector<int64_t>> items;
  for (size_t item = 0; item < names.files().size(); ++item)
    items[key_of(names.files()[item])].push_back(int64_t(item));
  return items;
}

// Two images of one name without its extension would be one image there.
std::string own_key(const LabelExport& job, int64_t item, const std::map<std::string, std::vector<int64_t>>& items) {
  const std::string key = key_of(file_of(job, item, "FiftyOne"));
  for (const int64_t other : items.at(key))
    if (other != item)
      fail(
          ExitCode::usage,
          fmt::format("{} and {} have one name without its extension, by which FiftyOne would know them; --export "
                      "label-studio carries the images, and csv their numbers",
                      data::legible(job.names.files()[size_t(item)]), data::legible(job.names.files()[size_t(other)])));
  return key;
}

std::vector<ExportFile> write_fiftyone(const LabelExport& job) {
  const std::vector<std::string> choices = choices_of(job.dataset);
  const auto items = items_by_key(job.names);
  json labels = json::object();
  for (const int64_t item : job.items) {
    const auto at = job.answers.find(item);
    json value;
    if (at != job.answers.end())
      for (size_t k = 0; k < choices.size(); ++k)
        if (choices[k] == choice_of(job, at->second)) value = k;
    labels[own_key(job, item, items)] = value;
  }
  return {{"", json_text(json{{"classes", choices}, {"labels", labels}}, 1) + "\n"}};
}

bool is_fiftyone(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n\xef\xbb\xbf");
  return begin != text.npos && text[begin] == '{';
}

void read_fiftyone(std::string_view text, const std::string& file, const LabelNames& names, Statements& statements,
                   std::vector<std::string>& notes) {
  const json all = parse_json(text, file);
  const auto refuse = [&](const std::string& what) { fail(ExitCode::corrupt_data, fmt::format("{}: {}", file, what)); };
  if (!all.contains("labels") || !all["labels"].is_object())
    refuse("has no object \"labels\"; it is no FiftyOneImageClassificationDataset");
  const json classes = all.value("classes", json());
  const auto items = items_by_key(names);
  int64_t without = 0;
  for (const auto& [key, value] : all["labels"].items()) {
    const std::string place = "labels of " + data::legible(key), where = file + ": " + place;
    const auto at = items.find(key);
    if (at == items.end()) refuse(place + ": is not one of the training images");
    if (at->second.size() > 1) refuse(place + ": several training images have this name without its extension");
    const bool number = value.is_number_integer() && classes.is_array() && value.get<int64_t>() >= 0 &&
                        value.get<int64_t>() < int64_t(classes.size()) && classes[value.get<size_t>()].is_string();
    if (value.is_null())
      ++without;
    else if (!number && !value.is_string())
      refuse(fmt::format("{}: {} is no number of \"classes\" and no name", place, json_text(value)));
    else
      statements.add(answer_called(number ? classes[value.get<size_t>()].get<std::string>() : value.get<std::string>(),
                                   at->second[0], names, where),
                     where, place);
  }
  if (without > 0)
    notes.push_back(fmt::format("{}: {} no label", file, data::counted(without, "image has", "images have")));
}

}  // namespace

const LabelFormat labels::fiftyone{"fiftyone",
                                   "labels.json of a FiftyOneImageClassificationDataset, by the images' files",
                                   write_fiftyone, is_fiftyone, read_fiftyone};

}  // namespace crc::apps
