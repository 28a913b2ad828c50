#include "apps/draw/label_page.h"

#include "apps/base/json.h"
#include "apps/draw/canvas.h"
#include "apps/draw/html.h"
#include "apps/draw/png.h"

namespace crc::apps {
namespace {

using json = nlohmann::ordered_json;

json examples(const std::vector<LabelExample>& nearest) {
  json list = json::array();
  for (const LabelExample& example : nearest)
    list.push_back({{"picture", example.picture}, {"class", example.class_index}});
  return list;
}

json guesses(const std::vector<LabelGuess>& guess) {
  json list = json::array();
  for (const LabelGuess& g : guess) list.push_back({{"class", g.class_index}, {"probability", g.probability}});
  return list;
}

json to_json(const LabelTask& task) {
  json items = json::array(), pictures = json::array();
  for (const std::string& png : task.pictures) pictures.push_back(data_uri_png(png));
  for (const LabelItem& item : task.items) {
    json entry{{"item", item.item}, {"picture", item.picture}};
    if (!item.file.empty()) entry["file"] = item.file;
    if (!item.guess.empty()) entry["guess"] = guesses(item.guess);
    if (!item.nearest.empty()) entry["near"] = examples(item.nearest);
    if (const auto& photo = item.photo) {
      entry["photo"] = data_uri("image/jpeg", photo->jpeg);
      if (photo->width < 1 || photo->height < 1) entry["part"] = {photo->left, photo->top, photo->width, photo->height};
    }
    items.push_back(std::move(entry));
  }
  return {{"key", task.key},     {"classes", task.classes},      {"pictures", pictures}, {"items", items},
          {"width", task.width}, {"guesses", task.show_guesses}, {"then", task.then}};
}

// No name of a class or a file ends the script that it stands in.
std::string in_script(std::string text) {
  for (size_t at = 0; (at = text.find('<', at)) != std::string::npos;) text.replace(at, 1, "\\u003c");
  return text;
}

}  // namespace

std::string label_page(const LabelTask& task) { return label_page(task.title, to_json(task)); }

std::string label_page(const std::string& title, const json& task) {
  return filled(kLabelPage, {{"title", escape_xml(title)},
                             {"light", css_variables(Theme::light)},
                             {"dark", css_variables(Theme::dark)},
                             {"task", in_script(json_text(task))}});
}

std::optional<json> task_of_page(std::string_view page) {
  constexpr std::string_view kOpen = "<script type=\"application/json\" id=\"task\">";
  const size_t open = page.find(kOpen), end = open == page.npos ? page.npos : page.find("</script>", open);
  if (end == page.npos) return std::nullopt;
  return read_json(page.substr(open + kOpen.size(), end - open - kOpen.size()));
}

}  // namespace crc::apps
