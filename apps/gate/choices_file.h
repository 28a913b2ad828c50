// choices.json: what the gate (kernels/core/gate.h) chose, so that a run that goes on and the runs of a sweep compute as
// they began. Choices belong to a machine: GPU, libraries and build; those of other machines stay in the file and are
// not used. It is a record of what can be chosen again: one that is damaged is never an error.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "apps/base/files.h"
#include "kernels/core/context.h"
#include "kernels/core/gate.h"

namespace crc::apps {

// What a choice depends on besides its key: "NVIDIA H200, sm_90; cuBLAS 13.0.2, cuDNN 9.19.0; crc 0.1.0 (1a2b3c4d5e6f)".
std::string machine_of(Context& context);

class ChoicesFile {
 public:
  static constexpr const char* kName = "choices.json";
  static constexpr const char* kLock = ".choices.lock";  // held (flock) while the file is changed

  // Reads folder/choices.json.
  ChoicesFile(fs::path folder, std::string machine);
  // Why nothing in the file is used: it is damaged, or all of it belongs to other machines. Empty: it is, or none is there.
  const std::string& note() const { return note_; }
  std::optional<Chosen> find(const std::string& key) const;
  // Writes it, unless the file has one for this key and machine by now; returns the one that the file has.
  Chosen keep(const std::string& key, const Chosen& choice);

 private:
  struct Lock;
  using Choices = std::map<std::string, Chosen>;
  void read();
  fs::path folder_;
  std::string machine_, note_;
  std::map<std::string, Choices> machines_;
  int64_t saves_ = 0;
};

// The run's choices are those of its own folder, then those of `shared` (a sweep's; empty: none), where the first to
// choose decides for all.
Gate::Store choices_of(const fs::path& run, const fs::path& shared, const std::string& machine,
                       std::vector<std::string>& notes);

}  // namespace crc::apps
