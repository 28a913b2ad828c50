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

inline nn::TensorFile sorted_by_name(nn::TensorFile file) {
  std::sort(file.tensors.begin(), file.tensors.end(), [](auto& a, auto& b) { return a.name < b.name; });
  return file;
}

// Weights as make_wrn.py's fill(): the stream of a tensor is `first` plus its place among all sorted names; `head`
// scales fc.weight.
inline nn::TensorFile hashed_weights(Context& context, const nn::ParamLayout& layout, const nn::Weights& weights,
                                     size_t first = 0, double head = 1) {
  nn::TensorFile file = sorted_by_name(nn::export_weights(context, layout, weights, nn::Names::kekmodel));
  for (size_t place = 0; place < file.tensors.size(); ++place) {
    const size_t stream = first + place;
    nn::TensorEntry& t = file.tensors[place];
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
        v[i] = float(head * std::sqrt(6.0 / double(s[0] + s[1]))) * u;
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

// Every f32 tensor of `file` against the golden summaries named prefix + its name; how many there were. A projection's
// error is judged against the norm: that is what an error of the tensor contributes. The gradient of a batch norm's
// shift is a sum that nearly cancels (the next batch norm removes most of it), so its scale is the whole layer's.
inline int expect_summaries(const nn::TensorFile& file, const nn::TensorFile& golden, const std::string& prefix) {
  int compared = 0;
  for (const nn::TensorEntry& t : file.tensors) {
    const nn::TensorEntry* g = golden.find(prefix + t.name);
    if (!g) continue;
    const auto actual = summary(t.values<float>());
    const auto expected = g->values<double>();
    double scale = std::max(expected[0], 1e-6);
    if (t.name.find("bn") != std::string::npos && t.name.ends_with(".bias"))
      if (const auto* w = golden.find(prefix + t.name.substr(0, t.name.size() - 4) + "weight"))
        scale = std::max(scale, w->values<double>()[0]);
    for (int k = 0; k < 4; ++k)
      EXPECT_NEAR(actual[k], expected[k], tolerance(Class::network, Dtype::f32) * scale)
          << g->name << " component " << k;
    ++compared;
  }
  return compared;
}

inline nn::TensorFile read_golden(const std::string& name) {
  const std::string path = CRC_SOURCE_DIR "/tests/golden/" + name;
  return nn::decode_safetensors(read_bytes(path), path);
}
inline const nn::TensorFile& wrn_golden() {
  static const nn::TensorFile file = read_golden("wrn.safetensors");
  return file;
}
inline const nn::TensorFile& ssl_golden() {
  static const nn::TensorFile file = read_golden("ssl.safetensors");
  return file;
}

// make_ssl.py's row(): norm and one projection.
inline std::array<double, 2> norm_and_projection(const std::vector<float>& v) {
  double squares = 0, projection = 0;
  for (size_t i = 0; i < v.size(); ++i) {
    squares += double(v[i]) * v[i];
    projection += double(v[i]) * hashed(uint32_t(i), 900);
  }
  return {std::sqrt(squares), projection};
}

// Every f32 tensor of `file`, in the order of names, against the rows of the golden array `name`; judged as
// expect_summaries does. Only the tensors of a layout with `parameters_only`: no running statistics.
inline void expect_rows(nn::TensorFile file, const std::string& name, bool parameters_only) {
  const std::vector<float> golden = ssl_golden().at(name, "golden").values<float>();
  file = sorted_by_name(std::move(file));
  std::erase_if(file.tensors, [&](const nn::TensorEntry& t) {
    return t.dtype != Dtype::f32 || (parameters_only && t.name.find("running_") != std::string::npos);
  });
  ASSERT_EQ(golden.size(), 2 * file.tensors.size()) << name;
  for (size_t i = 0; i < file.tensors.size(); ++i) {
    const nn::TensorEntry& t = file.tensors[i];
    double scale = std::max(double(golden[2 * i]), 1e-6);
    const bool before_norm = t.name.find("conv") != std::string::npos;  // the norm takes the bias off: no gradient
    if ((before_norm || t.name.find("bn") != std::string::npos) && t.name.ends_with(".bias"))
      for (size_t k = i; k < file.tensors.size() && k < i + 4; ++k)
        if (file.tensors[k].name == t.name.substr(0, t.name.size() - 4) + "weight")
          scale = std::max(scale, double(golden[2 * k]));
    const auto actual = norm_and_projection(t.values<float>());
    for (int k = 0; k < 2; ++k)
      EXPECT_NEAR(actual[k], golden[2 * i + k], tolerance(Class::network, Dtype::f32) * scale)
          << name << " " << t.name << " component " << k;
  }
}

}  // namespace crc::test
