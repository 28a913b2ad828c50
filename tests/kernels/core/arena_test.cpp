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

TEST_F(ArenaTest, ConsolidatedItIsOneBlockOfThePeak) {
  Arena arena = make();
  const auto step = [&] {
    const Arena::Frame frame(arena);
    for (int64_t bytes : {kMiB, 20 * kMiB, kMiB, 20 * kMiB}) arena.take_bytes(bytes);
    expect_error(ExitCode::internal, "the arena on cpu cannot be cleared: arrays are taken", [&] { arena.clear(); });
  };
  step();
  EXPECT_EQ(arena.peak_bytes(), 42 * kMiB);
  EXPECT_EQ(arena.reserved_bytes(), (16 + 20 + 16 + 20) * kMiB);
  {
    const auto held = arena.hold();
    arena.consolidate();
    EXPECT_EQ(live, 4 + 1) << "what is held stays";
  }
  EXPECT_EQ(live, 1);
  EXPECT_EQ(arena.reserved_bytes(), arena.peak_bytes());
  arena.freeze();
  step();
  EXPECT_EQ(arena.peak_bytes(), 42 * kMiB);
  arena.clear();
  EXPECT_EQ(live, 0);
  EXPECT_EQ(arena.peak_bytes(), 0);
}

TEST_F(ArenaTest, TriesDoNotCountForThePeak) {
  Arena arena = make();
  const Arena::Frame frame(arena);
  arena.take_bytes(kMiB);
  {
    const Arena::Unmeasured tries(arena);
    const Arena::Frame inner(arena);
    arena.take_bytes(5 * kMiB);
  }
  EXPECT_EQ(arena.peak_bytes(), kMiB);
  arena.take_bytes(kMiB);
  EXPECT_EQ(arena.peak_bytes(), 2 * kMiB);
}

TEST_F(ArenaTest, ATraceKnowsWhatWasAliveWhen) {
  Trace trace;
  Arena arena = make();
  arena.trace_into(&trace, 0);
  const auto a = arena.take<float, 1>({100}, "a");
  (void)Trace::op(&trace, 0, "first", View<const float, 1>(a), 3);
  {
    const Arena::Frame frame(arena);
    const auto b = arena.take<float, 2>({3, 5}, "b");
    const auto op = Trace::op(&trace, 0, "second", a.slice(10, 20), b);
    arena.take<float, 1>({64}, "own");
  }
  arena.trace_into(nullptr, 0);
  arena.take<float, 1>({10}, "not noted");
  ASSERT_EQ(trace.scratch().size(), 3u);
  const auto expect = [&](size_t i, const char* name, int64_t offset, int64_t begin, int64_t end, bool inside) {
    const Trace::Scratch& s = trace.scratch()[i];
    EXPECT_EQ(s.name, name);
    EXPECT_EQ(s.offset, offset) << name;
    EXPECT_EQ(s.begin, begin) << name;
    EXPECT_EQ(s.end, end) << name;
    EXPECT_EQ(s.inside, inside) << name;
  };
  expect(0, "a", 0, 0, INT64_MAX, false);
  expect(1, "b", 512, 1, 2, false);
  expect(2, "own", 768, 1, 2, true);
  EXPECT_EQ(trace.peak_bytes(), 1024);
  ASSERT_EQ(trace.ops().size(), 2u);
  ASSERT_EQ(trace.ops()[0].arrays.size(), 1u);
  EXPECT_FALSE(trace.ops()[0].arrays[0].written);
  const Trace::Array& slice = trace.ops()[1].arrays[0];
  EXPECT_TRUE(slice.written);
  EXPECT_EQ(slice.scratch, 0);
  EXPECT_EQ(slice.bytes, 40);
  EXPECT_EQ(trace.ops()[1].arrays[1].scratch, 1);
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
