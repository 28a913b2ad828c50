#include "apps/ranks/sockets.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <string_view>
#include <thread>

#include "data/csv.h"

namespace crc::apps {
namespace {

class Sockets : public Transport {
 public:
  Sockets(int rank, std::vector<int> sockets) : rank_(rank), sockets_(std::move(sockets)) {
    for (int fd : sockets_)
      if (fd >= 0) ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  }
  ~Sockets() override {
    for (int fd : sockets_)
      if (fd >= 0) ::close(fd);
  }
  int rank() const override { return rank_; }
  int size() const override { return int(sockets_.size()); }

  void swap(std::span<const std::span<const char>> out, std::span<const std::span<char>> in) override {
    std::vector<std::span<const char>> to_send(out.begin(), out.end());
    std::vector<std::span<char>> to_fill(in.begin(), in.end());
    while (true) {
      std::vector<pollfd> waiting;
      std::vector<size_t> who;
      for (size_t r = 0; r < sockets_.size(); ++r) {
        const int events = (to_send[r].empty() ? 0 : POLLOUT) | (to_fill[r].empty() ? 0 : POLLIN);
        if (events != 0) waiting.push_back({sockets_[r], short(events), 0}), who.push_back(r);
      }
      if (waiting.empty()) return;
      if (::poll(waiting.data(), nfds_t(waiting.size()), -1) < 0 && errno != EINTR) lost(int(who[0]));
      for (size_t k = 0; k < waiting.size(); ++k) {
        if (waiting[k].revents & (POLLIN | POLLHUP | POLLERR)) receive(who[k], to_fill[who[k]]);
        if (waiting[k].revents & POLLOUT) send(who[k], to_send[who[k]]);
      }
    }
  }

  bool peeks() const override { return true; }
  int64_t peek(int from, std::span<char> to) override {
    const ssize_t n = ::recv(sockets_[size_t(from)], to.data(), to.size(), MSG_PEEK);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) lost(from);
    return std::max<int64_t>(n, 0);
  }
  bool gone() const override {
    std::vector<pollfd> all;
    for (const int fd : sockets_)
      if (fd >= 0) all.push_back({fd, POLLRDHUP, 0});
    return ::poll(all.data(), nfds_t(all.size()), 0) > 0;
  }

 private:
  void receive(size_t r, std::span<char>& rest) {
    if (rest.empty()) return;
    const ssize_t n = ::recv(sockets_[r], rest.data(), rest.size(), 0);
    if (n > 0) rest = rest.subspan(size_t(n));
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) lost(int(r));
  }
  void send(size_t r, std::span<const char>& rest) {
    if (rest.empty()) return;
    const ssize_t n = ::send(sockets_[r], rest.data(), rest.size(), MSG_NOSIGNAL);
    if (n > 0) rest = rest.subspan(size_t(n));
    if (n < 0 && errno != EAGAIN && errno != EINTR) lost(int(r));
  }
  // Whoever speaks for all shall see the one that ended before those that end of it.
  [[noreturn]] void lost(int r) const {
    if (rank_ != 0) std::this_thread::sleep_for(std::chrono::seconds(1));
    fail(ExitCode::internal, fmt::format("process {} of {} ended before the work was done, by a signal or by words of "
                                         "its own; nothing half written is left",
                                         r, size()));
  }

  int rank_;
  std::vector<int> sockets_;
};

}  // namespace

std::unique_ptr<Transport> socket_transport(int rank, std::vector<int> sockets) {
  return std::make_unique<Sockets>(rank, std::move(sockets));
}

std::unique_ptr<Transport> socket_transport(const std::string& words) {
  std::vector<int> numbers;
  std::string_view rest = words;
  for (bool more = true; more;) {
    const size_t end = rest.find_first_of(":,");
    const std::optional<int64_t> number = data::parse<int64_t>(rest.substr(0, std::min(end, rest.size())));
    if (!number)
      fail(ExitCode::usage, fmt::format("CRC_RANKS=\"{}\" is neither \"off\" nor a rank and its sockets", words));
    numbers.push_back(int(*number));
    more = end != rest.npos;
    rest.remove_prefix(more ? end + 1 : rest.size());
  }
  const int rank = numbers.front();
  numbers.erase(numbers.begin());
  if (rank < 0 || rank >= int(numbers.size()))
    fail(ExitCode::usage, fmt::format("CRC_RANKS=\"{}\": rank {} of {} processes", words, rank, numbers.size()));
  return socket_transport(rank, std::move(numbers));
}

std::vector<std::vector<int>> socket_mesh(int size) {
  std::vector<std::vector<int>> mesh(size_t(size), std::vector<int>(size_t(size), -1));
  for (int a = 0; a < size; ++a)
    for (int b = a + 1; b < size; ++b) {
      int pair[2];
      if (::socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
        fail(ExitCode::io, fmt::format("a pair of sockets: {}", std::strerror(errno)));
      mesh[size_t(a)][size_t(b)] = pair[0], mesh[size_t(b)][size_t(a)] = pair[1];
    }
  return mesh;
}

}  // namespace crc::apps
