// label.html of a query of which some answers are there already.
#pragma once

#include <string>
#include <vector>

#include "apps/rundir/query_files.h"
#include "apps/rundir/run_dir.h"
#include "data/dataset.h"

namespace crc::apps {

struct PageTask {
  std::string title;
  nlohmann::ordered_json task;  // apps/draw/label_page.h
  std::string html() const;
};

// The task of the run's own page, for `items` of the query alone; without what the model said of them where that page is
// gone or somebody changed it.
PageTask page_task(RunDir& run, const Query& query, const data::Dataset& dataset, const std::vector<int64_t>& items);

// Writes the page anew, for `items`. False: somebody changed it, and it stays as it is.
bool write_open_page(RunDir& run, const Query& query, const data::Dataset& dataset, const std::vector<int64_t>& items);

}  // namespace crc::apps
