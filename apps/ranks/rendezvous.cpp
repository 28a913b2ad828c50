#include "apps/ranks/rendezvous.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>
#include <vector>

#include "apps/ranks/sockets.h"

namespace crc::apps {
namespace {

using Clock = std::chrono::steady_clock;

class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

// What who connects says first.
struct Hello {
  char magic[8] = {'c', 'r', 'c', 'r', 'a', 'n', 'k', '1'};
  int32_t rank = -1, size = 0, port = 0;  // port: where it listens itself
  bool is_one(int expected) const {
    return std::memcmp(magic, Hello{}.magic, sizeof magic) == 0 && size == expected && rank >= 0 && rank < size;
  }
};
struct Endpoint {
  sockaddr_storage address = {};
  socklen_t length = 0;
};

class Gathering {
 public:
  explicit Gathering(const Rendezvous& r)
      : r_(r), until_(Clock::now() + std::chrono::milliseconds(int64_t(1000 * r.seconds))) {}

  std::vector<int> sockets() {
    Fd listener = listen_at(r_.rank == 0 ? r_.port : 0);
    std::vector<Fd> all(static_cast<size_t>(r_.size));
    std::vector<Endpoint> places(all.size());
    if (r_.rank == 0) {
      gather(listener, all, places);
      for (size_t to = 1; to < all.size(); ++to) put(all[to], places.data(), places.size() * sizeof(Endpoint));
    } else {
      Endpoint master;
      all[0] = connect_to_master(port_of(listener), master);
      take(all[0], places.data(), places.size() * sizeof(Endpoint));
      for (size_t to = 1; to < size_t(r_.rank); ++to) all[to] = connect_to(reachable(places[to], master), int(to));
      for (int more = r_.size - 1 - r_.rank; more > 0; --more) {
        auto [who, fd] = accept_from(listener, nullptr);
        all[size_t(who)] = std::move(fd);
      }
    }
    std::vector<int> released;
    for (Fd& fd : all) released.push_back(fd.release());
    return released;
  }

 private:
  [[noreturn]] void refuse(const std::string& words) const {
    fail(ExitCode::device_unavailable, fmt::format("process {} of {}, which are to meet at MASTER_ADDR={}, port {}: {}",
                                                   r_.rank, r_.size, r_.address, r_.port, words));
  }
  int milliseconds_left() const {
    return int(
        std::max<int64_t>(0, std::chrono::duration_cast<std::chrono::milliseconds>(until_ - Clock::now()).count()));
  }

