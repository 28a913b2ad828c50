#include "nn/safetensors.h"

#include <gtest/gtest.h>

#include <limits>

#include "kernels/core/random.h"

namespace crc::test {
namespace {

nn::TensorFile sample() {
  nn::TensorFile file;
  file.add("b.weight", {2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6});
  file.add("a.bias", {2}, std::vector<double>{0.5, -0.5});
  file.add("count", {}, std::vector<int64_t>{7});
  file.add("empty", {0, 4}, std::vector<float>{});
  file.metadata["schema"] = "1";
  return file;
}

std::string with_header(const std::string& json, const std::string& data) {
  const uint64_t n = json.size();
  return std::string(reinterpret_cast<const char*>(&n), 8) + json + data;
}

std::string error_of(const std::string& bytes) {
  try {
    nn::decode_safetensors(bytes, "w.safetensors");
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ExitCode::corrupt_data);
    return e.what();
  }
  return "no error";
}

TEST(Safetensors, ReadsWhatItWroteAndRewritesItIdentically) {
  const std::string bytes = nn::encode_safetensors(sample());
  const nn::TensorFile file = nn::decode_safetensors(bytes, "w");
  EXPECT_EQ(file.tensors.size(), 4u);
  EXPECT_EQ(file.at("b.weight", "w").values<float>(), (std::vector<float>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(file.at("b.weight", "w").shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(file.at("a.bias", "w").values<double>(), (std::vector<double>{0.5, -0.5}));
  EXPECT_EQ(file.at("count", "w").values<int64_t>(), std::vector<int64_t>{7});
  EXPECT_EQ(file.metadata.at("schema"), "1");
  EXPECT_EQ(nn::encode_safetensors(file), bytes);
  uint64_t header;
  std::memcpy(&header, bytes.data(), 8);
  EXPECT_EQ(header % 8, 0u);
}

TEST(Safetensors, NamesWhatIsWrong) {
  const std::string f32 = R"("dtype":"F32","shape":[1])";
  EXPECT_NE(error_of("abc").find("it has 3 bytes"), std::string::npos);
  EXPECT_NE(error_of(with_header("{}", "").substr(0, 9)).find("its header claims 2 bytes"), std::string::npos);
  EXPECT_NE(error_of(std::string("\xff\xff\xff\xff\xff\xff\xff\xff{}", 10)).find("its header claims"),
            std::string::npos);
  EXPECT_NE(error_of(with_header("[]", "")).find("does not begin with '{'"), std::string::npos);
  EXPECT_NE(error_of(with_header("{\"a\":", "")).find("not JSON"), std::string::npos);
  EXPECT_NE(error_of(with_header(R"({"a":{"dtype":"I16","shape":[1],"data_offsets":[0,2]}})", "xx")).find("dtype I16"),
            std::string::npos);
  EXPECT_NE(error_of(with_header("{\"a\":{" + f32 + R"(,"data_offsets":[0,8]}})", "12345678")).find("need 4"),
            std::string::npos);
  EXPECT_NE(
      error_of(with_header("{\"a\":{" + f32 + R"(,"data_offsets":[4,8]}})", "12345678")).find("expected to start at 0"),
      std::string::npos);
  EXPECT_NE(error_of(with_header("{\"a\":{" + f32 + R"(,"data_offsets":[0,4]}})", "12345")).find("1 bytes follow"),
            std::string::npos);
  EXPECT_NE(error_of(with_header("{\"a\":{" + f32 + R"(,"data_offsets":[0,4]}})", "123")).find("of 3"),
            std::string::npos);
  EXPECT_NE(
      error_of(with_header("{\"a\":{" + f32 + ",\"data_offsets\":[0,4]},\"a\":{" + f32 + R"(,"data_offsets":[4,8]}})",
                           "12345678"))
          .find("stands twice"),
      std::string::npos);
  EXPECT_NE(error_of(with_header(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296,4],"data_offsets":[0,0]}})", ""))
                .find("impossible shape"),
            std::string::npos);
  EXPECT_NE(error_of(with_header(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", "1234"))
                .find("not whole numbers"),
            std::string::npos);
  EXPECT_NE(error_of(with_header(R"({"__metadata__":{"x":1}})", "")).find("is not a string"), std::string::npos);
}

TEST(Safetensors, ReadsHalvesAsFloats) {
  const uint16_t halves[] = {0x3c00, 0xc000, 0x0001, 0x7bff, 0x8000, 0x7c00};
  const std::string header = R"({"a":{"dtype":"F16","shape":[6],"data_offsets":[0,12]}})";
  const nn::TensorFile file =
      nn::decode_safetensors(with_header(header, std::string(reinterpret_cast<const char*>(halves), 12)), "w");
  EXPECT_EQ(file.at("a", "w").values<float>(),
            (std::vector<float>{1, -2, 0x1p-24f, 65504, -0.0f, std::numeric_limits<float>::infinity()}));
  EXPECT_TRUE(file.at("a", "w").half);
  EXPECT_NE(error_of(with_header(header, "12345678901")).find("of 11"), std::string::npos);
}

TEST(Safetensors, RefusesWhatTheFormatDoesNotKnow) {
  const auto refused = [](const std::string& header, const std::string& words) {
    EXPECT_NE(error_of(with_header(header, "")).find(words), std::string::npos) << error_of(with_header(header, ""));
  };
  refused(R"({"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0],"x":1}})", "has an entry 'x'");
  refused(R"({"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0,0]}})", "not two whole numbers");
  refused(R"({"a":{"dtype":"F32","shape":[0]}})", "has no data_offsets");
  refused(R"({"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,0],"data_offsets":[0,0]}})", "a rank above 8");
  refused(R"({"a":3})", "'a' is a number");
  refused(R"({"__metadata__":3})", "__metadata__ is not an object");
  refused("{\"a\":{\"shape\":" + std::string(100000, '['), "not whole numbers");
  refused("{\"__metadata__\":{\"a\":{", "is not a string");
}

// A header may be long, but its tree is never built: each of these is refused at its hundred-thousandth name.
TEST(Safetensors, AHeaderCostsNoMoreThanItIsAllowedToSay) {
  std::string tensors = "{", metadata = "{\"__metadata__\":{";
  for (int i = 0; i < 200'000; ++i) {
    const std::string name = "\"" + std::to_string(i) + "\":";
    tensors += name + R"({"dtype":"U8","shape":[0],"data_offsets":[0,0]},)";
    metadata += name + "\"\",";
  }
  EXPECT_NE(error_of(with_header(tensors, "")).find("more than 100000 names"), std::string::npos);
  EXPECT_NE(error_of(with_header(metadata, "")).find("more than 100000 names"), std::string::npos);
}

// Every change of the file is either refused as corrupt or harmless to read; nothing crashes.
TEST(Safetensors, SurvivesDamage) {
  const std::string bytes = nn::encode_safetensors(sample());
  for (int i = 0; i < 4000; ++i) {
    Draws draws(7, Purpose::test, i, 0);
    std::string damaged = bytes;
    if (draws.coin()) damaged.resize(draws.below(uint32_t(bytes.size())));
    for (uint32_t k = draws.below(4); k > 0 && !damaged.empty(); --k)
      damaged[draws.below(uint32_t(damaged.size()))] = char(draws.bits());
    try {
      nn::decode_safetensors(damaged, "w");
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ExitCode::corrupt_data);
    }
  }
}

}  // namespace
}  // namespace crc::test
