#include "apps/label/journal.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "kernels/core/error.h"

namespace crc::apps {

Journal::Journal(const RunDir& run, const Query& query)
    : path_(run.path() / query.folder / RunFiles::kAnswers), query_(query), limits_(run.limits()) {
  if (!fs::exists(path_)) return;
  ledger_ = Ledger::open(path_, limits_);
  const std::set<int64_t> asked(query.items.begin(), query.items.end());
  for (const Entry& entry : ledger_->entries())
    if (!asked.contains(entry.item) || entry.round != query.round)
      fail(ExitCode::corrupt_data,
           fmt::format("{}: line {} answers for item {} of round {}, which this query did not ask for; move the file "
                       "away and label again",
                       path_.string(), entry.seq + 1, entry.item, entry.round));
}

std::string Journal::name() const { return query_.folder + "/" + RunFiles::kAnswers; }

std::optional<Answer> Journal::of(int64_t item) const {
  if (!ledger_ || !ledger_->state(item)) return std::nullopt;
  const auto entries = ledger_->entries();
  const auto last = std::find_if(entries.rbegin(), entries.rend(), [&](const Entry& e) { return e.item == item; });
  return Answer{item, last->class_index, last->word, last->who, last->when, last->source};
}

std::vector<int64_t> Journal::open() const {
  std::vector<int64_t> open;
  for (const int64_t item : query_.items)
    if (!ledger_ || !ledger_->state(item)) open.push_back(item);
  return open;
}

int64_t Journal::record(std::span<const Answer> answers, const std::string& source) {
  if (!ledger_) ledger_ = Ledger::create(path_, limits_);
  return ledger_->change(query_.round, source, answers);
}

}  // namespace crc::apps
