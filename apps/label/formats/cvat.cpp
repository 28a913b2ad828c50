// CVAT: its XML ("CVAT for images 1.1") with a tag for each image, of a task whose images are the data set's own files.
//
//   <annotations><version>1.1</version>
//     <image id="0" name="a.png" width="16" height="16"><tag label="cat" source="manual"/></image></annotations>
#include <fmt/format.h>

#include <pugixml.hpp>

#include "apps/base/json.h"
#include "apps/draw/canvas.h"
#include "apps/label/formats.h"
#include "data/text.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

// An attribute's text: a reader turns line breaks and tabs into spaces unless they are written by number.
std::string attribute(const std::string& text) {
  check_xml(text, "CVAT");
  std::string escaped;
  for (const char c : escape_xml(text)) escaped += c == '\n' ? "&#10;" : c == '\t' ? "&#9;" : std::string(1, c);
  return escaped;
}

std::vector<ExportFile> write_cvat(const LabelExport& job) {
  std::string xml = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<annotations>\n  <version>1.1</version>\n";
  const data::Images& images = job.dataset.train;
  for (size_t k = 0; k < job.items.size(); ++k) {
    const int64_t item = job.items[k];
    xml += fmt::format("  <image id=\"{}\" name=\"{}\" width=\"{}\" height=\"{}\">\n", k,
                       attribute(file_of(job, item, "CVAT")), images.width, images.height);
    if (const auto at = job.answers.find(item); at != job.answers.end())
      xml += fmt::format("    <tag label=\"{}\" source=\"manual\"/>\n", attribute(choice_of(job, at->second)));
    xml += "  </image>\n";
  }
  std::string names = "[\n";
  const std::vector<std::string> choices = choices_of(job.dataset);
  for (size_t k = 0; k < choices.size(); ++k)
    names += fmt::format(" {{\"name\": {}, \"type\": \"tag\", \"attributes\": []}}{}\n",
                         json_text(nlohmann::json(choices[k])), k + 1 < choices.size() ? "," : "");
  return {{"", xml + "</annotations>\n"}, {".labels.json", names + "]\n"}};
}

bool is_cvat(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n\xef\xbb\xbf");
  return begin != text.npos && text[begin] == '<';
}

void read_cvat(std::string_view text, const std::string& file, const LabelNames& names, Statements& statements,
               std::vector<std::string>& notes) {
  pugi::xml_document document;
  const pugi::xml_parse_result parsed = document.load_buffer(text.data(), text.size());
  const auto refuse = [&](const std::string& what) { fail(ExitCode::corrupt_data, fmt::format("{}: {}", file, what)); };
  if (!parsed) refuse(fmt::format("is no XML: {} at byte {}", parsed.description(), parsed.offset));
  const pugi::xml_node root = document.child("annotations");
  if (!root) refuse("has no element annotations; export the task as \"CVAT for images 1.1\"");
  int64_t without = 0;
  for (const pugi::xml_node image : root.children("image")) {
    const std::string name = image.attribute("name").value(), place = "image " + data::legible(name),
                      where = file + ": " + place;
    const std::optional<int64_t> item = names.item_of(name);
    if (!item) refuse("the image " + names.why_no_item(name));
    const auto tags = image.children("tag");
    if (tags.begin() == tags.end()) ++without;
    for (const pugi::xml_node tag : tags)
      statements.add(answer_called(tag.attribute("label").value(), *item, names, where), where, place);
  }
  if (without > 0)
    notes.push_back(fmt::format("{}: {} no tag", file, data::counted(without, "image has", "images have")));
}

}  // namespace

const LabelFormat labels::cvat{"cvat", "annotations for CVAT (XML), by the images' files", write_cvat, is_cvat,
                               read_cvat};

}  // namespace crc::apps
