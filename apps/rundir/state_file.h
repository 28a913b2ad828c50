// A small JSON file on which everything else hangs, kept twice: `x.json` and `x-copy.json`. Each ends with the
// XXH3-128 of its own bytes and counts how often it was written, so that damage, and an older one put in its place,
// are found; the other one then serves, and the next save mends both.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "apps/base/files.h"

namespace crc::apps {

fs::path copy_of(const fs::path& file);  // the other one's path

// The newer of the two that are whole; nothing when there is neither. A sentence in `notes` for one that is damaged,
// missing or older than its copy. Error 65: none is whole. A file of an earlier version has no checksum and no copy.
std::optional<nlohmann::ordered_json> load_state(const fs::path& file, std::vector<std::string>& notes);

// Commits the file with "saves" in it, then its copy; `file_alone`: what is soon saved again needs no copy.
void save_state(const fs::path& file, nlohmann::ordered_json state, int64_t saves, bool file_alone = false);

void mend_state(const fs::path& file);  // both as the newer one that is whole, for whoever may write

}  // namespace crc::apps