  // On all of this machine's addresses, of both kinds where it has both.
  Fd listen_at(int port) const {
    for (const int family : {AF_INET6, AF_INET}) {
      Fd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
      if (fd.get() < 0) continue;
      const int on = 1, off = 0;
      ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
      if (family == AF_INET6) ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
      sockaddr_in6 six{};
      sockaddr_in four{};
      six.sin6_family = AF_INET6, six.sin6_port = htons(uint16_t(port));
      four.sin_family = AF_INET, four.sin_port = htons(uint16_t(port));
      const auto* at = family == AF_INET6 ? reinterpret_cast<sockaddr*>(&six) : reinterpret_cast<sockaddr*>(&four);
      if (::bind(fd.get(), at, family == AF_INET6 ? sizeof six : sizeof four) == 0 && ::listen(fd.get(), r_.size) == 0)
        return fd;
      if (errno == EADDRINUSE) break;
    }
    refuse(fmt::format("it cannot listen there ({}); set MASTER_PORT to a free one", std::strerror(errno)));
  }
  static int port_of(const Fd& listener) {
    sockaddr_storage own{};
    socklen_t length = sizeof own;
    ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&own), &length);
    return ntohs(own.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&own)->sin6_port
                                           : reinterpret_cast<sockaddr_in*>(&own)->sin_port);
  }

  // The next of ours that connects, and where it listens; others are sent away.
  std::pair<int, Fd> accept_from(const Fd& listener, Endpoint* place) const {
    for (;;) {
      pollfd waiting{listener.get(), POLLIN, 0};
      if (::poll(&waiting, 1, milliseconds_left()) == 0)
        refuse(
            fmt::format("not all came within {:.0f} s; look whether all were started, with one WORLD_SIZE, and "
                        "whether a firewall is between them",
                        r_.seconds));
      Endpoint from;
      from.length = sizeof from.address;
      Fd fd(::accept4(listener.get(), reinterpret_cast<sockaddr*>(&from.address), &from.length, SOCK_CLOEXEC));
      if (fd.get() < 0) continue;
      Hello hello;
      const timeval patience{5, 0};  // a stranger that says nothing
      ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
      if (::recv(fd.get(), &hello, sizeof hello, MSG_WAITALL) != ssize_t(sizeof hello) || !hello.is_one(r_.size))
        continue;
      set_port(from, hello.port);
      if (place) *place = from;
      prepare(fd);
      return {hello.rank, std::move(fd)};
    }
  }
  void gather(const Fd& listener, std::vector<Fd>& all, std::vector<Endpoint>& places) const {
    for (int more = r_.size - 1; more > 0;) {
      Endpoint place;
      auto [who, fd] = accept_from(listener, &place);
      if (who == 0 || all[size_t(who)].get() >= 0) refuse(fmt::format("two processes have RANK={}", who));
      all[size_t(who)] = std::move(fd), places[size_t(who)] = place;
      --more;
    }
  }

  Fd connect_to_master(int own_port, Endpoint& master) const {
    addrinfo hints{}, *found = nullptr;
    hints.ai_socktype = SOCK_STREAM;
    std::string why;
    for (;;) {
      const int error = ::getaddrinfo(r_.address.c_str(), std::to_string(r_.port).c_str(), &hints, &found);
      if (error != 0) why = ::gai_strerror(error);
      for (const addrinfo* at = error == 0 ? found : nullptr; at; at = at->ai_next) {
        Fd fd(::socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
        std::memcpy(&master.address, at->ai_addr, at->ai_addrlen), master.length = at->ai_addrlen;
        if (::connect(fd.get(), at->ai_addr, at->ai_addrlen) == 0) {
          ::freeaddrinfo(found);
          return greeted(std::move(fd), own_port);
        }
        why = std::strerror(errno);
      }
      if (error == 0) ::freeaddrinfo(found);
      if (milliseconds_left() == 0)
        refuse(fmt::format("process 0 was not found there within {:.0f} s ({})", r_.seconds, why));
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  }
  Fd connect_to(const Endpoint& place, int who) const {
    Fd fd(::socket(place.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&place.address), place.length) != 0)
      refuse(fmt::format("process {} cannot be reached ({})", who, std::strerror(errno)));
    return greeted(std::move(fd), 0);
  }
  Fd greeted(Fd fd, int own_port) const {
    prepare(fd);
    Hello hello;
    hello.rank = r_.rank, hello.size = r_.size, hello.port = own_port;
    put(fd, &hello, sizeof hello);
    return fd;
  }

  // Who came to process 0 by its own machine's inner address is there for the others, too.
  static Endpoint reachable(const Endpoint& place, const Endpoint& master) {
    bool inside = false;
    int port = 0;
    if (place.address.ss_family == AF_INET6) {
      const auto& six = reinterpret_cast<const sockaddr_in6&>(place.address);
      inside = IN6_IS_ADDR_LOOPBACK(&six.sin6_addr) ||
               (IN6_IS_ADDR_V4MAPPED(&six.sin6_addr) && six.sin6_addr.s6_addr[12] == 127);
      port = ntohs(six.sin6_port);
    } else {
      const auto& four = reinterpret_cast<const sockaddr_in&>(place.address);
      inside = ntohl(four.sin_addr.s_addr) >> 24 == 127;
      port = ntohs(four.sin_port);
    }
    if (!inside) return place;
    Endpoint there = master;
    set_port(there, port);
    return there;
  }
  static void set_port(Endpoint& place, int port) {
    if (place.address.ss_family == AF_INET6)
      reinterpret_cast<sockaddr_in6&>(place.address).sin6_port = htons(uint16_t(port));
    else
      reinterpret_cast<sockaddr_in&>(place.address).sin_port = htons(uint16_t(port));
  }

  // Messages are small and waited for; and a machine that vanished is noticed.
  static void prepare(const Fd& fd) {
    const auto set = [&](int level, int option, int value) {
      ::setsockopt(fd.get(), level, option, &value, sizeof value);
    };
    const timeval for_ever{};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &for_ever, sizeof for_ever);
    set(IPPROTO_TCP, TCP_NODELAY, 1), set(SOL_SOCKET, SO_KEEPALIVE, 1);
    set(IPPROTO_TCP, TCP_KEEPIDLE, 30), set(IPPROTO_TCP, TCP_KEEPINTVL, 10), set(IPPROTO_TCP, TCP_KEEPCNT, 6);
    set(IPPROTO_TCP, TCP_USER_TIMEOUT, 90'000);
  }
  void put(const Fd& fd, const void* data, size_t bytes) const {
    if (::send(fd.get(), data, bytes, MSG_NOSIGNAL) != ssize_t(bytes)) refuse("a process went as it came");
  }
  void take(const Fd& fd, void* data, size_t bytes) const {
    pollfd waiting{fd.get(), POLLIN, 0};
    if (::poll(&waiting, 1, milliseconds_left()) == 0)
      refuse(fmt::format("process 0 has not heard of all within {:.0f} s", r_.seconds));
    if (::recv(fd.get(), data, bytes, MSG_WAITALL) != ssize_t(bytes))
      refuse("process 0 ended, or sent this one away: look at its words, and whether all have one WORLD_SIZE");
  }

  const Rendezvous& r_;
  Clock::time_point until_;
};

}  // namespace

std::unique_ptr<Transport> tcp_transport(const Rendezvous& rendezvous) {
  const auto& [rank, size, address, port, seconds] = rendezvous;
  if (size < 1 || rank < 0 || rank >= size || port < 1 || port > 65535)
    fail(ExitCode::config,
         fmt::format("RANK={}, WORLD_SIZE={}, MASTER_PORT={}: there is no such process, or no such port", rank, size,
                     port));
  return socket_transport(rank, Gathering(rendezvous).sockets());
}

}  // namespace crc::apps
