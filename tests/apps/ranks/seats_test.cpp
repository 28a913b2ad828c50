#include "apps/ranks/seats.h"

#include <gtest/gtest.h>

#include "apps/ranks/orders.h"
#include "tests/apps/ranks/together.h"

namespace crc::test {
namespace {

using Names = std::vector<std::string>;

// The seats of processes that see these GPUs.
std::vector<std::optional<size_t>> seats(const std::vector<Names>& seen, Names* errors = nullptr) {
  const auto taken = in_ranks<std::optional<size_t>>(
      int(seen.size()), [&](Ranks& ranks) { return apps::take_seat(ranks, "here", seen[size_t(ranks.rank())]); },
      errors);
  std::vector<std::optional<size_t>> seats;
  for (const auto& seat : taken) seats.push_back(seat.value_or(std::nullopt));
  return seats;
}

TEST(Seats, EachHasOneOfItsOwn) {
  const Names all{"a", "b", "c"};
  EXPECT_EQ(seats({all, all, all}), (std::vector<std::optional<size_t>>{0, 1, 2}));
  EXPECT_EQ(seats({{"a"}, {"b"}}), (std::vector<std::optional<size_t>>{0, 0}));  // a launcher gave one to each
  EXPECT_EQ(seats({{"b"}, all, all}), (std::vector<std::optional<size_t>>{0, 0, 2}));
}

TEST(Seats, WhereTheFirstHasNoneNobodyTakesOne) {
  EXPECT_EQ(seats({{}, {}}), (std::vector<std::optional<size_t>>(2)));
  EXPECT_EQ(seats({{}, {"a"}}),
            (std::vector<std::optional<size_t>>(2)));  // who then computes on another device, is told
}

TEST(Seats, WhoIsLeftWithoutIsNamedInAll) {
  for (const std::vector<Names>& seen : {std::vector<Names>{{"a", "b"}, {"a", "b"}, {"a", "b"}}, {{"a"}, {"b"}, {}}}) {
    Names errors;
    seats(seen, &errors);
    for (const std::string& error : errors) {
      EXPECT_TRUE(error.starts_with("78 process 2 of 3 has no GPU of its own: on ")) << error;
      EXPECT_NE(error.find("it sees " + std::to_string(seen[2].size())), std::string::npos) << error;
    }
  }
}

TEST(Orders, ATrainerComesWithTheGatesChoices) {
  const std::map<std::string, Chosen> choices{{"conv 3x3, bf16", {.way = "engine 7 of cuDNN", .plain = "engine 1"}},
                                              {"b", {.way = "plain", .plain = "plain"}}};
  in_ranks<bool>(2, [&](Ranks& ranks) {
    if (ranks.rank() == 0) {
      apps::order_trainer(&ranks, 3, {1, 2}, {4}, {0, 1, -1}, choices);
      return true;
    }
    const apps::TakenOrder order = apps::take_order(ranks);
    EXPECT_EQ(order.order, apps::Order::trainer);
    EXPECT_EQ(order.number(), 3);
    EXPECT_EQ(order.choices(), choices);
    Gate gate(Gate::Tier::chosen);
    gate.adopt(order.choices());
    EXPECT_EQ(gate.known("conv 3x3, bf16"), "engine 7 of cuDNN");
    return true;
  });
}

}  // namespace
}  // namespace crc::test
