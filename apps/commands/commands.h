// The commands of crc_train, one file each. Each takes the parsed options and returns the exit code.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace crc::apps {

class Sweep;

struct RunOptions {
  std::string config;                 // a TOML file, or the name of a built-in recipe; empty: the defaults
  std::vector<std::string> settings;  // --set key=value
  std::string out;                    // run directory; empty: runs/<recipe>-s<seed>
  bool dry_run = false;
  bool memory = false;  // with dry_run: every array of a training step
  bool quiet = false;
};
int command_run(const RunOptions& options, const std::vector<std::string>& arguments);
// `settings` move a run: those keys that do not decide its result (resume_config).
int command_resume(const std::string& directory, const std::vector<std::string>& settings, bool quiet);

// The same for a process that trains several runs, a thread each: with a name that begins the run's lines on stderr.
int train_new(const RunOptions& options, const std::vector<std::string>& arguments, const std::string& name = {});
int train_on(const std::string& directory, const std::vector<std::string>& settings, bool quiet,
             const std::string& name = {});

int command_label(const std::string& directory, const std::string& labels, const std::vector<std::string>& settings);

struct DemoOptions {
  std::string out = "runs/demo";
  int64_t seeds = 4;
  int64_t jobs = 0;  // curves trained at a time; 0: one per core
  bool fresh = false;
  std::vector<std::string> settings;
};
int command_demo(const DemoOptions& options);

struct SweepCommandOptions {
  std::string recipe, out, only, slurm;
  bool force = false;  // of slurm
  std::vector<std::string> settings, cells;
  int64_t trials = 0, pools = -1, jobs = 1, together = 1;
  bool dry_run = false, quiet = false;
};
int command_sweep(const SweepCommandOptions& options);
// These cells of a sweep at once, in this process. One that fails does not stop the others and says so on stderr.
// Returns the first failure's code, else 75 if any was interrupted, else 0.
int train_cells(const Sweep& sweep, const std::vector<std::string>& names, bool quiet);

struct ReportOptions {
  std::vector<std::string> directories;
  std::string out;
  bool force = false;
};
int command_report(const ReportOptions& options);

int command_verify(const std::vector<std::string>& directories);  // of runs and sweeps

struct EvalOptions {
  std::string weights, data, split = "test", logits, features;
  std::string run, model = "last";  // a run directory instead of weights; "best" or "last" epoch of its round
  int64_t round = -1;               // -1: the last finished one
  int64_t limit = 0;
  bool json = false, force = false;
  std::vector<std::string> settings;
};
int command_eval(const EvalOptions& options);

int command_list();

struct DataOptions {
  std::string out;  // make: directory; preview, augment: PNG
  int64_t count = 12;
  std::string in, op;  // augment
  double value = 0;
  bool force = false;
  std::vector<std::string> settings;
};
int command_data_make(const DataOptions& options);
int command_data_info(const DataOptions& options);
int command_data_preview(const DataOptions& options);
int command_data_augment(const DataOptions& options);

struct RankBarrierOptions {
  std::string features, out, device;  // no features: synthetic ones; no device: CRC_DEVICE or auto
  std::vector<int64_t> labeled;       // sizes of L; empty: around the rank 129
  int64_t group = 5, groups = 150, seed = 0;
  bool force = false;
};
int command_rank_barrier(const RankBarrierOptions& options);

int command_doctor(const std::string& device);

struct ConvertOptions {
  std::string from, to, names = "kekmodel";
  bool force = false;
  std::vector<std::string> settings;
};
int command_export(const ConvertOptions& options);

}  // namespace crc::apps
