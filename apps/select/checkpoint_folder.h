// --checkpoint DIR of crc_select: what completed passes brought (crc/checkpoint.h), a file each, `NAME.pass`: 32
// hexadecimal digits, the XXH3-128 of what follows, its name and the selection, then numbers in fp64. selection.json
// (and its copy, apps/rundir/state_file.h) says of which selection they are, outputs.json which outputs were about to be
// written. Rank 0 alone reads and writes; every file is committed whole.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apps/base/outputs.h"
#include "apps/base/signals.h"
#include "apps/rundir/run_lock.h"
#include "crc/checkpoint.h"
#include "crc/select.h"
#include "kernels/core/ranks.h"

namespace crc::apps {

using Facts = std::vector<std::pair<std::string, std::string>>;  // name, value

// "[1000,512] <f4 " (describe, crc/arrays.h) and a checksum of all numbers, which the processes read a part of each: the same for any number of
// them. Collective.
std::string identity_of(const crc_active::Array& array, Ranks& ranks);

class CheckpointFolder : public select::Checkpoint {
 public:
  // `selection`: all that decides what is picked, which another start must have the same. Errors: output_refused (of
  // another selection, naming what differs; other files; in use; not writable), corrupt_data (selection.json).
  CheckpointFolder(const fs::path& folder, Ranks& ranks, const Facts& selection);
  ~CheckpointFolder() override;  // where nothing was kept nothing stays

  // A damaged file is said, and counts as none. Errors of keep: io, output_refused, corrupt_data (an input changed).
  std::optional<std::vector<double>> recall(const std::string& name) override;
  void keep(const std::string& name, std::span<const double> values) override;
  bool due(const std::string& name) override;
  std::string place() const override { return folder_.string(); }

  // Outputs that are about to be written, and those of a selection that was killed while it wrote them.
  void announce(const OutputRules::Contents& files);
  static OutputRules::Contents announced(const fs::path& folder);

  void remove();  // the selection was written; collective is nothing here

 private:
  using Clock = std::chrono::steady_clock;
  void open(const Facts& selection);
  void refuse_others() const;
  void remove_all();
  std::vector<fs::path> kept() const;
  fs::path file_of(const std::string& name) const;
  std::string seal(const std::string& name, std::string_view bytes) const;
  std::optional<std::vector<double>> read(const std::string& name) const;

  fs::path folder_;
  Ranks& ranks_;
  std::string selection_;        // its checksum
  std::optional<RunLock> lock_;  // rank 0
  StopNote advice_;
  std::map<std::string, Clock::time_point> due_;
};

}  // namespace crc::apps
