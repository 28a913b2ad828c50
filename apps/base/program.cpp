#include "apps/base/program.h"

#include <fcntl.h>
#include <omp.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <initializer_list>
#include <iterator>
#include <new>
#include <stdexcept>
#include <system_error>

#include "apps/base/fault.h"
#include "apps/base/files.h"
#include "apps/base/signals.h"
#include "apps/base/terminal.h"
#include "data/file.h"
#include "data/mapped.h"
#include "kernels/core/error.h"
#include "kernels/core/threads.h"
#include "kernels/cpu/onednn.h"

extern char** environ;

namespace crc::apps {
namespace {

std::atomic<bool> g_running = false;  // between the begin and the end of the body
std::atomic<const char*> g_program = "crc";

std::atomic<size_t> g_refused = 0;  // bytes of the allocation that failed last

// Nothing here may need memory: it may be what is missing. Without it the words are shown as they are.
int report(const std::string& program, ExitCode code, const char* message, const char* more = "",
           const char* advice = "") {
  const char* kind = code == ExitCode::waiting_for_labels ? "" : "error: ";  // an outcome
  try {
    print_message(program + ": " + kind + message + more + advice + "\n");
  } catch (const std::bad_alloc&) {
    for (const char* part : {program.c_str(), ": ", kind, message, more, advice, "\n"}) draw_message(part);
  }
  return int(code);
}

// A call of std::filesystem that was not asked for its error code: the same table decides.
int report_file(const std::string& program, const std::filesystem::filesystem_error& error) {
  try {
    data::fail_system(data::Use::input, "reading", error.path1(), error.code().value());
  } catch (const Error& named) {
    return report(program, named.code(), named.what());
  }
}

int report_memory(const std::string& program) {
  char bytes[24] = {};
  std::to_chars(bytes, std::end(bytes) - 1, g_refused.load());
  return report(program, ExitCode::out_of_memory, "out of host memory: ", bytes,
                " bytes were asked for; use a smaller batch (ssl.batch, eval.batch), less data or a larger machine");
}

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

#ifndef __SANITIZE_ADDRESS__  // it has its own
void on_bad_address(int, siginfo_t* info, void*) {
  constexpr uintptr_t kNearNull = 1 << 16;
  if (inside_onednn() && reinterpret_cast<uintptr_t>(info->si_addr) < kNearNull)
    end_with(ExitCode::out_of_memory,
             {g_program,
              ": error: out of host memory in oneDNN; use a smaller batch (ssl.batch, eval.batch) or more "
              "memory\n"});
  ::signal(SIGSEGV, SIG_DFL);  // a mistake of ours: the access is tried again, and ends the process
}
#endif

void on_fault(int number, void (*handler)(int, siginfo_t*, void*)) {
  struct sigaction action = {};
  action.sa_sigaction = handler;
  action.sa_flags = SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  sigaction(number, &action, nullptr);
}

}  // namespace

int guarded_main(const std::string& program, const std::function<int()>& body) {
  try {
    const int code = body();
    check_stdout();
    return code;
  } catch (const Error& error) {
    return report(program, error.code(), error.what());
  } catch (const std::bad_alloc&) {
    return report_memory(program);
  } catch (const std::length_error&) {  // an array beyond all memory
    return report(program, ExitCode::out_of_memory,
                  "out of host memory: an array would be larger than any memory; ask for less");
  } catch (const std::filesystem::filesystem_error& error) {
    return report_file(program, error);
  } catch (const std::exception& error) {
    const auto* system = dynamic_cast<const std::system_error*>(&error);
    if (system &&
        (system->code() == std::errc::resource_unavailable_try_again || system->code() == std::errc::not_enough_memory))
      return report(program, ExitCode::out_of_memory, "no thread or memory is left: ", error.what(),
                    "; run less at a time, or allow more (ulimit -u, ulimit -v)");
    return report(program, ExitCode::internal, "internal error: ", error.what(),
                  "; please report this with the command line");
  } catch (...) {
    return report(program, ExitCode::internal, "internal error of unknown kind; please report this");
  }
}

int run_program(const char* program, const std::function<int()>& body) {
  g_program = program;
  std::atexit(library_gave_up);
  std::set_terminate(nobody_caught);
  prepare_streams();
  on_fault(SIGBUS, on_bus_error);
#ifndef __SANITIZE_ADDRESS__
  on_fault(SIGSEGV, on_bad_address);
#endif
  install_signal_handlers(program);
  g_running = true;
  const int code = guarded_main(program, [&] {
    (void)io_calls();                      // refuses a wrong CRC_FAULT
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

int start_again(const std::vector<std::string>& command_line, std::vector<std::string> environment,
                std::span<const std::pair<int, int>> open, const std::string& what) {
  environment.push_back("CRC_PARENT=" + std::to_string(::getpid()));
  const auto pointers = [](const std::vector<std::string>& words) {
    std::vector<char*> result;
    for (const std::string& word : words) result.push_back(const_cast<char*>(word.c_str()));
    return result;
  };
  std::vector<char*> arguments = pointers(command_line), variables = pointers(environment);
  for (char** variable = environ; *variable; ++variable) variables.push_back(*variable);  // the first of a name counts
  arguments.push_back(nullptr), variables.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  for (const auto& [here, there] : open)
    if (here < 0)
      posix_spawn_file_actions_addopen(&files, there, "/dev/null", O_WRONLY, 0);
    else
      posix_spawn_file_actions_adddup2(&files, here, there);
  pid_t process = -1;
  const int error = ::posix_spawn(&process, "/proc/self/exe", &files, nullptr, arguments.data(), variables.data());
  posix_spawn_file_actions_destroy(&files);
  if (error != 0)
    fail(error == EAGAIN || error == ENOMEM ? ExitCode::out_of_memory : ExitCode::internal,
         "cannot start " + what + ": " + std::strerror(error));
  return process;
}

void end_with_parent() {
  const char* parent = std::getenv("CRC_PARENT");
  if (!parent) return;
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != std::atoi(parent)) ::raise(SIGTERM);  // it has died already
}

int64_t machine_memory() { return int64_t(::sysconf(_SC_PHYS_PAGES)) * int64_t(::sysconf(_SC_PAGESIZE)); }

}  // namespace crc::apps

#ifndef __SANITIZE_ADDRESS__
// As the standard library's, but the size of what failed is kept for the message.
void* operator new(size_t bytes) {
  if (void* data = std::malloc(bytes > 0 ? bytes : 1)) return data;
  crc::apps::g_refused = bytes;
  throw std::bad_alloc();
}
#endif
