// Parts of a batch that pass a network at once, each as far as something is asked of them all: batch normalisation whose
// statistics are the whole batch's. While one is current on a thread, ops ask it there.
#pragma once

#include "kernels/core/view.h"

namespace crc {

class Meeting {
 public:
  // What is asked: [3, C] counts, means and squared deviations of channels, or sums.
  enum class Of { moments, sums };
  virtual ~Meeting() = default;
  // `values` of this part, on its device, become those of all parts, merged two by two in a binary tree over the parts
  // in their order, ((0 + 1) + (2 + 3)): the same bits in all of them. Every part asks for as many, at the same places.
  virtual void merge(View<double, 1> values, Of what) = 0;

  static Meeting* current() { return current_; }  // null: there are no other parts

 protected:
  static inline thread_local Meeting* current_ = nullptr;
};

}  // namespace crc
