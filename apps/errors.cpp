#include "apps/errors.h"

#include <fmt/format.h>

#include <exception>
#include <filesystem>
#include <new>

#include "apps/terminal.h"
#include "data/file.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

int report(const std::string& program, ExitCode code, const std::string& message) {
  print_error("{}: error: {}\n", program, message);
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

}  // namespace

int guarded_main(const std::string& program, const std::function<int()>& body) {
  try {
    const int code = body();
    check_stdout();
    return code;
  } catch (const Error& error) {
    return report(program, error.code(), error.what());
  } catch (const std::bad_alloc&) {
    return report(program, ExitCode::out_of_memory,
                  "out of host memory; use a smaller batch (ssl.batch, eval.batch) or a larger machine");
  } catch (const std::filesystem::filesystem_error& error) {
    return report_file(program, error);
  } catch (const std::exception& error) {
    return report(program, ExitCode::internal,
                  fmt::format("internal error: {}; please report this with the command line", error.what()));
  } catch (...) {
    return report(program, ExitCode::internal, "internal error of unknown kind; please report this");
  }
}

}  // namespace crc::apps
