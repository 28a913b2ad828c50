// rounds/NN/ of a query: query.csv (the items, best group first), query.png (what they look like), scores.npz (all
// candidates), scores.json (how their scores are distributed).
#pragma once

#include "apps/run_files.h"
#include "crc/acquisition.h"
#include "data/dataset.h"

namespace crc::apps {

// The numbers of the candidates that were chosen, in no order; empty if the selection did not keep its candidates.
std::vector<int64_t> chosen_candidates(const select::Selection& selection);

// The picks, best group first: item,group,score and, where there are `names` of the items, file.
std::string picks_csv(const select::Selection& selection, const std::vector<std::string>& names);

// Below `folder` of a run, for RunFiles::commit. Shows so many images in query.png.
std::vector<NamedFile> query_files(const std::string& folder, const select::Selection& selection,
                                   const data::Images& images, int64_t shown);

}  // namespace crc::apps
