// Embeddings as a data set: files, labels, scaling, and what is refused.
#include <cmath>
#include <limits>

#include "data/npy.h"
#include "tests/data/fixture.h"

namespace crc::test {
namespace {

class Embeddings : public ::testing::Test {
 protected:
  void rows(const std::string& name, int64_t n, int64_t d, float offset = 0) {
    std::vector<float> values;
    for (int64_t i = 0; i < n * d; ++i) values.push_back(float((i * 37 + 11) % 101) / 50 + offset);
    put(name, values, {n, d});
  }
  template <class T> void put(const std::string& name, const std::vector<T>& values, std::vector<int64_t> shape) {
    write_file(folder / name, data::encode_npy<T>(std::span<const T>(values), shape));
  }
  data::Dataset load(std::map<std::string, std::string> options = {}) const {
    return data::load({"embeddings", folder.path(), std::move(options)});
  }
  void refuse(std::map<std::string, std::string> options, ExitCode code, const std::vector<std::string>& parts) const {
    expect_error([&] { (void)load(std::move(options)); }, code, parts);
  }
  TempDir folder;
};

TEST_F(Embeddings, ReadsTheFolder) {
  rows("train.npy", 6, 4);
  rows("test.npy", 3, 4, 1);
  put<int32_t>("train_labels.npy", {0, 1, -1, 2, 0, 1}, {6});
  put<int64_t>("test_labels.npy", {2, 3, 0}, {3});
  const data::Dataset set = load({{"scaling", "none"}});
  EXPECT_TRUE(set.train.embedded());
  EXPECT_EQ(set.train.features, 4);
  EXPECT_EQ(set.train.labels, (std::vector<int32_t>{0, 1, -1, 2, 0, 1}));
  EXPECT_EQ(set.test.labels, (std::vector<int32_t>{2, 3, 0}));
  EXPECT_EQ(set.class_names, (std::vector<std::string>{"0", "1", "2", "3"}));
  EXPECT_FLOAT_EQ(set.train.views[0][1], 0.96f);
  EXPECT_NE(load().fingerprint, set.fingerprint);
  rows("v.npy", 6, 4, 2);
  EXPECT_EQ(load({{"view2", "v.npy"}}).train.views.size(), 2u);
}

TEST_F(Embeddings, TakesNamesAndItemsOfTables) {
  rows("H.npy", 4, 2);
  write_file(folder / "y.csv", "item,label\n2,dog\n0,cat\n");
  const data::Dataset set = load({{"features", "H.npy"}, {"labels", "y.csv"}});
  EXPECT_EQ(set.train.labels, (std::vector<int32_t>{0, -1, 1, -1}));
  EXPECT_EQ(set.class_names, (std::vector<std::string>{"cat", "dog"}));
  write_file(folder / "n.csv", "label\n10\n\n3\n9\n-1\n");
  refuse({{"features", "H.npy"}, {"labels", "n.csv"}, {"classes", "10"}}, ExitCode::corrupt_data,
         {"n.csv", "row 0", "\"10\"", "0 to 9"});
  EXPECT_EQ(load({{"features", "H.npy"}, {"labels", "n.csv"}}).train.labels, (std::vector<int32_t>{10, 3, 9, -1}));
}

TEST_F(Embeddings, AreScaledByTheTrainingRows) {
  rows("train.npy", 50, 3);
  rows("test.npy", 2, 3, 5);
  const auto moments = [](const data::Images& images) {
    double mean = 0, square = 0;
    for (const float v : images.views[0]) mean += v, square += double(v) * v;
    const double n = double(images.views[0].size());
    return std::pair(mean / n, square / n);
  };
  for (const char* scaling : {"center", "standard"}) {
    const data::Dataset set = load({{"classes", "2"}, {"scaling", scaling}});
    EXPECT_NEAR(moments(set.train).first, 0, 1e-6);
    EXPECT_NEAR(moments(set.train).second, 1, 1e-6);
    EXPECT_GT(moments(set.test).first, 3);
  }
  const data::Dataset unit = load({{"classes", "2"}, {"scaling", "unit"}});
  for (int64_t i = 0; i < 50; ++i) {
    double squares = 0;
    for (int64_t d = 0; d < 3; ++d) squares += std::pow(unit.train.views[0][size_t(i * 3 + d)], 2);
    EXPECT_NEAR(squares, 3, 1e-5);
  }
}

TEST_F(Embeddings, MoveWithTheHeldOutItems) {
  rows("train.npy", 6, 2);
  put<int32_t>("train_labels.npy", {0, 0, 0, 1, 1, 1}, {6});
  const data::Dataset before = load({{"scaling", "none"}});
  data::Dataset set = before;
  data::hold_out_labeled(set, 2, 1);
  ASSERT_EQ(set.train.views[0].size(), 8u);
  ASSERT_EQ(set.validation.views[0].size(), 4u);
  std::vector<float> all = set.train.views[0];
  all.insert(all.end(), set.validation.views[0].begin(), set.validation.views[0].end());
  std::vector<float> expected = before.train.views[0];
  std::ranges::sort(all), std::ranges::sort(expected);
  EXPECT_EQ(all, expected);
}

TEST_F(Embeddings, RefusesWhatDoesNotFit) {
  refuse({}, ExitCode::input_missing, {"holds none of its files", "train.npy", "data.features"});
  refuse({{"features", "H.npy"}}, ExitCode::config, {"data.classes"});
  refuse({{"features", "H.npy"}, {"classes", "2"}}, ExitCode::input_missing, {"H.npy"});
  rows("train.npy", 4, 3);
  refuse({}, ExitCode::config, {"number of classes"});
  put<int32_t>("train_labels.npy", {-1, -1, -1, -1}, {4});
  refuse({}, ExitCode::config, {"number of classes"});
  put<int32_t>("train_labels.npy", {0, 1, 1}, {3});
  refuse({}, ExitCode::corrupt_data, {"train_labels.npy", "[3]", "[4]"});
  put<int32_t>("train_labels.npy", {0, 1, -2, 1}, {4});
  refuse({}, ExitCode::corrupt_data, {"row 2", "\"-2\""});
  put<float>("train_labels.npy", {0, 1, 0, 1}, {4});
  refuse({}, ExitCode::corrupt_data, {"one integer per row"});
  put<int32_t>("train_labels.npy", {0, 1, 0, 1}, {4});
  rows("test.npy", 2, 5);
  refuse({}, ExitCode::corrupt_data, {"test.npy is [2,5]", "widths must agree"});
  rows("test.npy", 2, 3);
  rows("v.npy", 3, 3);
  refuse({{"view2", "v.npy"}}, ExitCode::corrupt_data, {"v.npy is [3,3]", "rows must agree"});
  put<float>("train.npy", {0, 1, 2, std::numeric_limits<float>::quiet_NaN(), 1, 1}, {2, 3});
  refuse({}, ExitCode::corrupt_data, {"train.npy", "feature 0 of row 1 is nan"});
  put<double>("train.npy", {0, 1e300}, {1, 2});
  refuse({}, ExitCode::corrupt_data, {"feature 1 of row 0 is inf"});
  put<int32_t>("train.npy", {0, 1}, {1, 2});
  refuse({}, ExitCode::corrupt_data, {"fp16, fp32 or fp64"});
}

}  // namespace
}  // namespace crc::test
