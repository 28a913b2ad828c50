#include "apps/ranks/together.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <new>
#include <optional>
#include <string>
#include <thread>

#include "apps/base/program.h"
#include "apps/base/terminal.h"
#include "apps/ranks/local.h"
#include "apps/ranks/mpi.h"
#include "apps/ranks/rendezvous.h"
#include "apps/ranks/sockets.h"
#include "data/csv.h"

namespace crc::apps {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::optional<int> number_in(const char* name) {
  const std::optional<int64_t> number = data::parse<int64_t>(variable(name));
  return number ? std::optional<int>(int(*number)) : std::nullopt;
}

struct Started {
  Launcher launcher;
  int rank, size;
};

// By the variables that launchers set. Slurm's own say nothing of MPI: srun --mpi=pmix is Open MPI's way (PMIX_RANK),
// --mpi=pmi2 MPICH's (PMI_RANK).
std::optional<Started> started() {
  struct Names {
    const char *rank, *size;
    Launcher launcher;
  };
  for (const Names& names :
       {Names{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", Launcher::open_mpi},
        Names{"PMIX_RANK", "SLURM_STEP_NUM_TASKS", Launcher::open_mpi}, Names{"PMI_RANK", "PMI_SIZE", Launcher::mpich},
        Names{"RANK", "WORLD_SIZE", Launcher::tcp}, Names{"SLURM_PROCID", "SLURM_STEP_NUM_TASKS", Launcher::tcp}}) {
    const std::optional<int> rank = number_in(names.rank), size = number_in(names.size);
    const bool reachable = names.launcher != Launcher::tcp || !variable("MASTER_ADDR").empty();
    if (rank && size && *size > 1 && reachable) return Started{names.launcher, *rank, *size};
  }
  const std::optional<int> tasks = number_in("SLURM_STEP_NUM_TASKS"), rank = number_in("SLURM_PROCID");
  if (rank && tasks && *tasks > 1)
    fail(ExitCode::device_unavailable,
         fmt::format(
             "srun started {} tasks without MPI: srun --mpi=pmix (Open MPI) or --mpi=pmi2 (MPICH) lets them work "
             "together, or MASTER_ADDR, set to the first one's machine, by TCP; CRC_RANKS=off, if they have nothing "
             "to do with each other",
             *tasks));
  return std::nullopt;
}

// Under torchrun its own store has MASTER_PORT: the next one then.
Rendezvous rendezvous_of(const Started& who) {
  const std::string given = variable("MASTER_PORT");
  const std::optional<int> number = number_in("MASTER_PORT");
  if (!given.empty() && !number)
    fail(ExitCode::config, fmt::format("MASTER_PORT={} is no port", data::in_quotes(given)));
  const int port = number.value_or(Rendezvous::kPort);
  const bool taken = variable("TORCHELASTIC_USE_AGENT_STORE") == "True";
  return {.rank = who.rank, .size = who.size, .address = variable("MASTER_ADDR"), .port = port + (taken ? 1 : 0)};
}

std::unique_ptr<Transport> transport(const LocalProcesses& local) {
  const std::string asked = variable("CRC_RANKS");
  if (!asked.empty() && asked != "off") {
    std::unique_ptr<Transport> sockets = socket_transport(asked);
    if (sockets->rank() != 0) speak(false);
    return sockets;
  }
  const std::optional<Started> who = asked == "off" ? std::nullopt : started();
  if (!who) return local.size > 1 ? local_transport(local.size, local.command_line) : nullptr;
  if (who->rank != 0) speak(false);
  if (who->launcher == Launcher::tcp) return tcp_transport(rendezvous_of(*who));
  return mpi_transport(who->launcher, who->size);
}

// Whoever waits on a device hears nothing of a failure, until the process that failed ends.
void end_soon(ExitCode code) {
  std::thread([code] {
    std::this_thread::sleep_for(std::chrono::seconds(10));
    std::_Exit(int(code));
  }).detach();
}

// Rank 0 says what was caught, and the others hear of it before any of them ends, since MPI's launchers end all with the
// first one that fails: which is how those end that are deaf.
int give_up(const char* program, Ranks& ranks, ExitCode code, const char* words) {
  const bool deaf = ranks.deaf() && !ranks.over();
  if (ranks.rank() == 0 || deaf) {
    speak(true);
    guarded_main(program, []() -> int { throw; });
  }
  if (deaf) std::_Exit(int(code));
  if (ranks.waits_on_devices()) end_soon(code);
  ranks.tell(code, words);
  return int(code);
}

// All end together. What rank 0 has written by then is whole, whoever is lost now.
int end_together(const char* program, Ranks& ranks) try {
  ranks.barrier();
  return 0;
} catch (const Error& error) {
  if (ranks.rank() != 0) return int(error.code());
  print_error("{}: note: another process was lost at the very end, when everything had been written\n", program);
  return 0;
}

}  // namespace

bool launched_as_one() { return variable("CRC_RANKS") != "off" && variable("SLURM_PROCID").empty() && started(); }

int run_together(const char* program, const std::function<void(Ranks&)>& body, const LocalProcesses& local) {
  std::unique_ptr<Transport> joined;
  try {
    joined = transport(local);
  } catch (const Error& error) {
    if (number_in("SLURM_PROCID").value_or(0) != 0) speak(false);
    throw;
  }
  Ranks ranks = joined ? Ranks(std::move(joined)) : Ranks();
  try {
    body(ranks);
    return end_together(program, ranks);
  } catch (const Error& error) {
    return give_up(program, ranks, error.code(), error.what());
  } catch (const std::bad_alloc&) {
    return give_up(program, ranks, ExitCode::out_of_memory,
                   "out of host memory; take more machines, or fewer processes on each");
  } catch (const std::exception& error) {
    return give_up(program, ranks, ExitCode::internal, error.what());
  }
}

}  // namespace crc::apps
