// rounds/NN/ of a round: mistakes.json and mistakes.png; of its query: query.csv (the items, best group first), query.png (what they look like), label.html (where a
// person gives them their classes), scores.npz (all candidates), scores.json (how their scores are distributed).
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "apps/config/config.h"
#include "apps/rundir/run_files.h"
#include "crc/acquisition.h"
#include "crc/represents.h"
#include "data/dataset.h"
#include "ssl/evaluate.h"

namespace crc::apps {

// How the acquisition scores of one query were distributed, and those that were chosen. Small enough for the report;
// the scores themselves may be many millions.
struct ScoreHistogram {
  double low = 0, high = 0;     // of the finite scores
  std::vector<int64_t> counts;  // equal bins from low to high
  std::vector<double> chosen;   // scores of the chosen candidates
  int64_t not_finite = 0;
  // Of the positive scores: floor(kBinsPerDecade * log10(score)) -> how many. Bins of different queries line up.
  std::map<int64_t, int64_t> decades;
};
inline constexpr int kBinsPerDecade = 10;

ScoreHistogram make_histogram(std::span<const double> scores, std::span<const int64_t> chosen, int bins = 60);
std::string to_json(const ScoreHistogram& histogram);
ScoreHistogram histogram_from_json(std::string_view text, const std::string& name);  // Error 65

// The numbers of the candidates that were chosen, in no order; empty if the selection did not keep its candidates.
std::vector<int64_t> chosen_candidates(const select::Selection& selection);

// The picks, best group first: item,group,score and, where there are `names` of the items, file; where it is known what
// they stand for, also stands_for,mean_distance,largest_distance.
std::string picks_csv(const select::Selection& selection, const std::vector<std::string>& names,
                      const std::map<int64_t, select::Standing>& standings = {});

// Below `folder` of a run, for RunFiles::commit. Shows so many images in query.png.
std::vector<NamedFile> query_files(const std::string& folder, const select::Selection& selection,
                                   const data::Images& images, int64_t shown);

// What a round's model got wrong of the test images: mistakes.json (what was taken for what, and the surest mistakes) and
// mistakes.png (their pictures, in the same order).
struct RoundMistakes {
  int64_t classes = 0, images = 0, mistakes = 0;
  std::vector<int64_t> confusion;    // [C,C], rows are true classes
  std::vector<ssl::Mistake> surest;  // the first of find_mistakes
  std::vector<std::string> names;    // of their images; empty: they have none
  std::string png;                   // read with the rest; empty: embeddings
};
std::vector<NamedFile> mistake_files(const std::string& folder, const ssl::Evaluation& evaluation,
                                     const std::vector<ssl::Mistake>& mistakes, const data::Images& images);
RoundMistakes mistakes_from_json(std::string_view text, const std::string& name);  // Error 65

// What helps a person with an item.
struct LabelHint {
  std::vector<std::pair<int64_t, double>> guess;  // classes and their probabilities, the likeliest first; may be empty
  std::vector<int64_t> nearest;                   // labelled items, the nearest first; may be empty
};

// Where images are files: what people look at is the photograph, not the square that a network gets.
struct Photographs {
  fs::path folder;  // data.dir; empty: the images are all there is
  std::string crop;
};

Photographs photographs_of(const Config& config);

// label.html for the items of `query`, which has images; `hints` [items] or empty, `classes` by labelled item.
NamedFile label_page_file(const fs::path& run, const Query& query, const data::Dataset& dataset,
                          const std::vector<LabelHint>& hints, const std::map<int64_t, int64_t>& classes,
                          bool show_guesses, const Photographs& photographs);

}  // namespace crc::apps
