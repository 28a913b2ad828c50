// Confident pseudo-labels against the truth, where it is known:
//   known[n] = mask[n] != 0 and truth[n] >= 0,  right[n] = known[n] and pseudo[n] == truth[n]   (0 or 1)
// known, right, mask [M] fp32; pseudo, truth [M]. Class: exact.
#pragma once

#include "kernels/core/op.h"

namespace crc {

struct JudgePseudo {
  View<float, 1> known, right;
  View<const float, 1> mask;
  View<const int32_t, 1> pseudo, truth;

  void check() const {
    check_shape("judge_pseudo", known, {mask.size()});
    check_shape("judge_pseudo", right, {mask.size()});
    check_shape("judge_pseudo", pseudo, {mask.size()});
    check_shape("judge_pseudo", truth, {mask.size()});
  }
  CRC_HD void operator()(int64_t n) const {
    const bool judged = mask[n] != 0 && truth[n] >= 0;
    known[n] = judged ? 1.0f : 0.0f;
    right[n] = judged && pseudo[n] == truth[n] ? 1.0f : 0.0f;
  }
};

CRC_OP(void, judge_pseudo,
       (View<float, 1> known, View<float, 1> right, View<const float, 1> mask, View<const int32_t, 1> pseudo,
        View<const int32_t, 1> truth))

}  // namespace crc
