#include "kernels/core/op.h"

#include "tests/kernels/core/expect_error.h"
#include "tests/kernels/device.h"

namespace crc {

// Ops of this test alone; both backends are here, so nothing else is linked.
CRC_OP(DeviceKind, where, (View<const float, 1> x, int value))
DeviceKind where(Cpu&, View<const float, 1>, int) { return DeviceKind::cpu; }
DeviceKind where(Cuda&, View<const float, 1>, int) { return DeviceKind::cuda; }

CRC_OP(void, store, (int* to, int value))
CRC_OP(void, store, (double* to, double value))
void store(Cpu&, int* to, int value) { *to = value; }
void store(Cuda&, int* to, int value) { *to = value; }
void store(Cpu&, double* to, double value) { *to = -value; }
void store(Cuda&, double* to, double value) { *to = -value; }

CRC_OP(int, halve, (View<const float, 1> x))
CRC_OP(int, halve, (View<const bf16, 1> x))
int halve(Cpu&, View<const float, 1>) { return 32; }
int halve(Cuda&, View<const float, 1>) { return 32; }
int halve(Cpu&, View<const bf16, 1>) { return 16; }
int halve(Cuda&, View<const bf16, 1>) { return 16; }

CRC_OP(void, move, (View<float, 1> to, View<const float, 1> from))
CRC_OP(void, move, (View<double, 1> to, View<const float, 1> from, View<const double, 1> more))
void move(Cpu&, View<float, 1>, View<const float, 1>) {}
void move(Cuda&, View<float, 1>, View<const float, 1>) {}
void move(Cpu&, View<double, 1>, View<const float, 1>, View<const double, 1>) {}
void move(Cuda&, View<double, 1>, View<const float, 1>, View<const double, 1>) {}
CRC_OP(void, move, (View<bf16, 1> to, View<const bf16, 1> from))
void move(Cpu&, View<bf16, 1>, View<const bf16, 1>) {}
void move(Cuda&, View<bf16, 1>, View<const bf16, 1>) {}

template <class... Args>
concept CanMove = requires(Context& context, Args... args) {
  move(context, args...);
};

namespace test {
namespace {

class Op : public OnDevice {
 protected:
  float value = 0;  // never read by these ops
  View<float, 1> view(Device device) { return {&value, {1}, device, "x"}; }
};

TEST_P(Op, RunsOnTheContextsBackend) {
  EXPECT_EQ(where(context, view(context.device()), 3), context.device().kind);
  int i = 0;
  store(context, &i, 5);
  EXPECT_EQ(i, 5);
  double d = 0;
  store(context, &d, 5.0);
  EXPECT_EQ(d, -5);
}

TEST_P(Op, RefusesAViewOfAnotherDevice) {
  const Device here = context.device();
  const Device there = here.kind == DeviceKind::cpu ? Device{DeviceKind::cuda, 1} : Device{};
  expect_error(ExitCode::internal,
               "where: view 'x' lives on " + to_string(there) + ", the context on " + to_string(here),
               [&] { where(context, view(there), 3); });
  View<float, 1> none = view(there);
  none.shape[0] = 0;
  EXPECT_EQ(where(context, none, 3), here.kind) << "an empty view lives nowhere";
}

TEST_P(Op, RefusesAViewOfAnotherGpu) {
  if (context.device().kind == DeviceKind::cpu) GTEST_SKIP() << "needs a GPU";
  const Device other{DeviceKind::cuda, int16_t(context.device().index + 1)};
  expect_error(ExitCode::internal,
               "where: view 'x' lives on " + to_string(other) + ", the context on " + to_string(context.device()),
               [&] { where(context, view(other), 3); });
}

TEST_P(Op, TheElementTypeChoosesTheSignature) {
  EXPECT_EQ(halve(context, view(context.device())), 32);
  bf16 element(1.0f);
  EXPECT_EQ(halve(context, View<bf16, 1>{&element, {1}, context.device(), "x"}), 16);
}

TEST_P(Op, WhatItReadsAndWritesIsAsDeclaredWhateverItIsGiven) {
  Trace trace;
  context.trace_into(&trace);
  const auto noted = [&] {
    std::string all;
    for (const Trace::Array& array : trace.ops().back().arrays) all += array.written ? "w" : "r";
    return all;
  };
  double wide = 0;
  bf16 narrow(0.0f);
  const View<float, 1> x = view(context.device());
  const View<double, 1> y{&wide, {1}, context.device(), "y"};
  const View<bf16, 1> z{&narrow, {1}, context.device(), "z"};
  move(context, x, x);
  EXPECT_EQ(noted(), "wr");
  move(context, y, x, y);
  EXPECT_EQ(noted(), "wrr");
  where(context, x, 3);
  EXPECT_EQ(noted(), "r") << "of an op with a result";
  move(context, z, z);
  EXPECT_EQ(noted(), "wr") << "of a bf16 twin";
  context.trace_into(nullptr);
}

TEST(OpSignature, WhatDoesNotConvertIsNoCallOfIt) {
  using Read = View<const float, 1>;
  static_assert(CanMove<View<float, 1>, View<float, 1>> && CanMove<View<float, 1>, Read>);
  static_assert(!CanMove<Read, Read>, "writes what may only be read");
  static_assert(!CanMove<View<float, 1>, View<double, 1>> && !CanMove<View<float, 1>>);
}

CRC_ON_EACH_DEVICE(Op);

}  // namespace
}  // namespace test
}  // namespace crc
