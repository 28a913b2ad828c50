#include "kernels/core/arena.h"

#include <cstdlib>

#include "tests/kernels/core/expect_error.h"

namespace crc::test {
namespace {

constexpr int64_t kMiB = 1 << 20;

struct ArenaTest : public ::testing::Test {
  int64_t live = 0;  // blocks that the arena holds
  Arena make() {
    return Arena({[this](int64_t bytes) { return ++live, std::aligned_alloc(256, size_t(bytes)); },
                  [this](void* data) { --live, std::free(data); },
                  {}});
  }
};

TEST_F(ArenaTest, GivesAlignedDistinctNamedArrays) {
  Arena arena = make();
  const auto a = arena.take<float, 2>({3, 5}, "a");
  const auto b = arena.take<uint8_t, 1>({1}, "b");
  const auto none = arena.take<double, 1>({0}, "none");
  const auto c = arena.take<double, 1>({100}, "c");
  for (const void* data : {(void*)a.data, (void*)b.data, (void*)none.data, (void*)c.data})
    EXPECT_EQ(uintptr_t(data) % 256, 0u);
  EXPECT_GE((char*)b.data - (char*)a.data, 60);
  EXPECT_GE((char*)c.data - (char*)none.data, 1) << "even an empty array has its own address";
  EXPECT_EQ(shape_string(a), "[3,5]");
  EXPECT_STREQ(a.name, "a");
  EXPECT_EQ(a.device, Device{});
}

TEST_F(ArenaTest, AFrameGivesBackWhatWasTakenInIt) {
  Arena arena = make();
  const auto kept = arena.take<float, 1>({10}, "kept");
  void* first = nullptr;
  for (int i = 0; i < 3; ++i) {
    const Arena::Frame outer(arena);
    void* const a = arena.take_bytes(1000);
    {
      const Arena::Frame inner(arena);
      EXPECT_NE(arena.take_bytes(40 * kMiB), nullptr);  // spills into a block of its own
    }
    void* const b = arena.take_bytes(1000);
    EXPECT_EQ((char*)b - (char*)a, 1024) << "the inner frame left no trace";
    EXPECT_TRUE(!first || first == a);
    first = a;
    EXPECT_NE(a, kept.data);
  }
  EXPECT_EQ(arena.blocks(), 2) << "repeating the frames allocated nothing";
  EXPECT_EQ(live, 2);
}

TEST_F(ArenaTest, GrowsInBlocksAndReleasesThem) {
  {
    Arena arena = make();
    EXPECT_EQ(arena.reserved_bytes(), 0);
    arena.take_bytes(1);
    EXPECT_EQ(arena.reserved_bytes(), 16 * kMiB);
    void* const full = arena.take_bytes(16 * kMiB - 256);  // fills the block to its last byte
    EXPECT_EQ(arena.blocks(), 1);
    arena.take_bytes(1);
    EXPECT_EQ(arena.blocks(), 2);
    arena.take_bytes(17 * kMiB);
    EXPECT_EQ(arena.reserved_bytes(), (16 + 16 + 17) * kMiB);
    EXPECT_NE(full, nullptr);
    EXPECT_EQ(live, 3);
  }
  EXPECT_EQ(live, 0);
}

TEST_F(ArenaTest, FrozenItRefusesToGrow) {
  Arena arena = make();
  arena.take_bytes(1);
  arena.freeze();
  {
    const Arena::Frame frame(arena);
    arena.take_bytes(16 * kMiB - 256);
    expect_error(ExitCode::internal,
                 "the arena on cpu is frozen at 16777216 bytes, but 512 more are needed: a step allocates",
                 [&] { arena.take_bytes(257); });
  }
  EXPECT_NE(arena.take_bytes(257), nullptr) << "what the frame gave back is there again";
  arena.thaw();
  EXPECT_NE(arena.take_bytes(16 * kMiB), nullptr);
}

}  // namespace
}  // namespace crc::test
