#include "apps/program.h"

#include <omp.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <initializer_list>
#include <new>

#include "apps/errors.h"
#include "apps/files.h"
#include "apps/signals.h"
#include "apps/terminal.h"
#include "data/mapped.h"
#include "kernels/core/error.h"
#include "kernels/core/threads.h"
#include "kernels/cpu/onednn.h"

namespace crc::apps {
namespace {

std::atomic<bool> g_running = false;  // between the begin and the end of the body
std::atomic<const char*> g_program = "crc";

// In a handler, or without memory.
[[noreturn]] void end_with(ExitCode code, std::initializer_list<const char*> words) {
  for (const char* word : words) (void)!::write(STDERR_FILENO, word, std::strlen(word));
  _exit(int(code));
}

// The OpenMP and BLAS libraries call exit() where they get neither threads nor memory.
void library_gave_up() {
  if (!g_running) return;
  end_with(ExitCode::out_of_memory,
           {g_program,
            ": error: a library got neither the threads nor the memory it needs (its words are above); use "
            "fewer threads (--threads, run.threads, OMP_NUM_THREADS), or allow more of both (ulimit -u, "
            "ulimit -v)\n"});
}

// An exception that met a destructor or a thread's end.
void nobody_caught() {
  try {
    if (std::current_exception()) throw;
  } catch (const std::bad_alloc&) {
    end_with(ExitCode::out_of_memory, {g_program, ": error: out of host memory\n"});
  } catch (...) {
  }
  std::abort();
}

// A mapped file became shorter, or its disk fails.
void on_bus_error(int, siginfo_t* info, void*) {
  const char* path = data::mapped_path(info->si_addr);
  if (!path) {
    ::signal(SIGBUS, SIG_DFL);  // not ours: the access is tried again, and ends the process
    return;
  }
  end_with(ExitCode::io, {g_program, ": error: ", path,
                          ": can no longer be read: it became shorter, or its disk fails; nothing was written: start "
                          "again when the file is complete\n"});
}

void on_bad_address(int, siginfo_t* info, void*) {
  constexpr uintptr_t kNearNull = 1 << 16;
  if (inside_onednn() && reinterpret_cast<uintptr_t>(info->si_addr) < kNearNull)
    end_with(ExitCode::out_of_memory,
             {g_program,
              ": error: out of host memory in oneDNN; use a smaller batch (ssl.batch, eval.batch) or more "
              "memory\n"});
  ::signal(SIGSEGV, SIG_DFL);  // a mistake of ours: the access is tried again, and ends the process
}

void on_fault(int number, void (*handler)(int, siginfo_t*, void*)) {
  struct sigaction action = {};
  action.sa_sigaction = handler;
  action.sa_flags = SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  sigaction(number, &action, nullptr);
}

}  // namespace

int run_program(const char* program, const std::function<int()>& body) {
  g_program = program;
  std::atexit(library_gave_up);
  std::set_terminate(nobody_caught);
  prepare_streams();
  on_fault(SIGBUS, on_bus_error);
#ifndef __SANITIZE_ADDRESS__  // it has its own
  on_fault(SIGSEGV, on_bad_address);
#endif
  install_signal_handlers(program);
  g_running = true;
  const int code = guarded_main(program, [&] {
    check_threads(omp_get_max_threads());  // before the first parallel loop: OMP_NUM_THREADS may say anything
    return body();
  });
  g_running = false;
#ifdef __SANITIZE_ADDRESS__
  return code;  // it looks for leaks at exit
#else
  std::fflush(nullptr);
  _exit(code);  // a library's destructor may wait for a thread that waits for memory
#endif
}

}  // namespace crc::apps
