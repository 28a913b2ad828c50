// The sections of a report, each on any set of runs; a section with nothing to say is empty.
#pragma once

#include <string>
#include <vector>

#include "apps/draw/chart.h"
#include "apps/draw/contact_sheet.h"
#include "apps/draw/html.h"
#include "apps/report/summary.h"

namespace crc::apps {

using RunList = std::vector<const RunRecord*>;
using Groups = std::vector<RunGroup>;

TableCell mean_cell(const MeanStd& fraction);  // in percent: 93.12 +- 0.40
TableCell group_cell(const RunGroup& group);   // its name behind its colour

// The pictures of a sheet of so many; none where it is no such sheet.
std::vector<data::RgbImage> tiles_in(const std::string& sheet_png, int64_t count);
std::string image_tag(const data::RgbImage& picture);  // <img>, in itself; large ones at a fraction of their size

std::string runs_section(const RunList& runs);
std::string cross_validation_section(const RunList& runs);           // empty: no run has any
std::string rounds_section(const RunList& runs);                     // every round of every run, with its times
std::string cost_section(const Groups& groups);                      // epochs and computing time per method
std::string queries_section(const RunList& runs, size_t max_bytes);  // of data URIs
std::string classes_section(const Groups& groups);                   // class histogram of the labels
std::string training_section(const Groups& groups);                  // accuracy, mask rate, pseudo-labels by epoch
std::string scores_section(const Groups& groups, bool eigenvalues = true);  // what the acquisition saw
std::string settings_section(const RunList& runs);

}  // namespace crc::apps
