// The passes of a step through its networks, forwards and backwards: the one place where a step knows of shards
// (ssl/shard_mean.h). Each part of the batch passes alone. What comes out of it, a few numbers a row, is put together
// again in the order of the batch and in every process, so that a method has the batch as a whole: whatever it asks of
// it or remembers of it is computed everywhere from the same rows, and is the same.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "kernels/core/ranks.h"
#include "nn/net.h"
#include "ssl/lockstep.h"

namespace crc::ssl {

// Two passes of a step can be kept for their backward pass.
using SavedPasses = std::array<std::unique_ptr<nn::Saved>, 2>;

struct Pass {
  int64_t begin, end;    // rows of the batch: whole views, or the labelled or unlabelled part of one
  bool average = false;  // through the averaged model, not the student
  Mode mode = Mode::train;
  int kept = -1;  // 0 or 1: for backward(); -1: no gradient is taken of it
};

class Passes {
 public:
  // One that passes alone: the batch itself, or a shard of it.
  struct Part {
    nn::Activations images;    // the rows of all views
    nn::Weights student, ema;  // the same values in all parts, with batch statistics of each one's own
    nn::Weights grads;
    const SavedPasses* saved;
  };

  static constexpr const char* kRows = "rows of shards";  // of the arrays that go from each process to all

  // The whole batch at once.
  Passes(const nn::Net& net, Part whole) : net_(net), parts_{whole} {}
  // In `shards` parts of which these are the own ones. `sections`: the rows of the batch that are shared out one by one,
  // in order, of each of its views the labelled and the unlabelled ones. `ranks`: who has the other parts; null: nobody.
  // `lockstep`: batch statistics are those of all parts, who pass side by side for that; null: each has its own.
  Passes(const nn::Net& net, std::vector<Part> own, int64_t shards, std::vector<int64_t> sections, Ranks* ranks,
         Lockstep* lockstep)
      : net_(net),
        parts_(std::move(own)),
        shards_(shards),
        sections_(std::move(sections)),
        ranks_(ranks),
        lockstep_(lockstep) {}

  // logits [N,C] of the pass's N rows; features [N,D], or empty where nobody asks. Scratch memory that the backward
  // pass needs stays until the frame around the step ends.
  void forward(Context& context, const Pass& pass, View<float, 2> logits, View<float, 2> features = {});
  // Every part's gradients += what the pass that was kept has by dlogits [N,C], the gradient of the batch's loss; and by
  // dfeatures [N,D], or empty. Their mean over the parts is the batch's.
  void backward(Context& context, int kept, View<const float, 2> dlogits, View<const float, 2> dfeatures = {});

 private:
  void for_parts(Context& context, const std::function<void(int64_t part, Context& context)>& work);
  template <class Visit> void for_sections(const Pass& pass, Visit visit) const;
  void put_together(Context& context, View<float, 2> whole, View<const float, 2> own, const Pass& pass) const;
  View<const float, 2> part_of(Context& context, View<const float, 2> whole, int64_t part, const Pass& pass) const;

  const nn::Net& net_;
  std::vector<Part> parts_;
  int64_t shards_ = 0;  // 0: there is one part, the batch
  std::vector<int64_t> sections_;
  Ranks* ranks_ = nullptr;
  Lockstep* lockstep_ = nullptr;
  std::map<Arena*, std::unique_ptr<Arena::Frame>> frames_;  // of parts in scratch memory of their own
  Pass kept_[2] = {};
};

}  // namespace crc::ssl
