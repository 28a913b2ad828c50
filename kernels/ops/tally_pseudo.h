// What a whole epoch's pseudo-labels are worth, class by class: a count of rows, from zero at each epoch's first step.
//   tally[kClaimed,c] += rows with label c and a weight of at least 1/2;  kKnown: of them, those whose truth is known;
//   kRight: of those, truth == c;  kTrue: rows with truth c;  kDrawn: all rows.
// tally [kTallies,C]; weight, label, truth (-1: unknown) [M]. fp32 counts below 2^24 are exact. Class: exact.
#pragma once

#include "kernels/core/op.h"
#include "kernels/core/step_state.h"

namespace crc {

enum Tally : int64_t { kClaimed, kKnown, kRight, kTrue, kDrawn, kTallies };

struct TallyPseudo {
  View<float, 2> tally;
  View<const float, 1> weight;
  View<const int32_t, 1> label, truth;
  View<const StepState, 1> state;
  int64_t steps_per_epoch;

  void check() const {
    check_shape("tally_pseudo", tally, {kTallies, tally.shape[1]});
    check_shape("tally_pseudo", label, {weight.size()});
    check_shape("tally_pseudo", truth, {weight.size()});
    check_shape("tally_pseudo", state, {1});
    if (steps_per_epoch < 1) fail_internal("tally_pseudo: an epoch of " + std::to_string(steps_per_epoch) + " steps");
  }
  template <class Lanes> CRC_HD void operator()(int64_t c, Lanes lanes) const {
    float counts[kTallies] = {};
    for (int64_t n = lanes.lane; n < weight.size(); n += lanes.count) {
      const bool claimed = weight[n] >= 0.5f && label[n] == c;
      counts[kClaimed] += claimed;
      counts[kKnown] += claimed && truth[n] >= 0;
      counts[kRight] += claimed && truth[n] == c;
      counts[kTrue] += truth[n] == c;
      counts[kDrawn] += 1;
    }
    const bool begins = state[0].step % steps_per_epoch == 0;
    for (int64_t i = 0; i < kTallies; ++i) {
      const float sum = lanes.sum(counts[i]);
      if (lanes.lane == 0) tally[i * tally.shape[1] + c] = (begins ? 0 : tally[i * tally.shape[1] + c]) + sum;
    }
  }
};

CRC_OP(void, tally_pseudo,
       (View<float, 2> tally, View<const float, 1> weight, View<const int32_t, 1> label, View<const int32_t, 1> truth,
        View<const StepState, 1> state, int64_t steps_per_epoch))

}  // namespace crc
