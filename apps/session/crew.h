// A training in several processes (docs/parallel.md): which they are, and what those do that do not lead.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "apps/base/files.h"
#include "apps/config/config.h"
#include "kernels/core/context.h"
#include "kernels/core/ranks.h"

namespace crc::apps {

// Error config: so many processes cannot share the training, or nothing is there to share.
void check_processes(const Config& config, int size);
// The device of this process, for a training that it may lead: with others, all take theirs and join them, on GPUs each
// one of its own. One that is alone: GPU number `gpu`. Errors config, before anything is written: a process without a GPU,
// or GPUs, libraries or builds that differ; device_unavailable: NCCL is missing.
Context muster(const Config& config, Ranks* ranks, int gpu);

// With run.shards: lead(ranks) as the first of the processes that share it, whom mpirun or srun started, or run.ranks;
// the others do what it orders. Without: lead(null). All end with one exit code. `command_line`: this process's own.
int train_together(const Config& config, const std::vector<std::string>& command_line,
                   const std::function<ExitCode(Ranks*)>& lead);

// What a run that is to go on asks of that; nothing else in its directory is looked at, and what is wrong with it, whoever
// opens the run will say: the defaults then.
Config config_to_resume(const fs::path& run, const std::vector<std::string>& settings);

}  // namespace crc::apps
