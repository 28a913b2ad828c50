#include "kernels/core/ranks.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numeric>

#include "tests/apps/ranks/together.h"

namespace crc::test {
namespace {

using Numbers = std::vector<double>;

TEST(Ranks, AloneEverythingIsItsOwn) {
  Ranks ranks;
  Numbers values{1, 2, 3};
  ranks.sum(values);
  ranks.largest(values);
  ranks.barrier();
  EXPECT_EQ(values, (Numbers{1, 2, 3}));
  EXPECT_EQ(ranks.gather(std::span<const double>(values)), values);
  EXPECT_EQ(ranks.exchanges() + ranks.bytes(), 0);
}

// Of any number of ranks, values fewer and more than those.
TEST(Ranks, SumsGathersAndExchanges) {
  for (int size : {1, 2, 3, 4, 7})
    for (int64_t count : {0, 1, 5, 1000}) {
      const auto results = in_ranks<Numbers>(size, [&](Ranks& ranks) {
        EXPECT_EQ(ranks.size(), size);
        Numbers values(static_cast<size_t>(count)), most(values);
        for (size_t k = 0; k < values.size(); ++k) {
          values[k] = double(k) + ranks.rank() * 1000.0;
          most[k] = ranks.rank() == int(k) % size ? 1 : -double(k);
        }
        ranks.sum(values);
        ranks.largest(most);
        for (double m : most) EXPECT_EQ(m, 1);
        std::vector<Ranks::Bytes> out(static_cast<size_t>(size));
        for (int r = 0; r < size; ++r) out[size_t(r)].assign(size_t(r * 3 + ranks.rank()), char('a' + ranks.rank()));
        const auto in = ranks.exchange(std::move(out));
        for (int r = 0; r < size; ++r)
          EXPECT_EQ(in[size_t(r)], Ranks::Bytes(size_t(ranks.rank() * 3 + r), char('a' + r)));
        const std::vector<int32_t> own(size_t(ranks.rank()), ranks.rank());
        const std::vector<int32_t> all = ranks.gather(std::span<const int32_t>(own));
        EXPECT_EQ(int(all.size()), size * (size - 1) / 2);
        EXPECT_TRUE(std::ranges::is_sorted(all));
        return values;
      });
      for (const auto& values : results) {
        ASSERT_TRUE(values);
        EXPECT_EQ(int64_t(values->size()), count);
        for (size_t k = 0; k < values->size(); ++k)
          EXPECT_EQ((*values)[k], double(k) * size + 1000.0 * size * (size - 1) / 2);
      }
    }
}

// Of numbers whose sum depends on the order: the tree's, in every process.
TEST(Ranks, MeansAreOfOneTree) {
  const auto leaf = [](int r, size_t k) { return std::ldexp(1.0f / float(3 + r), r % 3 * 9) + float(k); };
  const std::function<float(int, int, size_t)> tree = [&](int begin, int end, size_t k) {
    if (end - begin == 1) return leaf(begin, k);
    const int middle = (begin + end) / 2;
    return 0.5f * tree(begin, middle, k) + 0.5f * tree(middle, end, k);
  };
  for (const int size : {1, 2, 4, 8})
    for (const size_t count : {0, 1, 3, 100}) {
      const auto results = in_ranks<std::vector<float>>(size, [&](Ranks& ranks) {
        std::vector<float> values(count);
        for (size_t k = 0; k < count; ++k) values[k] = leaf(ranks.rank(), k);
        ranks.mean(values);
        return values;
      });
      for (const auto& values : results)
        for (size_t k = 0; k < count; ++k) EXPECT_EQ(values->at(k), tree(0, size, k));
    }
  std::vector<std::string> errors;
  in_ranks<int>(
      3, [](Ranks& ranks) { return ranks.mean({}), 0; }, &errors);
  EXPECT_EQ(errors[0], "70 a tree of 3 processes");
}

TEST(Ranks, ShowsPartsOfAnySize) {
  const std::string own = "alone";
  EXPECT_EQ(Ranks().show(own), std::vector<Ranks::Bytes>{Ranks::Bytes(own.begin(), own.end())});
  in_ranks<int>(3, [](Ranks& ranks) {
    const std::vector<Ranks::Bytes> all = ranks.show(std::string(size_t(ranks.rank() * 1000), 'x'));
    for (int r = 0; r < 3; ++r) EXPECT_EQ(all[size_t(r)], Ranks::Bytes(size_t(r * 1000), 'x'));
    return 0;
  });
}

TEST(Ranks, MessagesThatFillEverySocketPass) {
  constexpr size_t kBytes = 3 << 20;
  in_ranks<int>(3, [&](Ranks& ranks) {
    std::vector<Ranks::Bytes> out(3, Ranks::Bytes(kBytes, char(ranks.rank())));
    const auto in = ranks.exchange(std::move(out));
    for (int r = 0; r < 3; ++r) EXPECT_EQ(in[size_t(r)], Ranks::Bytes(kBytes, char(r)));
    EXPECT_GE(ranks.bytes(), int64_t(2 * kBytes));
    return 0;
  });
}

// Whatever the others do at that moment, they hear the words of the first that failed.
TEST(Ranks, WhoFailsIsHeardByAll) {
  for (int failing : {0, 1, 3}) {
    std::vector<std::string> errors;
    const auto results = in_ranks<int>(
        4,
        [&](Ranks& ranks) {
          ranks.barrier();
          if (ranks.rank() == failing) fail(ExitCode::io, "no space left");
          Numbers values(100, 1);
          ranks.sum(values);
          return 0;
        },
        &errors);
    for (int r = 0; r < 4; ++r) {
      EXPECT_FALSE(results[size_t(r)]);
      EXPECT_EQ(errors[size_t(r)],
                r == failing ? "74 no space left" : "74 process " + std::to_string(failing) + " of 4: no space left");
    }
  }
}

TEST(Ranks, AllMayFailAtOnce) {
  std::vector<std::string> errors;
  in_ranks<int>(
      3, [](Ranks& ranks) -> int { fail(ExitCode::config, "no " + std::to_string(ranks.rank())); }, &errors);
  EXPECT_EQ(errors, (std::vector<std::string>{"78 no 0", "78 no 1", "78 no 2"}));
}

TEST(Ranks, WhoEndsWithoutAWordIsNamed) {
  const auto mesh = apps::socket_mesh(2);
  apps::socket_transport(1, mesh[1]).reset();
  Ranks ranks(apps::socket_transport(0, mesh[0]));
  try {
    ranks.barrier();
    ADD_FAILURE() << "it waits for nobody";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::internal);
    EXPECT_NE(std::string(error.what()).find("process 1 of 2 ended"), std::string::npos) << error.what();
  }
  EXPECT_TRUE(ranks.over());
  ranks.tell(ExitCode::io, "nobody hears it");
}

TEST(Ranks, SharesAreEvenAndCoverEverything) {
  for (int size : {1, 2, 3, 7})
    for (int64_t count : {0, 1, 6, 7, 100}) {
      int64_t end = 0;
      for (int r = 0; r < size; ++r) {
        const Share share(count, r, size);
        EXPECT_EQ(share.begin, end);
        EXPECT_LE(share.end - share.begin, count / size + 1);
        end = share.end;
      }
      EXPECT_EQ(end, count);
    }
}

TEST(Ranks, WordsOfSocketsAreChecked) {
  for (const char* words : {"x", "0", "2:3,4", "1:-1,", "-1:3,4"})
    EXPECT_THROW(apps::socket_transport(words), Error) << words;
}

}  // namespace
}  // namespace crc::test
