// How much of a run is left, and how long that takes by what was done before: arithmetic alone, so that the run itself,
// its sweep and whoever watches them say the same.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "apps/config/config.h"
#include "apps/rundir/rounds.h"

namespace crc::apps {

// What a run is to do at most, by its settings.
struct Course {
  int64_t rounds = 1;           // one after the other, with a query between two
  int64_t epochs = 1;           // of a round
  int64_t patience = 0;         // epochs without a better accuracy after which a round ends; 0: none end it
  int64_t steps_per_epoch = 1;  // optimizer steps
};
Course course_of(const Config& config);

// How far it is.
struct Place {
  int64_t round = 0;       // in hand
  double epochs = 0;       // of it that are over, the one in hand by its part
  int64_t since_best = 0;  // epochs since the best one, as RoundHistory counts them: 1, where that is the last
  int64_t queries = 0;     // that are chosen
};

struct Work {
  double epochs = 0, queries = 0;
};

// What is left. Where patience may end rounds, each is expected to take `usual` epochs; where no round says how many
// that are (NaN), the geometric mean of the soonest end that is possible and the cap, which errs by the least factor.
Work work_left(const Course& course, const Place& place, double usual);

double seconds_of(const Work& work, double epoch, double query);  // of each; NaN for a query: not known, and left out

double usual_epochs(const std::vector<RoundRow>& finished);   // mean of rounds; NaN: none is finished
double query_seconds(const std::vector<RoundRow>& finished);  // mean of queries; NaN: there was none
int64_t queries_in(const std::vector<RoundRow>& finished);

// Seconds that one piece of some kind of work takes: the mean of the last ten; NaN before the first.
class Pace {
 public:
  void took(double seconds);
  double seconds() const;

 private:
  std::deque<double> last_;
};

}  // namespace crc::apps
