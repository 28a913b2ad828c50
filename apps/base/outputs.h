// Files that a user named as output. The one way to write them, for every command: nothing that exists is replaced
// unless --force was given, never an input, never anything but a regular file, never two outputs on one path, however
// the names differ (links, "..", hard links). All is checked before the work starts and again when it is done, and a
// file that appears in between is not replaced either.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "apps/base/files.h"
#include "apps/base/signals.h"

namespace crc::apps {

struct OutputRules {
  bool force = false;            // replace what exists
  std::vector<fs::path> inputs;  // not even with force; of a folder: no file that lies in it, and none
                                 // is added. Empty paths: none
  bool makes_folders = false;    // folders are made with the first file; otherwise a missing one is an error
  // Files and the checksums of their contents. Those that `announce` hears before any of them has its name, a command
  // that goes on where another was killed gives as `own`: they may be replaced, as long as they are what they were.
  using Contents = std::map<std::string, std::string>;
  std::function<void(const Contents&)> announce = {};
  Contents own = {};
};

bool lies_in(const fs::path& file, const fs::path& folder);  // whether it exists or not, and however it is spelled

class Outputs {
 public:
  // Empty paths are options that were not given. Error usage: an input, or two on one path; output_refused: it exists,
  // or cannot be written.
  Outputs(const std::vector<fs::path>& files, OutputRules rules);

  void protect(const std::vector<fs::path>& inputs);  // more inputs, known later. Error usage

  // On disk, under a temporary name; commit() gives all of them theirs, so that a command whose disk runs full leaves
  // none and can be repeated. A file that was not named before is checked now. Ignored: an empty path.
  void put(const fs::path& file, std::string_view content);
  void put(const fs::path& file, std::span<const uint8_t> content);
  void commit();

 private:
  void check(const fs::path& file) const;
  bool is_own(const fs::path& file) const;
  void check_folder(const fs::path& file) const;
  void check_inputs(const fs::path& file) const;

  OutputRules rules_;
  std::vector<fs::path> files_;
  std::vector<StagedFile> staged_;
  OutputRules::Contents put_;
  std::optional<FinishFirst> finishing_;  // from the first file to the commit: all of them, or none
};

}  // namespace crc::apps
