// The integer hash of tests/golden/make_wrn.py: weights and inputs of the golden files, without storing them.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "nn/net.h"
#include "nn/weights_io.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {

inline uint32_t mix(uint32_t x) {
  x = (x ^ (x >> 16)) * 0x7feb352du;
  x = (x ^ (x >> 15)) * 0x846ca68bu;
  return x ^ (x >> 16);
}
inline float hashed(uint32_t i, uint32_t stream) {
  return float(double(mix(mix(i) + stream * 0x9e3779b9u) >> 8) * 0x1p-23 - 1.0);
}

inline std::string read_bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in.good()) << path;
  std::stringstream s;
  s << in.rdbuf();
  return s.str();
}

// Weights as make_wrn.py's fill(): the stream of a tensor is its place among all sorted names.
inline nn::TensorFile hashed_weights(Context& context, const nn::ParamLayout& layout, const nn::Weights& weights) {
  nn::TensorFile file = nn::export_weights(context, layout, weights, nn::Names::kekmodel);
  std::sort(file.tensors.begin(), file.tensors.end(), [](auto& a, auto& b) { return a.name < b.name; });
  for (size_t stream = 0; stream < file.tensors.size(); ++stream) {
    nn::TensorEntry& t = file.tensors[stream];
    if (t.dtype != Dtype::f32) continue;
    std::vector<float> v = t.values<float>();
    const auto& s = t.shape;
    const bool around_one =
        t.name.ends_with("running_var") || (t.name.find("bn") != std::string::npos && t.name.ends_with("weight"));
    for (size_t i = 0; i < v.size(); ++i) {
      const float u = hashed(uint32_t(i), uint32_t(stream));
      if (s.size() == 4)
        v[i] = float(std::sqrt(6.0 / double(s[0] * s[2] * s[3]))) * u;
      else if (s.size() == 2)
        v[i] = float(std::sqrt(6.0 / double(s[0] + s[1]))) * u;
      else
        v[i] = around_one ? 1.0f + 0.25f * u : 0.1f * u;
    }
    t.bytes.assign(reinterpret_cast<const char*>(v.data()), v.size() * sizeof(float));
  }
  return file;
}

// Fills an input as make_wrn.py's images(): [N,H,W,3] in [-2, 2).
inline void hashed_images(Context& context, View<float, 4> x, uint32_t stream) {
  std::vector<float> v(x.size());
  for (size_t i = 0; i < v.size(); ++i) v[i] = hashed(uint32_t(i), stream) * 2;
  context.copy_in(x, v.data());
}

// Norm and three projections of a tensor in PyTorch's layout.
inline std::array<double, 4> summary(const std::vector<float>& v) {
  std::array<double, 4> s{};
  for (size_t i = 0; i < v.size(); ++i) {
    s[0] += double(v[i]) * v[i];
    for (uint32_t k = 0; k < 3; ++k) s[1 + k] += double(v[i]) * hashed(uint32_t(i), 900 + k);
  }
  s[0] = std::sqrt(s[0]);
  return s;
}

// A projection's error is judged against the norm: that is what an error of the tensor contributes.
inline void expect_summary(const std::vector<float>& values, const nn::TensorEntry& expected) {
  const auto actual = summary(values);
  const auto reference = expected.values<double>();
  const double bound = tolerance(Class::network, Dtype::f32) * std::max(reference[0], 1e-6);
  for (int k = 0; k < 4; ++k) EXPECT_NEAR(actual[k], reference[k], bound) << expected.name << " component " << k;
}

// Every f32 tensor of `file` against the golden summaries named prefix + its name; how many there were.
inline int expect_summaries(const nn::TensorFile& file, const nn::TensorFile& golden, const std::string& prefix) {
  int compared = 0;
  for (const nn::TensorEntry& t : file.tensors)
    if (const nn::TensorEntry* g = golden.find(prefix + t.name)) {
      expect_summary(t.values<float>(), *g);
      ++compared;
    }
  return compared;
}

inline const nn::TensorFile& wrn_golden() {
  static const std::string path = CRC_SOURCE_DIR "/tests/golden/wrn.safetensors";
  static const nn::TensorFile file = nn::decode_safetensors(read_bytes(path), path);
  return file;
}

}  // namespace crc::test
