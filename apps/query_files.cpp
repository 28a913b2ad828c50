#include "apps/query_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "apps/score_histogram.h"
#include "data/contact_sheet.h"
#include "data/csv.h"
#include "data/npz.h"

namespace crc::apps {

std::vector<int64_t> chosen_candidates(const select::Selection& selection) {
  std::unordered_multimap<int64_t, const select::Group*> by_first_item;
  for (const select::Group& group : selection.groups) by_first_item.emplace(group.items.front(), &group);
  std::vector<int64_t> chosen;
  const int64_t size = selection.group_size, count = int64_t(selection.candidates.size()) / size;
  for (int64_t k = 0; k < count && !by_first_item.empty(); ++k) {
    const int64_t* items = &selection.candidates[size_t(k * size)];
    const auto [begin, end] = by_first_item.equal_range(*items);
    const auto same = [&](const auto& entry) {
      return std::ranges::equal(entry.second->items, std::span(items, size_t(size)));
    };
    const auto found = std::find_if(begin, end, same);
    if (found == end) continue;
    chosen.push_back(k);
    by_first_item.erase(found);  // of equal candidates the first
  }
  return chosen;
}

std::string picks_csv(const select::Selection& selection, const std::vector<std::string>& names) {
  std::vector<std::string> heading{"item", "group", "score"};
  if (!names.empty()) heading.emplace_back("file");
  data::CsvWriter csv(heading);
  for (size_t g = 0; g < selection.groups.size(); ++g)
    for (int64_t item : selection.groups[g].items) {
      csv.number(item).number(int64_t(g)).number(fmt::format("{:.17g}", selection.groups[g].score));
      if (!names.empty()) csv.text(names[size_t(item)]);
      csv.end_row();
    }
  return csv.str();
}

std::vector<NamedFile> query_files(const std::string& folder, const select::Selection& selection,
                                   const data::Images& images, int64_t shown) {
  std::vector<NamedFile> files;
  const auto add = [&](const char* name, const auto& content, bool for_people = false) {
    files.push_back({folder + "/" + name, std::string(content.begin(), content.end()), for_people});
  };
  add("query.csv", picks_csv(selection, images.names), /*for_people=*/true);

  std::vector<data::Tile> tiles;
  for (size_t i = 0; i < std::min(selection.picks.size(), size_t(shown)); ++i)
    tiles.push_back({images.image(selection.picks[i])});
  if (!tiles.empty())
    add("query.png", data::encode_png(data::contact_sheet(tiles, images.height, images.width,
                                                          {.scale = images.height < 32 ? 3 : 2})));

  data::NpzWriter scores;
  const int64_t count = int64_t(selection.scores.size());
  scores.add<double>("scores", selection.scores, std::vector<int64_t>{count});
  scores.add<int64_t>("candidates", selection.candidates, std::vector<int64_t>{count, selection.group_size});
  scores.add<int64_t>("picks", selection.picks, std::vector<int64_t>{int64_t(selection.picks.size())});
  add("scores.npz", scores.finish());
  add("scores.json", to_json(make_histogram(selection.scores, chosen_candidates(selection))));
  return files;
}

}  // namespace crc::apps
