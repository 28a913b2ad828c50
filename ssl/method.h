// A semi-supervised method is what happens between a batch and the parameter gradients. Most since UDA are one frame
// (ssl/methods/matching.h): a pass over labelled, weak and strong views, and of each unlabelled item a target that its
// weak view gives the strong one. Such a method is its mask (which items teach), its weight (how much) and its target
// (what), and the running state by which it decides them. Adding one: a file in methods/ and a line in methods.def.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "nn/net.h"
#include "ssl/config.h"
#include "ssl/label_loss.h"
#include "ssl/method_state.h"
#include "ssl/passes.h"

namespace crc::ssl {

// One augmented look at the items of a step; a batch stacks its method's views in order.
struct BatchView {
  enum class Items : uint8_t { labeled, unlabeled, both } items;  // both: [labelled | unlabelled]
  Purpose purpose;                                                // of its draws
  bool strong = false;

  int64_t rows(int64_t labeled, int64_t unlabeled) const {
    return (items == Items::unlabeled ? 0 : labeled) + (items == Items::labeled ? 0 : unlabeled);
  }
};

// Images of one step, augmented and normalised.
struct Batch {
  nn::Activations images;         // [rows of all views, H, W, 3]
  View<const int32_t, 1> labels;  // [labeled]
  int64_t labeled = 0, unlabeled = 0;
  View<const int32_t, 1> truth = {};  // [unlabeled] or empty: their true labels, to judge pseudo-labels by; -1: unknown
  View<const int64_t, 1> items = {};  // [unlabeled]: their ids, for methods that remember items
  View<const int64_t, 1> labeled_items = {};  // [labeled]: the same
};

// What the size of running state may depend on.
struct PoolSize {
  int64_t classes;
  int64_t items;      // ids are below this
  int64_t unlabeled;  // items that batches are drawn from
  int64_t labeled;
};

struct TrainingStep {
  Context& context;
  const nn::Net& net;
  Passes& passes;
  nn::Weights student, grads;  // for a projection head's own passes; grads are zero on entry
  View<const StepState, 1> state;
  const TrainConfig& config;
  const LabelLoss& label_loss;
  View<float, 2> losses;  // ring [K, kLossColumns] for record_mean
  View<float, 2> tally;   // [kTallies,C] for tally_pseudo
  const MethodState& running;
  PoolSize pool;
  View<const int64_t, 1> labeled;  // [pool.labeled]: ids
};

// Columns of the ring: the labelled and the unlabelled loss (before its weight); of the unlabelled images the share
// above the threshold, and of those above it the shares whose true label is known, and is the pseudo-label.
enum LossColumn : int64_t { kLossLabeled, kLossUnlabeled, kMaskRate, kPseudoKnown, kPseudoRight, kLossColumns };

class Method {
 public:
  virtual ~Method() = default;
  virtual std::span<const BatchView> views(const TrainConfig& config) const = 0;
  virtual void gradients(const TrainingStep& step, const Batch& batch) const = 0;
  // What it remembers; the step finds it by name in `running`.
  virtual std::vector<StateArray> running(const TrainConfig&, const PoolSize&) const { return {}; }
  // Size of the projection head (nn/projection.h) that it needs of its network; 0: none.
  virtual int64_t projection(const TrainConfig&) const { return 0; }
  // Whether `gradients` runs the averaged model.
  virtual bool asks_average() const { return false; }
  // False: there are no steps, and the model is the labels themselves (ssl/propagation.h).
  virtual bool trains() const { return true; }
};

int64_t unlabeled_per_step(const TrainConfig& config);  // 0 where the method has no use for them
int64_t images_per_step(const TrainConfig& config);     // rows of all views

struct MethodEntry {
  const char* name;
  const char* description;
  const char* source;
  const char* defaults;  // settings in which its paper differs from TrainConfig: "threshold=0.8 temperature=0.4"
  const Method& (*get)();
};
const std::vector<MethodEntry>& methods();
// Error config with the known names.
const Method& find_method(const std::string& name);

}  // namespace crc::ssl
