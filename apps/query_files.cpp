#include "apps/query_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "apps/score_histogram.h"
#include "data/contact_sheet.h"
#include "data/npz.h"

namespace crc::apps {
namespace {

using Int = int64_t;

// Which candidates were chosen. A chosen group's items are those of one candidate.
std::vector<Int> chosen_candidates(const select::Selection& selection) {
  std::unordered_multimap<Int, Int> by_first_item;
  const Int size = selection.group_size;
  for (Int k = 0; k < Int(selection.scores.size()); ++k)
    by_first_item.emplace(selection.candidates[size_t(k * size)], k);
  std::vector<Int> chosen;
  for (const select::Group& group : selection.groups) {
    const auto [begin, end] = by_first_item.equal_range(group.items.front());
    for (auto at = begin; at != end; ++at)
      if (std::equal(group.items.begin(), group.items.end(), selection.candidates.begin() + at->second * size)) {
        chosen.push_back(at->second);
        break;
      }
  }
  return chosen;
}

}  // namespace

void write_query_files(const fs::path& folder, const select::Selection& selection, const data::Images& images,
                       Int shown) {
  std::string csv = images.names.empty() ? "item,group,score\n" : "item,group,score,file\n";
  for (size_t g = 0; g < selection.groups.size(); ++g)
    for (Int id : selection.groups[g].items)
      csv += fmt::format("{},{},{:.17g}{}\n", id, g, selection.groups[g].score,
                         images.names.empty() ? "" : ",\"" + images.names[size_t(id)] + "\"");
  commit_file(folder / "query.csv", csv);

  std::vector<data::Tile> tiles;
  for (size_t i = 0; i < std::min(selection.picks.size(), size_t(shown)); ++i)
    tiles.push_back({images.image(selection.picks[i])});
  if (!tiles.empty())
    commit_file(folder / "query.png", data::encode_png(data::contact_sheet(tiles, images.height, images.width,
                                                                           {.scale = images.height < 32 ? 3 : 2})));

  data::NpzWriter scores;
  const Int count = Int(selection.scores.size());
  scores.add<double>("scores", selection.scores, std::vector<Int>{count});
  scores.add<Int>("candidates", selection.candidates, std::vector<Int>{count, selection.group_size});
  scores.add<Int>("picks", selection.picks, std::vector<Int>{Int(selection.picks.size())});
  commit_file(folder / "scores.npz", scores.finish());
  commit_file(folder / "scores.json", to_json(make_histogram(selection.scores, chosen_candidates(selection))));
}

}  // namespace crc::apps
