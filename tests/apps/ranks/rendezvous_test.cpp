// Processes that meet by TCP: threads here, on this machine.
#include "apps/ranks/rendezvous.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <thread>

namespace crc::test {
namespace {

using apps::Rendezvous;

// A socket of our own, and where it is.
struct Port {
  int fd = ::socket(AF_INET, SOCK_STREAM, 0), number = 0;
  Port() {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    socklen_t length = sizeof at;
    ::bind(fd, reinterpret_cast<sockaddr*>(&at), length);
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &length);
    number = ntohs(at.sin_port);
  }
  ~Port() { ::close(fd); }
  static int free() { return Port().number; }
};

// What each of the processes says: the sum of all ranks, or why it did not come to that.
std::vector<std::string> meet(const std::vector<Rendezvous>& processes) {
  std::vector<std::string> said(processes.size());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < processes.size(); ++i)
    threads.emplace_back([&, i] {
      try {
        Ranks ranks(apps::tcp_transport(processes[i]));
        EXPECT_EQ(ranks.rank(), processes[i].rank);
        std::vector<int64_t> sum(100'000, ranks.rank());
        ranks.sum(sum);
        ranks.barrier();
        said[i] = std::to_string(sum.back());
      } catch (const Error& error) {
        said[i] = std::to_string(int(error.code())) + " " + error.what();
      }
    });
  for (std::thread& thread : threads) thread.join();
  return said;
}

std::vector<Rendezvous> of(int size, const std::string& address, double seconds = 20) {
  std::vector<Rendezvous> all;
  const int port = Port::free();
  for (int r = size - 1; r >= 0; --r) all.push_back({r, size, address, port, seconds});
  return all;
}

TEST(Rendezvous, AllMeetAtTheFirst) {
  for (const int size : {2, 3, 5})
    for (const char* address : {"127.0.0.1", "localhost"})
      for (const std::string& said : meet(of(size, address))) EXPECT_EQ(said, std::to_string(size * (size - 1) / 2));
}

TEST(Rendezvous, StrangersAreSentAway) {
  std::vector<Rendezvous> all = of(2, "127.0.0.1");
  std::thread stranger([port = all.front().port] {
    sockaddr_in at{};
    at.sin_family = AF_INET, at.sin_port = htons(uint16_t(port)), at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = -1;
    for (int tries = 0; tries < 200; ++tries) {
      fd = ::socket(AF_INET, SOCK_STREAM, 0);
      if (::connect(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0) break;
      ::close(fd);
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    EXPECT_GT(::send(fd, "GET / HTTP/1.1\r\nHost: here\r\n\r\n", 32, MSG_NOSIGNAL), 0);
    char answer;
    EXPECT_LE(::recv(fd, &answer, 1, 0), 0);
    ::close(fd);
  });
  std::thread late([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    EXPECT_EQ(meet({all[0]}).front(), "1");
  });
  EXPECT_EQ(meet({all[1]}).front(), "1");
  stranger.join(), late.join();
}

TEST(Rendezvous, WhoDoesNotComeIsMissed) {
  std::vector<Rendezvous> all = of(3, "127.0.0.1", 0.5);
  const std::string alone = meet({all[2]}).front();
  EXPECT_TRUE(alone.starts_with("69 process 0 of 3, which are to meet at MASTER_ADDR=127.0.0.1, port ")) << alone;
  EXPECT_NE(alone.find("not all came within 0 s"), std::string::npos) << alone;
  const std::string without = meet({all[0]}).front();
  EXPECT_NE(without.find("process 0 was not found there within 0 s"), std::string::npos) << without;
  const std::string nowhere = meet({{1, 2, "no-such-machine.invalid", 29500, 0.2}}).front();
  EXPECT_TRUE(nowhere.starts_with("69 ")) << nowhere;
}

TEST(Rendezvous, WrongSettingsAreSaid) {
  std::vector<Rendezvous> twice = of(3, "127.0.0.1", 5);
  twice[0].rank = 1;  // beside another 1
  int told = 0;
  for (const std::string& said : meet(twice)) told += said.find("two processes have RANK=1") != std::string::npos;
  EXPECT_EQ(told, 1);
  const Port taken;
  ::listen(taken.fd, 1);
  EXPECT_NE(meet({{0, 2, "127.0.0.1", taken.number, 1}}).front().find("set MASTER_PORT to a free one"),
            std::string::npos);
  for (const Rendezvous& wrong : {Rendezvous{2, 2, "a", 1}, Rendezvous{-1, 2, "a", 1}, Rendezvous{0, 2, "a", 70000}})
    EXPECT_TRUE(meet({wrong}).front().starts_with("78 "));
}

}  // namespace
}  // namespace crc::test
