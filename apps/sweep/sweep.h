// A sweep: the cells of a recipe (method x block x trial) as run directories below one directory. Which cells are
// missing is read from that directory alone, so whoever interrupts a sweep continues it with the same command.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/config/recipes.h"
#include "apps/rundir/run_lock.h"
#include "apps/sweep/cells.h"
#include "apps/sweep/sweep_spec.h"

namespace crc::apps {

// Cells of a later phase need those of earlier ones to be done.
enum class Phase { pool, trial, reconfirm };
std::string to_string(Phase phase);

struct SweepCell {
  std::string name;  // the run directory's, below the sweep's; no two have the same
  Phase phase = Phase::trial;
  size_t block = 0, method = 0;
  int64_t index = 0;  // of the pool or the trial
  int64_t query = 0;  // reconfirm: after how many queries
  int64_t again = 0;  // reconfirm: which repetition
};

// sweep --until: trials are added, one at a time, until the widest 95 % interval of a difference between two methods is
// narrower than `width` points, or another trial would exceed the budget. Fixed when the sweep is made. It looks at
// widths alone, which for normal values say nothing of the means, so that stopping does not favour a verdict.
struct StopRule {
  double width = 0;
  double hours = 0;        // of computing of all its runs together; 0: no budget
  int64_t trials = 0;      // so far
  std::string ended = {};  // why no more are added, in words; empty: not yet
};
StopRule parse_rule(const std::string& text);  // "width < 1.0"; Error usage

struct SweepOptions {
  std::string recipe;                      // a built-in recipe's name or a TOML file
  std::vector<std::string> settings;       // on every cell, last
  int64_t trials = 0, pools = -1;          // override the recipe's; 0 and -1: do not
  std::vector<std::string> controls = {};  // acquisitions that every block has, besides its own methods
  std::optional<StopRule> until = {};
};

class Sweep {
 public:
  // The sweep in `directory`, which must have been made with the same options but for settings that say where and how
  // the runs take place, or a new one; a creation that was killed half-way is completed. The result holds the
  // directory's lock, so that one sweep works there; its cells' processes do not ask for it. Error 73: it is in use,
  // or there is something else, or a sweep with other options.
  static Sweep create(const fs::path& directory, const SweepOptions& options);
  // The sweep in `directory` by the runs that are there, whatever the index says, so that it goes on after its recipe or
  // the number of trials has changed, and without an index. `anew`: those runs are removed first, all or none. Error 73:
  // the directory or a run to be removed is in use, or there is another recipe's sweep or a run that no sweep made; 65: a
  // run differs from what this sweep would train.
  static Sweep adopt(const fs::path& directory, SweepOptions options, bool anew);
  static Sweep open(const fs::path& directory);  // Error 66, 65
  static bool is_sweep(const fs::path& directory);
  // From here on with one more trial; pointers to cells() are void.
  void add_trial();
  void end_trials(const std::string& why);

  // The plan without a directory, for --dry-run; of one that holds a sweep: with the controls and trials that it has.
  static Sweep plan(const fs::path& directory, const SweepOptions& options);

  const fs::path& directory() const { return directory_; }
  const std::string& recipe() const { return options_.recipe; }
  // What makes its runs others than the recipe's, whose paper's numbers stand beside them: settings that decide results,
  // and how often they are repeated.
  std::vector<std::string> departures() const;

  // Error usage: --set changes what one of their methods is named for, what it and others of its block differ in.
  void check_names(const std::vector<const SweepCell*>& cells) const;
  const SweepSpec& spec() const { return spec_; }
  const std::optional<StopRule>& until() const { return options_.until; }
  const std::vector<SweepCell>& cells() const { return cells_; }
  fs::path path(const SweepCell& cell) const { return directory_ / cell.name; }
  bool done(const SweepCell& cell) const;
  // Error 65 when the cell's directory holds another run than this cell's: to be called before its results are used.
  void check(const SweepCell& cell) const;

  // The cell's configuration, and the arguments of crc_train that start or resume it. Error 66 when a cell that it
  // needs is not done; 65 as check().
  Config config(const SweepCell& cell) const;
  std::vector<std::string> arguments(const SweepCell& cell) const;
  PlannedRun run_of(const SweepCell& cell) const;

  // The pool run of a block whose test accuracy (the recipe's measure) is the median. Error 66 when some are missing.
  const SweepCell& median_pool(size_t block) const;

 private:
  Sweep(fs::path directory, SweepOptions options, std::string recipe_text);
  static SweepOptions as_before(const fs::path& directory, SweepOptions options);
  static constexpr const char* kRecipeFile = "recipe.toml";  // what the cells run, whatever later versions of it say
  static std::string key_of(const std::string& setting) { return setting.substr(0, setting.find('=')); }
  // Whether it says where and how runs take place, not what they compute.
  static bool is_place(const std::string& setting);
  void fill_title();
  void add_controls();
  void add_cells();
  void add_reconfirmations(size_t block, size_t method);
  void name_cells();
  std::vector<std::string> settings(const SweepCell& cell) const;
  std::string json_text() const;
  std::map<std::string, std::string> identity() const;
  std::string difference(const Sweep& before) const;
  void lock();
  void write_index() const;
  void refuse_others() const;
  bool is_cell_name(const std::string& name) const;
  void refuse_strangers() const;
  void remove_removed() const;
  void remove_runs() const;
  const SweepCell& trial_of(const SweepCell& cell) const;
  bool pools_done(size_t block) const;

  fs::path directory_;
  SweepOptions options_;
  std::string recipe_text_;
  SweepSpec spec_;
  std::vector<SweepCell> cells_;
  std::vector<std::string> departures_;  // in the numbers of trials and pools
  std::shared_ptr<RunLock> lock_;
};

// The wanted names, changed where one would stand twice or is too long for a directory: it then ends with a checksum of
// the exact name that it stands for. The first one that wants a name has it.
std::vector<std::string> distinct_names(std::vector<std::string> wanted, const std::vector<std::string>& exact);

}  // namespace crc::apps
