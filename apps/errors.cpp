#include "apps/errors.h"

#include <atomic>
#include <charconv>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iterator>
#include <new>
#include <stdexcept>
#include <system_error>

#include "apps/terminal.h"
#include "data/file.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

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

}  // namespace crc::apps

#ifndef __SANITIZE_ADDRESS__
// As the standard library's, but the size of what failed is kept for the message.
void* operator new(size_t bytes) {
  if (void* data = std::malloc(bytes > 0 ? bytes : 1)) return data;
  crc::apps::g_refused = bytes;
  throw std::bad_alloc();
}
#endif
