#include "apps/base/terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "apps/base/files.h"
#include "data/utf8.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

std::atomic<bool> g_reader_gone = false;  // several runs may share the process
std::atomic<bool> g_silent = false;

// 0, or the error of the write that failed.
int write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t done = ::write(fd, bytes.data(), bytes.size());
    if (done >= 0) {
      bytes.remove_prefix(size_t(done));
    } else if (errno == EAGAIN) {  // somebody made the terminal that we share non-blocking
      pollfd ready{fd, POLLOUT, 0};
      ::poll(&ready, 1, -1);
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

[[noreturn]] void fail_stdout(int error) { data::fail_system(data::Use::output, "writing", "standard output", error); }

}  // namespace

void prepare_streams() {
  ignore_write_signals();
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd)  // open() takes the lowest that is free
    if (::fcntl(fd, F_GETFD) < 0 && errno == EBADF)       // a result for a closed stdout is an error, as on a full disk
      (void)!::open("/dev/null", fd == STDOUT_FILENO ? O_RDONLY : O_RDWR);
}

std::string shown(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t length = data::utf8_length(text);
    const uint8_t first = uint8_t(text[0]);
    const bool c0 = length == 1 && first < 0x20 && first != '\n' && first != '\t';
    const bool c1 = length == 2 && first == 0xc2 && uint8_t(text[1]) < 0xa0;  // 8-bit forms of ESC [ and others
    const std::string_view character = text.substr(0, std::max(length, size_t(1)));
    if (length > 0 && !c0 && !c1)
      out += character;
    else
      for (char byte : character) out += fmt::format("\\x{:02x}", uint8_t(byte));
    text.remove_prefix(character.size());
  }
  return out;
}

void print_text(std::string_view text) { print_drawing(shown(text)); }

void print_drawing(std::string_view text) {
  if (g_reader_gone || g_silent) return;
  const int error = write_all(STDOUT_FILENO, text);
  if (error == EPIPE)
    g_reader_gone = true;
  else if (error != 0)
    fail_stdout(error);
}

void print_message(std::string_view text) { draw_message(shown(text)); }

void draw_message(std::string_view text) {
  if (!g_silent) (void)write_all(STDERR_FILENO, text);
}

void speak(bool whether) { g_silent = !whether; }

void check_stdout() {
  const int copy = ::dup(STDOUT_FILENO);  // closing it says what closing stdout would
  if (copy < 0 || ::close(copy) == 0 || errno == EINTR || g_reader_gone) return;
  fail_stdout(errno);
}

}  // namespace crc::apps
