// What a network gets wrong, for people: one offline page and one table.
#pragma once

#include <string>
#include <vector>

#include "data/dataset.h"
#include "ssl/evaluate.h"

namespace crc::apps {

struct Mistake {
  int64_t item;  // of the images
  int32_t label, predicted;
  double given;       // probability of the label
  double confidence;  // probability of the predicted class
};

// The images whose predicted class is not their label, the least likely label first; of equal ones in order. What a
// network contradicts most surely: where it has not seen the image its worst mistakes, and among images it learned the
// labels that are likeliest wrong (confident learning, Northcutt et al. 2021, by self-confidence). logits [N,C].
std::vector<Mistake> find_mistakes(const std::vector<float>& logits, const std::vector<int32_t>& labels,
                                   int64_t classes);

// item,file,class,predicted,probability_of_class,probability; a row for each.
std::string mistakes_csv(const std::vector<Mistake>& mistakes, const data::Images& images,
                         const std::vector<std::string>& class_names);

// Wilson's interval of a share at 95 %.
struct Share {
  double low, high;
};
Share wilson(int64_t hits, int64_t of);

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

}  // namespace crc::apps
