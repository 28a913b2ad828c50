// What parts of a batch ask of all (kernels/core/meeting.h), two by two: into [N] becomes what it says together with
// other [N]. Of::moments: [3, N/3], as kernels/ops/batchnorm_act.h merges them; Of::sums: their sum. Class: point, in fp64.
#pragma once

#include "kernels/core/meeting.h"
#include "kernels/core/op.h"
#include "kernels/ops/batchnorm_act.h"

namespace crc {

struct MergeMoments {
  double* into;
  const double* other;
  int64_t channels;

  CRC_HD void operator()(int64_t c) const {
    const Moments all = of(into, c).merged(of(other, c));
    into[c] = all.count, into[channels + c] = all.mean, into[2 * channels + c] = all.m2;
  }

 private:
  CRC_HD Moments of(const double* values, int64_t c) const {
    return {values[c], values[channels + c], values[2 * channels + c]};
  }
};
struct MergeSums {
  double* into;
  const double* other;
  CRC_HD void operator()(int64_t i) const { into[i] += other[i]; }
};

CRC_OP(void, merge_parts, (View<double, 1> into, View<const double, 1> other, Meeting::Of what))

}  // namespace crc
