// Label Studio: tasks as JSON, with the images in them, and the labelling interface as XML beside it. Back comes its
// export as JSON (tasks with annotations) or JSON-MIN (a flat object for each annotation).
//
//   [{"data": {"image": "data:image/png;base64,...", "item": 26, "file": "a.png"},
//     "annotations": [{"completed_by": 1, "created_at": "...", "was_cancelled": false,
//                      "result": [{"type": "choices", "value": {"choices": ["cat"]}, ...}]}]}]
#include <fmt/format.h>

#include "apps/base/json.h"
#include "apps/draw/canvas.h"
#include "apps/draw/png.h"
#include "apps/label/formats.h"
#include "data/text.h"
#include "data/utf8.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

using json = nlohmann::ordered_json;

constexpr const char *kImage = "image", *kClass = "class";  // names of the interface's controls

json result_of(const std::string& choice) {
  return json::array({{{"from_name", kClass},
                       {"to_name", kImage},
                       {"type", "choices"},
                       {"value", {{"choices", json::array({choice})}}}}});
}

std::string interface_xml(const LabelExport& job) {
  std::string xml = fmt::format(
      "<View>\n  <Image name=\"{}\" value=\"$image\"/>\n  <Choices name=\"{}\" toName=\"{}\" "
      "choice=\"single\" showInline=\"true\">\n",
      kImage, kClass, kImage);
  for (const std::string& choice : choices_of(job.dataset)) {
    check_xml(choice, "Label Studio");
    xml += fmt::format("    <Choice value=\"{}\"/>\n", escape_xml(choice));
  }
  return xml + "  </Choices>\n</View>\n";
}

std::vector<ExportFile> write_studio(const LabelExport& job) {
  const data::Images& images = job.dataset.train;
  if (images.embedded()) fail(ExitCode::usage, "the items are embeddings, and there are no images for Label Studio");
  json tasks = json::array();
  for (const int64_t item : job.items) {
    json data{{kImage, data_uri_png(encode_png(images.image(item), int(images.width), int(images.height)))},
              {"item", item}};
    if (!images.names.empty() && data::is_utf8(images.names[size_t(item)])) data["file"] = images.names[size_t(item)];
    json task{{"data", std::move(data)}};
    if (const auto at = job.answers.find(item); at != job.answers.end())
      task["annotations"] = json::array({{{"result", result_of(choice_of(job, at->second))}}});
    tasks.push_back(std::move(task));
  }
  return {{"", json_text(tasks, 1) + "\n"}, {".config.xml", interface_xml(job)}};
}

bool is_studio(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n\xef\xbb\xbf");
  return begin != text.npos && text[begin] == '[';
}

class StudioReader {
 public:
  StudioReader(const std::string& file, const LabelNames& names, Statements& statements)
      : file_(file), names_(names), statements_(statements) {}

  void read(const json& task, size_t k) {
    place_ = fmt::format("task {}", k + 1);
    if (!task.is_object()) refuse("is no JSON object");
    if (task.contains("id") && task["id"].is_number_integer())
      place_ += fmt::format(" (id {})", task["id"].get<int64_t>());
    const json& data = task.contains("data") ? task["data"] : task;  // JSON-MIN has all in one object
    const int64_t item = item_of(data);
    if (!task.contains("data")) return flat(task, item);
    if (!task.contains("annotations")) return void(++without_);  // as exported for the tool
    if (!task["annotations"].is_array()) refuse("has annotations that are no list");
    for (const json& annotation : task["annotations"]) annotated(annotation, item);
  }
  int64_t without() const { return without_; }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    fail(ExitCode::corrupt_data, fmt::format("{}: {} {}", file_, place_, what));
  }
  std::string where() const { return file_ + ": " + place_; }

  int64_t item_of(const json& data) const {
    if (!data.is_object() || !data.contains("item") || !data["item"].is_number_integer())
      refuse("has no \"item\" in its data; it is not of a project that crc_train label --export made");
    const int64_t item = data["item"].get<int64_t>();
    if (item < 0 || item >= names_.items())
      refuse(fmt::format("has item {}, which is not one of the training images 0..{}", item, names_.items() - 1));
    const bool named = !names_.files().empty() && data.contains("file") && data["file"].is_string();
    if (named && data["file"].get<std::string>() != names_.files()[size_t(item)])
      refuse(fmt::format("has item {}, which is {}, and names {}", item, names_.files()[size_t(item)],
                         data["file"].get<std::string>()));
    return item;
  }

  static std::string text_of(const json& object, const char* key) {
    return object.contains(key) && object[key].is_string() ? object[key].get<std::string>() : "";
  }
  // A number, or an object with an e-mail address.
  static std::string annotator(const json& object, const char* key) {
    if (!object.contains(key)) return "";
    const json& who = object[key];
    if (who.is_object()) return text_of(who, "email");
    return who.is_number_integer() ? std::to_string(who.get<int64_t>()) : who.is_string() ? who.get<std::string>() : "";
  }
  void state(Answer answer, const json& object, const char* who) {
    answer.who = annotator(object, who).substr(0, 200);
    answer.when = text_of(object, "created_at").substr(0, 200);
    statements_.add(std::move(answer), where(), place_);
  }

  void annotated(const json& annotation, int64_t item) {
    if (!annotation.is_object() || !annotation.contains("result") || !annotation["result"].is_array())
      refuse("has an annotation without result");
    if (annotation.contains("was_cancelled") && annotation["was_cancelled"] == json(true))
      return state({.item = item, .skip = kSkipped}, annotation, "completed_by");
    std::vector<std::string> chosen;
    for (const json& result : annotation["result"]) {
      if (!result.is_object() || text_of(result, "type") != "choices") continue;
      if (!result.contains("value") || !result["value"].is_object() || !result["value"].contains("choices") ||
          !result["value"]["choices"].is_array())
        refuse("has choices without a value");
      for (const json& choice : result["value"]["choices"]) {
        if (!choice.is_string()) refuse("has a choice that is no text");
        chosen.push_back(choice.get<std::string>());
      }
    }
    if (chosen.size() > 1) refuse(fmt::format("has {} classes for item {}; one is wanted", chosen.size(), item));
    if (chosen.empty())
      ++without_;
    else
      state(answer_called(chosen[0], item, names_, where()), annotation, "completed_by");
  }

  void flat(const json& task, int64_t item) {
    const json chosen = task.value(kClass, json());
    if (chosen.is_object()) refuse(fmt::format("has several classes for item {}; one is wanted", item));
    if (!chosen.is_string()) {
      ++without_;
      return;
    }
    state(answer_called(chosen.get<std::string>(), item, names_, where()), task, "annotator");
  }

  const std::string& file_;
  const LabelNames& names_;
  Statements& statements_;
  std::string place_;
  int64_t without_ = 0;
};

void read_studio(std::string_view text, const std::string& file, const LabelNames& names, Statements& statements,
                 std::vector<std::string>& notes) {
  const json tasks = parse_json(text, file);
  StudioReader reader(file, names, statements);
  for (size_t k = 0; k < tasks.size(); ++k) reader.read(tasks[k], k);
  if (reader.without() > 0)
    notes.push_back(
        fmt::format("{}: {} no class", file,
                    data::counted(reader.without(), "task or annotation gives", "tasks or annotations give")));
}

}  // namespace

const LabelFormat labels::label_studio{"label-studio", "tasks for Label Studio, with the images in them (JSON)",
                                       write_studio, is_studio, read_studio};

}  // namespace crc::apps
