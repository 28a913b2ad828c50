#include "kernels/ops/draw_groups.h"

#include <cmath>
#include <set>

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"

namespace crc::test {
namespace {

class DrawGroupsOp : public OnDevice {
 protected:
  std::vector<int64_t> draw(int64_t groups, int64_t size, const std::vector<int64_t>& pool, DrawGroupsConfig config) {
    Guarded<int64_t, 2> members(context, {groups, size}, std::vector<int64_t>(groups * size), "members");
    const Tensor from = Tensor::from_host(context, {int64_t(pool.size())}, pool.data(), "pool");
    draw_groups(context, members.view(), from.view<const int64_t, 1>(), config);
    return members.get();
  }
};

// Floyd's algorithm with a set, as Bentley and Floyd write it.
std::vector<int64_t> floyd(int64_t k, int64_t size, const std::vector<int64_t>& pool, DrawGroupsConfig config) {
  Draws draws(config.seed, Purpose::group_shuffle, config.first + k, config.round);
  std::set<int64_t> places;
  for (int64_t last = int64_t(pool.size()) - size; last < int64_t(pool.size()); ++last) {
    const int64_t place = draws.below(uint32_t(last + 1));
    places.insert(places.count(place) ? last : place);
  }
  std::vector<int64_t> group;
  for (int64_t place : places) group.push_back(pool[place]);
  return group;
}

TEST_P(DrawGroupsOp, IsFloydsAlgorithm) {
  std::vector<int64_t> pool;
  for (int64_t i = 0; i < 41; ++i) pool.push_back(3 * i + 7);
  for (int64_t size : {1, 2, 7, 40, 41}) {
    const DrawGroupsConfig config{.first = (int64_t(1) << 33) + 5, .seed = 9, .round = 4};
    std::vector<int64_t> expected;
    for (int64_t k = 0; k < 13; ++k) {
      const auto group = floyd(k, size, pool, config);
      expected.insert(expected.end(), group.begin(), group.end());
    }
    EXPECT_EQ(draw(13, size, pool, config), expected) << "size " << size;
  }
  EXPECT_TRUE(draw(0, 3, pool, {}).empty());
}

TEST_P(DrawGroupsOp, AGroupIsAFunctionOfItsNumber) {
  const std::vector<int64_t> pool{0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  const auto all = draw(20, 3, pool, {.first = 0, .seed = 1, .round = 2});
  const auto tail = draw(5, 3, pool, {.first = 15, .seed = 1, .round = 2});
  EXPECT_TRUE(std::equal(tail.begin(), tail.end(), all.begin() + 45));
  EXPECT_NE(all, draw(20, 3, pool, {.first = 0, .seed = 2, .round = 2}));
  EXPECT_NE(all, draw(20, 3, pool, {.first = 0, .seed = 1, .round = 3}));
}

CRC_ON_EACH_DEVICE(DrawGroupsOp);

}  // namespace
}  // namespace crc::test
