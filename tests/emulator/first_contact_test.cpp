// A machine that lacks something for CUDA: a clear error where the GPU was asked for, and for "auto" the CPU with the
// reason. EMULATOR_LACKS stands for the machine.
#include <gtest/gtest.h>

#include <cstdlib>

#include "kernels/core/context.h"
#include "kernels/core/error.h"

namespace crc::test {
namespace {

class FirstContact : public ::testing::Test {
 protected:
  ~FirstContact() override { unsetenv("EMULATOR_LACKS"); }
  void expect_refused(const char* lacking, const std::string& words) {
    setenv("EMULATOR_LACKS", lacking, 1);
    try {
      Context::from_name("cuda");
      ADD_FAILURE() << lacking << " is not missed";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::device_unavailable) << lacking;
      EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
    }
    const Context taken = Context::from_name("auto");
    EXPECT_EQ(taken.device().kind, DeviceKind::cpu) << lacking;
    EXPECT_TRUE(taken.choice().starts_with("cpu, ")) << taken.choice();
    EXPECT_NE(taken.choice().find("; not "), std::string::npos) << taken.choice();
    EXPECT_NE(taken.choice().find(words.substr(0, words.find("; "))), std::string::npos) << taken.choice();
    EXPECT_EQ(taken.choice().find("or use the CPU"), std::string::npos) << "advice: " << taken.choice();
  }
};

TEST_F(FirstContact, ADriverThatIsTooOld) {
  expect_refused("driver",
                 "cuda:0: the NVIDIA driver is for CUDA 12.4, and this build needs one for CUDA 13.0; update");
}
TEST_F(FirstContact, AGpuThatNoKernelWasBuiltFor) {
  expect_refused("code",
                 "cuda:0 (Emulated GPU, sm_90): this build has no code for it (no kernel image is available for "
                 "execution on the device), only for no GPU; configure it with -DCMAKE_CUDA_ARCHITECTURES=90");
}
TEST_F(FirstContact, NoCudnn) { expect_refused("cudnn", "cuDNN 9 was not found"); }
TEST_F(FirstContact, NoCublas) { expect_refused("cublas", "cuBLAS was not found"); }

TEST_F(FirstContact, SelectionNeedsNoCudnn) {
  setenv("EMULATOR_LACKS", "cudnn", 1);
  EXPECT_EQ(Context::from_name("auto", Context::For::selection).device().kind, DeviceKind::cuda);
}

TEST_F(FirstContact, SaysWhatItsTensorCoresHave) {
  EXPECT_TRUE(Context::from_name("cuda").has_tf32_and_bf16());
  setenv("EMULATOR_LACKS", "bf16", 1);
  EXPECT_FALSE(Context::from_name("cuda").has_tf32_and_bf16());
}

TEST_F(FirstContact, AutoNamesTheGpu) {
  EXPECT_EQ(Context::from_name("auto").choice(), "cuda:0, Emulated GPU, sm_90, 4096 MiB");
  EXPECT_EQ(Context::from_name("cuda").choice(), "");
}

TEST_F(FirstContact, AutoMeansTheGpuThatTheCallerNumbers) {
  setenv("EMULATOR_DEVICES", "2", 1);
  EXPECT_EQ(Context::gpus(), 2);
  EXPECT_EQ(to_string(Context::from_name("auto", Context::For::training, 1).device()), "cuda:1");
  EXPECT_EQ(to_string(Context::from_name("cuda", Context::For::training, 1).device()), "cuda:1");
  EXPECT_EQ(to_string(Context::from_name("cuda:0", Context::For::training, 1).device()), "cuda:0");
  unsetenv("EMULATOR_DEVICES");
  setenv("EMULATOR_LACKS", "driver", 1);
  EXPECT_EQ(Context::gpus(), 0);
}

}  // namespace
}  // namespace crc::test
