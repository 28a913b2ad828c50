// Item-wise acquisitions on class probabilities, computed in fp64 from the logits.
#pragma once

#include <functional>
#include <span>
#include <variant>
#include <vector>

#include "crc/acquisition.h"
#include "crc/host_rows.h"

namespace crc::select {

class ShardedRows;

// Logits of the pool, in the precision that they come in.
struct Logits {
  std::variant<HostMatrix<float>, HostMatrix<double>> rows;
  int64_t classes() const;
  std::vector<double> operator[](int64_t item) const;
};
// Of the unlabelled items and `more`. Errors as read_rows, and config if there are fewer than two classes.
Logits read_logits(Context& context, const Problem& problem, const Config& config, std::span<const int64_t> more = {});

// The same where the pool lies in several processes.
const ShardedRows& sharded_logits(const Problem& problem, const Config& config);

// Class probabilities, in the order of the classes. The largest logit goes first, in fp64.
std::vector<double> softmax(std::vector<double> logits);

// - sum_c p_c log p_c, in nats.
double entropy(std::span<const double> p);

// 1 - (p_1 - p_2) of the two likeliest classes.
double margin_uncertainty(std::vector<double> p);

// How many of the items will be labelled otherwise than predicted, by the model's own probabilities: the sum of
// 1 - max_c p_c.
double expected_changes(Context& context, const Problem& problem, const Config& config, std::span<const int64_t> items);

// f of the logits of every item of some unlabelled ones, in their order; ascending where the pool lies in several
// processes. Errors: those of read_logits.
std::vector<double> from_logits(Context& context, const Problem& problem, const Config& config,
                                std::span<const int64_t> items, const std::function<double(std::vector<double>)>& f);

// The items with the largest measure(p), p = softmax(logits) of the item, largest probability first: descending, so
// that the measure does not depend on the order of the classes. C >= 2. Where items have weights, the scores are what is
// above the measure of certainty, p = (1, 0, ...), by the weights.
Selection most_uncertain(Context& context, const Problem& problem, const Config& config,
                         const std::function<double(std::span<const double> p)>& measure);

}  // namespace crc::select
