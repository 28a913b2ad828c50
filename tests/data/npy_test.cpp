#include "data/npy.h"

#include "data/crc32.h"
#include "data/npz.h"
#include "tests/data/fixture.h"

namespace crc::test {
namespace {

using namespace crc::data;
using Shape = std::vector<int64_t>;

template <class T> std::vector<T> values(const NpyArray& array) {
  const auto span = array.as<T>();
  return {span.begin(), span.end()};
}

TEST(Npy, ReadsWhatNumPyWrites) {
  const NpyArray f32 = read_npy(golden("f32_2x3.npy"));
  EXPECT_EQ(f32.shape, (Shape{2, 3}));
  EXPECT_EQ(values<float>(f32), (std::vector<float>{-0.5f, -0.25f, 0, 0.25f, 0.5f, 0.75f}));
  const NpyArray f64 = read_npy(golden("f64_scalar.npy"));
  EXPECT_EQ(f64.shape, Shape{});
  EXPECT_EQ(values<double>(f64), std::vector<double>{3.141592653589793});
  const NpyArray i32 = read_npy(golden("i32_empty.npy"));
  EXPECT_EQ(i32.shape, (Shape{0, 5}));
  EXPECT_EQ(values<int32_t>(i32).size(), 0u);
  EXPECT_EQ(values<int64_t>(read_npy(golden("i64_3.npy"))), (std::vector<int64_t>{-1, int64_t(1) << 40, 7}));
  EXPECT_EQ(values<uint8_t>(read_npy(golden("u8_2x2x2.npy"))),
            (std::vector<uint8_t>{250, 251, 252, 253, 254, 255, 0, 1}));
  EXPECT_EQ(values<uint8_t>(read_npy(golden("bool_4.npy"))), (std::vector<uint8_t>{1, 0, 0, 1}));
}

TEST(Npy, WritesTheBytesThatNumPyWrites) {
  for (const char* name :
       {"f32_2x3.npy", "f64_scalar.npy", "i32_empty.npy", "i64_3.npy", "u8_2x2x2.npy", "bool_4.npy"}) {
    const NpyArray array = read_npy(golden(name));
    EXPECT_EQ(encode_npy(array.type, array.shape, array.bytes), read_file(golden(name))) << name;
  }
}

TEST(Npy, RefusesWhatItDoesNotKnow) {
  expect_error([] { read_npy(golden("fortran.npy")); }, ExitCode::corrupt_data,
               {"fortran.npy", "Fortran order", "ascontiguousarray"});
  expect_error([] { read_npy(golden("big_endian.npy")); }, ExitCode::corrupt_data, {"\">f4\"", "<f4"});
  expect_error([] { read_npy(golden("f16.npy")); }, ExitCode::corrupt_data, {"\"<f2\"", "astype"});
  expect_error([] { read_npy(golden("f32_2x3.npy")).as<double>(); }, ExitCode::config, {"<f4", "<f8"});
}

// A version 1.0 file with this header text and payload.
Bytes npy(const std::string& header, size_t payload) {
  const uint8_t preamble[] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, uint8_t(header.size()), uint8_t(header.size() >> 8)};
  Bytes bytes(sizeof(preamble) + header.size() + payload);
  std::ranges::copy(preamble, bytes.begin());
  std::ranges::copy(header, bytes.begin() + sizeof(preamble));
  return bytes;
}

TEST(Npy, AcceptsEveryOrderAndQuote) {
  const auto array = decode_npy(npy("{\"shape\":(3,),'fortran_order':False,'descr':'|u1'}", 3), "a.npy");
  EXPECT_EQ(array.shape, Shape{3});
}

TEST(Npy, ChecksTheHeaderStrictly) {
  const struct {
    const char *shape, *expected;
    size_t payload;
  } shapes[] = {
      {"(2, 3)", "found 23 bytes of elements, expected 24", 23},
      {"(2, 3)", "found 25 bytes", 25},
      {"(9223372036854775807, 4)", "below 2^63", 8},
      {"(99999999999999999999,)", "extent", 8},
      {"(-1, 4)", "extent", 4},
      {"(4)", "','", 16},
      {"(1,1,1,1,1,1,1,1,1)", "at most 8", 4},
      {"(2 3)", "','", 24},
      {"(2,", "extent", 8},
      {"2", "'('", 8},
  };
  for (const auto& [shape, expected, payload] : shapes) {
    const std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': " + std::string(shape) + ", }";
    expect_error([&] { decode_npy(npy(header, payload), "a.npy"); }, ExitCode::corrupt_data,
                 {"a.npy: byte ", expected});
  }
  for (const char* header :
       {"", "{", "{}", "{'descr': '<f4'}", "{'descr': '<f4', 'descr': '<f4', 'shape': (), 'fortran_order': False}",
        "{'descr': '<f4', 'fortran_order': Maybe, 'shape': ()}", "{'descr', '<f4'}", "{'descr: 1}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': ()} x", "{'descr': '<f4' 'shape': ()}", "{'os': '<f4'}",
        "{'descr': __import__('os')}"})
    expect_error([&] { decode_npy(npy(header, 4), "a.npy"); }, ExitCode::corrupt_data, {"a.npy: byte "});
  Bytes bytes = read_file(golden("f32_2x3.npy"));
  bytes[6] = 2;
  expect_error([&] { decode_npy(bytes, "a.npy"); }, ExitCode::corrupt_data, {"byte 6", "version 2.0", "1.0"});
  bytes[6] = 1, bytes[9] = 0xff;
  expect_error([&] { decode_npy(bytes, "a.npy"); }, ExitCode::corrupt_data, {"byte 8", "65398"});
  expect_error([&] { decode_npy({}, "a.npy"); }, ExitCode::corrupt_data, {"0 bytes", "NUMPY"});
  bytes = read_file(golden("bool_4.npy"));
  bytes.back() = 2;
  expect_error([&] { decode_npy(bytes, "a.npy"); }, ExitCode::corrupt_data, {"byte 131", "boolean 2"});
}

TEST(Npy, SurvivesDamage) {
  const Bytes original = read_file(golden("f32_2x3.npy"));
  EXPECT_GT(damage(original, 500, [](const Bytes& bytes) { decode_npy(bytes, "a.npy"); }), 250);
}

TEST(Npz, Crc32IsTheStandardOne) {
  const std::string digits = "123456789";
  EXPECT_EQ(crc::data::crc32({reinterpret_cast<const uint8_t*>(digits.data()), 9}), 0xCBF43926u);
}

// The bytes of this archive were loaded with numpy.load and checked with zipfile's testzip when the hash was written
// down.
TEST(Npz, GoldenBytes) {
  NpzWriter npz;
  const std::vector<float> scores{0.5f, -1, 2};
  const std::vector<int64_t> ids{3, 1, 4, 1, 5, 9}, shape2{2, 3}, shape1{3};
  npz.add<float>("scores", scores, shape1);
  npz.add<int64_t>("groups", ids, shape2);
  Fingerprint hash;
  hash.add(npz.finish());
  EXPECT_EQ(hash.hex(), "96fb86d6ac4d03ed");
  const TempDir dir;
  npz.write(dir / "a.npz");
  EXPECT_EQ(read_file(dir / "a.npz"), npz.finish());
  expect_error([&] { npz.add<float>("scores", scores, shape1); }, ExitCode::internal, {"scores", "twice"});
}

}  // namespace
}  // namespace crc::test
