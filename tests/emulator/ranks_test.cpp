// Training shared by processes with an emulated GPU each, joined by sockets and by NCCL (fake_nccl.cpp): the bits are
// those of one process, plain and in graphs, and whoever is lost ends all.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>

#include "apps/ranks/sockets.h"
#include "kernels/ops/across_ranks.h"
#include "tests/ssl/sharded.h"

namespace crc::test {
namespace {

using Floats = std::vector<float>;

std::string read_all(int pipe) {
  std::string all;
  char part[4096];
  for (ssize_t n; (n = ::read(pipe, part, sizeof part)) > 0;) all.append(part, size_t(n));
  ::close(pipe);
  return all;
}

// f in each of `size` processes, and what each returned; who throws an Error tells the others, and has its words. Who
// just ends has nothing.
std::vector<std::string> in_processes(int size, const std::function<std::string(Ranks&)>& f) {
  const std::vector<std::vector<int>> mesh = apps::socket_mesh(size);
  std::vector<int> pipes;
  for (int r = 0; r < size; ++r) {
    int ends[2];
    if (::pipe(ends) != 0) return {};
    pipes.push_back(ends[0]);
    if (::fork() != 0) {
      ::close(ends[1]);
      continue;
    }
    for (int other = 0; other < size; ++other)
      for (const int fd : mesh[size_t(other)])
        if (other != r && fd >= 0) ::close(fd);
    std::string result;
    {
      Ranks ranks(apps::socket_transport(r, mesh[size_t(r)]));
      try {
        result = f(ranks);
        ranks.barrier();
      } catch (const Error& error) {
        result = error.what();
        try {
          ranks.tell(error.code(), error.what());
        } catch (const Error&) {
        }
      }
    }
    for (size_t written = 0; written < result.size();)
      written += size_t(::write(ends[1], result.data() + written, result.size() - written));
    ::_exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  for (const auto& sockets : mesh)
    for (const int fd : sockets)
      if (fd >= 0) ::close(fd);
  std::vector<std::string> results;
  for (const int pipe : pipes) results.push_back(read_all(pipe));
  for (int status; ::wait(&status) > 0;) EXPECT_EQ(status, 0);
  return results;
}

Context joined(Ranks& ranks) {
  Context context = Context::cuda();
  context.open_exchange();
  context.join_ranks(ranks);
  return context;
}

std::string bytes_of(const Floats& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

TEST(GpuRanks, MeansAndGathersAreThoseOfTheHost) {
  for (const int size : {1, 2, 4})
    for (const int64_t n : {1, 3, 64, 5000}) {
      const auto results = in_processes(size, [&](Ranks& ranks) {
        Context context = joined(ranks);
        Floats own;
        for (int64_t i = 0; i < n; ++i)
          own.push_back(Draws(uint32_t(ranks.rank()), Purpose::test, i, 0).uniform() * 1e-38f);
        const Tensor values = Tensor::from_host(context, {n}, own.data(), "values");
        const Tensor all(context, {ranks.size() * n}, Dtype::f32, "all");
        gather_ranks(context, all.view<float, 1>(), values.view<float, 1>(), &ranks);
        mean_ranks(context, values.view<float, 1>(), &ranks);
        EXPECT_EQ(all.to_host<float>(context), ranks.gather(std::span<const float>(own)));
        ranks.mean(own);
        EXPECT_EQ(values.to_host<float>(context), own);
        return bytes_of(own);
      });
      for (const std::string& result : results) EXPECT_TRUE(!result.empty() && result == results.front());
    }
}

std::string trained(ssl::TrainConfig config, int ranks, int64_t steps, const std::string& from = "") {
  const auto states = in_processes(ranks, [&](Ranks& all) {
    Sharded trainer(config, &all, true, joined(all));
    if (!from.empty()) trainer->restore(nn::decode_safetensors(from, "half"), "half");
    trainer->train(steps);
    return trainer.state();
  });
  for (const std::string& state : states) EXPECT_TRUE(state == states.front()) << state.substr(0, 200);
  return states.front();
}

class GpuShards : public ::testing::TestWithParam<std::string> {};

TEST_P(GpuShards, TheBitsAreThoseOfAnyNumberOfProcesses) {
  ssl::TrainConfig config = in_shards(GetParam(), 4);
  const std::string alone = trained(config, 1, 5);
  EXPECT_GT(alone.size(), 10000u) << alone;
  config.steps_per_graph = 2;
  for (const int ranks : {2, 4}) EXPECT_TRUE(trained(config, ranks, 5) == alone) << ranks;
  EXPECT_TRUE(trained(config, 2, 3, trained(config, 4, 2)) == alone);
}

// Statistics over the whole batch: the layers of all shards meet on the device, and across processes.
TEST_P(GpuShards, SynchronizedStatistics) {
  ssl::TrainConfig config = in_shards(GetParam(), 4);
  const std::string apart = trained(config, 1, 3);
  config.batch_statistics = ssl::BatchStatistics::synchronized;
  const std::string alone = trained(config, 1, 3);
  EXPECT_GT(alone.size(), 10000u) << alone;
  EXPECT_NE(alone, apart);
  config.steps_per_graph = 2;
  for (const int ranks : {2, 4}) EXPECT_TRUE(trained(config, ranks, 3) == alone) << ranks;
}

INSTANTIATE_TEST_SUITE_P(Methods, GpuShards, ::testing::ValuesIn(methods_that_train()),
                         [](const auto& info) { return info.param; });

// Process 1 takes two steps and then not the third, in which the others wait for it on the device.
void expect_end(const std::function<void(int rank)>& instead, const std::string& words) {
  const auto start = std::chrono::steady_clock::now();
  const auto results = in_processes(4, [&](Ranks& all) {
    Sharded trainer(in_shards("fixmatch", 4), &all, true, joined(all));
    trainer->train(2);
    if (all.rank() == 1) instead(all.rank());
    trainer->train(3);
    return std::string("it went on");
  });
  for (const size_t r : {0, 2, 3}) EXPECT_NE(results[r].find(words), std::string::npos) << r << ": " << results[r];
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(60));
}

TEST(GpuRanks, WhoEndsEndsAll) {
  expect_end([](int) { ::_exit(0); }, " of 4 ended before the work was done");
}
TEST(GpuRanks, WhoFailsIsHeard) {
  expect_end([](int) { fail(ExitCode::out_of_memory, "no more memory"); }, "process 1 of 4: no more memory");
}

TEST(GpuRanks, WithoutNcclItIsNamed) {
  setenv("EMULATOR_LACKS", "nccl", 1);
  const auto results = in_processes(2, [](Ranks& ranks) { return joined(ranks).describe(); });
  unsetenv("EMULATOR_LACKS");
  for (const std::string& result : results)
    EXPECT_NE(result.find("NCCL, through which processes on GPUs exchange, was not found"), std::string::npos)
        << result;
}

}  // namespace
}  // namespace crc::test
