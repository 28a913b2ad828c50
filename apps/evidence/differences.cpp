#include "apps/evidence/differences.h"

#include <fmt/format.h>

#include <algorithm>

#include "apps/draw/html.h"
#include "data/text.h"

namespace crc::apps {

std::string markdown_differences(const Study& study, const std::string& block) {
  const auto list = differences(study, block);
  if (list.empty())
    return "\nAll methods have the same budget, net and hyper-parameters; they differ in the acquisition alone.\n";
  std::string text = "\n| Setting | Where methods differ, besides the acquisition |\n|---|---|\n";
  for (const auto& [key, values] : list) text += fmt::format("| {} | {} |\n", key, values);
  return text;
}

std::string html_differences(const Study& study, const std::string& block) {
  const auto list = differences(study, block);
  std::string html;
  if (list.empty()) {
    html =
        paragraph("All methods have the same budget, net and hyper-parameters; they differ in the acquisition alone.");
  } else {
    std::vector<std::vector<TableCell>> rows;
    for (const auto& [key, values] : list)
      rows.push_back(
          {TableCell::text(key), {fmt::format("<span style=\"white-space:normal\">{}</span>", escape_xml(values))}});
    html = table({"setting", "where methods differ, besides the acquisition"}, rows);
  }
  std::vector<std::vector<TableCell>> seeds;
  for (size_t m = 0; m < study.methods.size(); ++m) {
    if (study.methods[m].block != block) continue;
    std::vector<std::string> own;
    for (const StudyRun& run : study.runs)
      if (run.method == m) own.push_back(fmt::format("{}", run.seed));
    seeds.push_back({TableCell::text(study.methods[m].name), TableCell::text(data::join_first(own, 20))});
  }
  const bool same = std::ranges::all_of(seeds, [&](const auto& row) { return row[1].html == seeds[0][1].html; });
  return html +
         (same ? paragraph("All have the same seeds: " + seeds[0][1].html + ".") : table({"method", "seeds"}, seeds));
}

}  // namespace crc::apps
