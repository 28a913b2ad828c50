#include "apps/errors.h"

#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <new>

#include "kernels/core/error.h"

namespace crc::apps {
namespace {

int report(const std::string& program, ExitCode code, const std::string& message) {
  const char* kind = code == ExitCode::waiting_for_labels ? "" : "error: ";  // an outcome
  std::fprintf(stderr, "%s: %s%s\n", program.c_str(), kind, message.c_str());
  return int(code);
}

}  // namespace

int guarded_main(const std::string& program, const std::function<int()>& body) {
  try {
    return body();
  } catch (const Error& error) {
    return report(program, error.code(), error.what());
  } catch (const std::bad_alloc&) {
    return report(program, ExitCode::out_of_memory,
                  "out of host memory; use a smaller batch (ssl.batch, eval.batch) or a larger machine");
  } catch (const std::exception& error) {
    return report(program, ExitCode::internal,
                  fmt::format("internal error: {}; please report this with the command line", error.what()));
  } catch (...) {
    return report(program, ExitCode::internal, "internal error of unknown kind; please report this");
  }
}

}  // namespace crc::apps
