// A stop rule, said and never enforced: whether more labels of this kind look useful. Formulas: docs/selecting.md.
#pragma once

#include <optional>
#include <string>

#include "crc/acquisition.h"
#include "crc/represents.h"

namespace crc::select {

struct Outlook {
  // Coverage: the gain of the last pick as a part of the first one's.
  std::optional<double> last_gain;
  // Features: mean distance of the pool to the nearest labelled item, without and with the picks.
  std::optional<double> before, after;
  // Logits: how many of the picks will be labelled otherwise than predicted, by the model's own probabilities.
  std::optional<double> changes;
  int64_t picks = 0;
  bool first = false;  // nothing was labelled before: the first pick covers most of the pool, and gains say nothing

  bool useless() const;       // all that is known says so
  std::string words() const;  // one sentence; empty if nothing is known
};

// `represented` may be null.
Outlook outlook(Context& context, const Problem& problem, const Config& config, const Selection& selection,
                const Represented* represented);

}  // namespace crc::select
