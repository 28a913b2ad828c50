// A sitting: a person answers the query of a run on its page, in a browser on this machine, and every answer is in the
// query's journal before the page hears that it is.
#pragma once

#include <string>

#include "apps/label/label_server.h"
#include "apps/session/answers.h"

namespace crc::apps {

// Error usage: there are no images to show.
void check_pictures(const WaitingRun& run);

struct Sitting {
  std::string who = {};     // who answers, for the ledger; empty: unknown
  bool comes_back = false;  // the page waits for the next query
};

// Until the page is finished (true) or somebody asks the program to stop (false). The answers are then as those of a
// file: record_answers() of nothing more says what became of them.
bool serve_query(WaitingRun& run, LabelServer& server, const Sitting& sitting);

}  // namespace crc::apps
