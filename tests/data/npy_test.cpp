#include "data/npy.h"

#include <gmock/gmock.h>

#include <cmath>

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

// A file with this header text and payload.
Bytes npy(const std::string& header, std::span<const uint8_t> payload, uint8_t version = 1) {
  Bytes bytes{0x93, 'N', 'U', 'M', 'P', 'Y', version, 0, uint8_t(header.size()), uint8_t(header.size() >> 8)};
  if (version > 1) bytes.insert(bytes.end(), 2, 0);
  bytes.insert(bytes.end(), header.begin(), header.end());
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  return bytes;
}
Bytes npy(const std::string& header, size_t payload) { return npy(header, Bytes(payload)); }

std::string header(const std::string& descr, const std::string& order, const std::string& shape) {
  return "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }\n";
}

template <class T> Bytes bytes_of(const std::vector<T>& elements) {
  const auto* first = reinterpret_cast<const uint8_t*>(elements.data());
  return {first, first + elements.size() * sizeof(T)};
}

template <class T> std::vector<T> rows(const NpyArray& array, int64_t begin, int64_t end) {
  std::vector<T> out(size_t((end - begin) * (array.shape.size() > 1 ? array.shape[1] : 1)));
  array.read_rows(begin, end, out.data());
  return out;
}

TEST(Npy, FortranOrderIsReadAsCOrder) {
  const NpyArray array = read_npy(golden("fortran.npy"));
  EXPECT_TRUE(array.fortran_order);
  EXPECT_EQ(rows<float>(array, 0, 2), (std::vector<float>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(rows<double>(array, 1, 2), (std::vector<double>{3, 4, 5}));
  EXPECT_FALSE(array.in_place<float>());
  expect_error([&] { array.as<float>(); }, ExitCode::config, {"Fortran order", "ascontiguousarray"});
  // More rows than are gathered at a time, and not a multiple.
  const int64_t n = 200, width = 3;
  std::vector<double> columns(size_t(n * width)), expected(size_t(n * width));
  for (int64_t i = 0; i < n; ++i)
    for (int64_t d = 0; d < width; ++d) columns[size_t(d * n + i)] = expected[size_t(i * width + d)] = i + 0.001 * d;
  const NpyArray large = decode_npy(npy(header("<f8", "True", "(200, 3)"), bytes_of(columns)), "a.npy");
  EXPECT_EQ(rows<double>(large, 0, n), expected);
  EXPECT_EQ(rows<double>(large, 70, 199), std::vector<double>(expected.begin() + 210, expected.begin() + 597));
}

TEST(Npy, HalvesAreConvertedExactly) {
  EXPECT_EQ(rows<float>(read_npy(golden("f16.npy")), 0, 3), (std::vector<float>{0, 1, 2}));
  const std::vector<uint16_t> bits{0x3c00, 0xc000, 0x0001, 0x03ff, 0x0400, 0x7bff, 0x7c00, 0xfc00, 0x8000, 0x3555};
  const NpyArray array = decode_npy(npy(header("<f2", "False", "(10,)"), bytes_of(bits)), "a.npy");
  const auto values = rows<double>(array, 0, 10);
  const double expected[] = {1, -2, 0x1p-24, 0x1.ff8p-15, 0x1p-14, 65504.0, INFINITY, -INFINITY, 0, 0.333251953125};
  for (size_t i = 0; i < 10; ++i) EXPECT_EQ(values[i], expected[i]) << i;
  EXPECT_TRUE(std::signbit(values[8]));
  const NpyArray nan = decode_npy(npy(header("<f2", "False", "(1,)"), Bytes{0x01, 0x7e}), "a.npy");
  EXPECT_TRUE(std::isnan(rows<float>(nan, 0, 1)[0]));
}

TEST(Npy, Bf16IsTheUpperHalfOfFloat32) {
  const std::vector<uint16_t> bits{0x3f80, 0xc000, 0x0001, 0x7f7f, 0x7f80, 0x8000, 0x3eab};
  NpyArray array = decode_npy(npy(header("<u2", "False", "(7,)"), bytes_of(bits)), "a.npy");
  EXPECT_EQ(rows<int64_t>(array, 0, 1)[0], 0x3f80);  // until it is said
  array.read_as_bf16();
  EXPECT_TRUE(is_float(array.type));
  EXPECT_EQ(array.describe(), "[7] <u2 as bf16");
  const auto values = rows<float>(array, 0, 7);
  const float expected[] = {1, -2, 0x1p-133f, 0x1.fep127f, INFINITY, 0, 0x1.56p-2f};
  for (size_t i = 0; i < 7; ++i) EXPECT_EQ(values[i], expected[i]) << i;
  EXPECT_TRUE(std::signbit(values[5]));
  EXPECT_FALSE(array.in_place<float>());
  expect_error([&] { decode_npy(npy(header("<u2 as bf16", "False", "(7,)"), bytes_of(bits)), "a.npy"); },
               ExitCode::corrupt_data, {"not known here"});
  expect_error([&] { decode_npy(npy(header("|V2", "False", "(7,)"), bytes_of(bits)), "a.npy"); },
               ExitCode::corrupt_data, {"raw bytes", "bf16 as array.view(\"<u2\")"});
}

TEST(Npy, IntegersOfAllWidthsAreItemNumbers) {
  const auto numbers = [](const char* descr, const Bytes& payload) {
    return rows<int64_t>(decode_npy(npy(header(descr, "False", "(2,)"), payload), "a.npy"), 0, 2);
  };
  const std::vector<int64_t> expected{7, -3};
  EXPECT_EQ(numbers("|i1", bytes_of<int8_t>({7, -3})), expected);
  EXPECT_EQ(numbers("<i2", bytes_of<int16_t>({7, -3})), expected);
  EXPECT_EQ(numbers("<i4", bytes_of<int32_t>({7, -3})), expected);
  EXPECT_EQ(numbers("<i8", bytes_of<int64_t>({7, -3})), expected);
  EXPECT_EQ(numbers("|u1", bytes_of<uint8_t>({7, 255})), (std::vector<int64_t>{7, 255}));
  EXPECT_EQ(numbers("<u2", bytes_of<uint16_t>({7, 65535})), (std::vector<int64_t>{7, 65535}));
  EXPECT_EQ(numbers("<u4", bytes_of<uint32_t>({7, 1u << 31})), (std::vector<int64_t>{7, 1ll << 31}));
  EXPECT_EQ(numbers("<u8", bytes_of<uint64_t>({7, 1ull << 63})), (std::vector<int64_t>{7, INT64_MAX}));
}

TEST(Npy, ElementsAreUsedWhereTheyStand) {
  const TempDir dir;
  const std::vector<float> elements{1, 2, 3, 4};
  write_file(dir / "a.npy", encode_npy<float>(elements, Shape{2, 2}));
  const NpyArray array = read_npy(dir / "a.npy");
  ASSERT_TRUE(array.in_place<float>());
  EXPECT_EQ(static_cast<const void*>(array.in_place<float>()->data()), array.bytes.data());
  EXPECT_FALSE(array.in_place<double>());
  const NpyArray copy = array;  // keeps the file mapped
  std::filesystem::remove(dir / "a.npy");
  EXPECT_EQ(values<float>(copy), elements);
  // Elements that do not begin at a multiple of their size can only be converted.
  std::string odd = header("<f8", "False", "(1,)");
  odd.resize(117, ' ');
  write_file(dir / "odd.npy", npy(odd, bytes_of<double>({5})));
  const NpyArray misaligned = read_npy(dir / "odd.npy");
  EXPECT_FALSE(misaligned.in_place<double>());
  EXPECT_EQ(rows<double>(misaligned, 0, 1), std::vector<double>{5});
}

TEST(Npy, ReadsAllVersions) {
  for (const uint8_t version : {2, 3}) {
    const NpyArray array = decode_npy(npy(header("|u1", "False", "(2,)"), Bytes{8, 9}, version), "a.npy");
    EXPECT_EQ(values<uint8_t>(array), (std::vector<uint8_t>{8, 9})) << int(version);
  }
}

TEST(Npy, RefusesWhatItDoesNotKnow) {
  expect_error([] { read_npy(golden("big_endian.npy")); }, ExitCode::corrupt_data,
               {"big_endian.npy holds big-endian numbers (descr \">f4\")", "astype(\"<f4\")"});
  expect_error([] { read_npy(golden("f32_2x3.npy")).as<double>(); }, ExitCode::config, {"[2,3] <f4", "<f8"});
  const struct {
    const char *descr, *kind;
  } kinds[] = {{"|O", "Python objects"}, {"<U5", "text"},      {"|S3", "text"},
               {"<c8", "complex"},       {"|V2", "raw bytes"}, {"<M8[ns]", "not known"}};
  for (const auto& [descr, kind] : kinds)
    expect_error([&] { decode_npy(npy(header(descr, "False", "(3,)"), 24), "a.npy"); }, ExitCode::corrupt_data,
                 {kind, descr, "numpy.save"});
  const std::string records = "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,), }";
  expect_error([&] { decode_npy(npy(records, 12), "a.npy"); }, ExitCode::corrupt_data, {"a.npy holds records"});
  expect_error([] { decode_npy(Bytes{'P', 'K', 3, 4}, "a.npz"); }, ExitCode::corrupt_data, {"ZIP", "numpy.save("});
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
  bytes[6] = 4;
  expect_error([&] { decode_npy(bytes, "a.npy"); }, ExitCode::corrupt_data, {"byte 6", "version 4.0", "1.0"});
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
  expect_error([&] { npz.add<float>("scores", scores, shape1); }, ExitCode::internal, {"scores", "twice"});
}

}  // namespace
}  // namespace crc::test
