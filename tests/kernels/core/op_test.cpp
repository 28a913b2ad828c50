#include "kernels/core/op.h"

#include "tests/kernels/core/expect_error.h"
#include "tests/kernels/device.h"

namespace crc {

// Ops of this test alone; both backends are here, so nothing else is linked.
CRC_OP(DeviceKind, where, (View<const float, 1> x, int value))
DeviceKind where(Cpu&, View<const float, 1>, int) { return DeviceKind::cpu; }
DeviceKind where(Cuda&, View<const float, 1>, int) { return DeviceKind::cuda; }

CRC_OP(void, store, (int* to, int value))
CRC_OP_OVERLOAD(void, store, (double* to, double value))
void store(Cpu&, int* to, int value) { *to = value; }
void store(Cuda&, int* to, int value) { *to = value; }
void store(Cpu&, double* to, double value) { *to = -value; }
void store(Cuda&, double* to, double value) { *to = -value; }

CRC_OP(int, halve, (View<const float, 1> x))
CRC_OP_BF16(int, halve, (View<const bf16, 1> x))
int halve(Cpu&, View<const float, 1>) { return 32; }
int halve(Cuda&, View<const float, 1>) { return 32; }
int halve(Cuda&, View<const bf16, 1>) { return 16; }

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

TEST_P(Op, Bf16NeedsCuda) {
  EXPECT_EQ(halve(context, view(context.device())), 32);
  bf16 element(1.0f);
  const View<bf16, 1> x{&element, {1}, context.device(), "x"};
  if (context.device().kind == DeviceKind::cuda) {
    EXPECT_EQ(halve(context, x), 16);
    return;
  }
  expect_error(ExitCode::config, "halve: bf16 activations need a CUDA device; use precision = \"fp32\" on the CPU",
               [&] { halve(context, x); });
}

CRC_ON_EACH_DEVICE(Op);

}  // namespace
}  // namespace test
}  // namespace crc
