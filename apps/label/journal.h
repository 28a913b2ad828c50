// Answers to a query that is not answered yet: rounds/NN/answers.jsonl, in the ledger's own form, chained and only growing.
// It keeps every answer as it came, and what was made of it; when nothing is open any more, what stands goes into
// the ledger in the query's order, so that training does not depend on the order in which people answered.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "apps/rundir/ledger.h"
#include "apps/rundir/run_dir.h"

namespace crc::apps {

class Journal {
 public:
  // That of `query`; there need not be one. Error 65: it is damaged, or says something of other items.
  Journal(const RunDir& run, const Query& query);

  bool empty() const { return !ledger_ || ledger_->size() == 0; }
  fs::path path() const { return path_; }
  std::string name() const;  // below the run

  // What stands of an item, with who said so, when and where; nothing: it is open.
  std::optional<Answer> of(int64_t item) const;
  std::vector<int64_t> open() const;  // in the query's order

  // Durably; an answer that stands already is not written again. Returns how many lines were.
  int64_t record(std::span<const Answer> answers, const std::string& source);

 private:
  fs::path path_;
  Query query_;
  LabelLimits limits_;
  std::optional<Ledger> ledger_;
};

}  // namespace crc::apps
