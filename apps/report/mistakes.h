// What a network gets wrong, for people: one offline page and one table.
#pragma once

#include <string>
#include <vector>

#include "apps/rundir/rounds.h"
#include "apps/rundir/run_record.h"
#include "data/dataset.h"
#include "ssl/evaluate.h"

namespace crc::apps {

using ssl::Mistake, ssl::find_mistakes;

// item,file,class,predicted,probability_of_class,probability; a row for each.
std::string mistakes_csv(const std::vector<Mistake>& mistakes, const data::Images& images,
                         const std::vector<std::string>& class_names);

// Accuracy with its interval, precision and recall of each class with theirs, the confusion matrix, and the first
// mistakes with their pictures; under 5 MB.
struct PageSubject {
  std::string title;  // "photos, round 2"
  std::string what;   // "test images", "training images: those labels may be wrong"
  const data::Images& images;
  const std::vector<std::string>& class_names;
};
std::string mistakes_page(const PageSubject& subject, const ssl::Evaluation& evaluation,
                          const std::vector<Mistake>& mistakes);

// The same of a run's last round, as a section of its report, by what the round left; empty where it left nothing.
std::string mistakes_section(const RunRecord& run);

}  // namespace crc::apps
