// What the file says, field by field. That others compute the same from it: tests/nn/export.py.
#include "nn/onnx.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>

#include "nn/init.h"
#include "nn/mlp.h"
#include "nn/weights_io.h"
#include "nn/wrn.h"

namespace crc::test {
namespace {

// A message's fields: numbers as they are, floats by their bits.
struct Field {
  uint64_t number = 0;
  std::string bytes;
};
using Fields = std::multimap<int, Field>;

uint64_t varint(std::string_view text, size_t& at) {
  uint64_t value = 0;
  for (int shift = 0;; shift += 7) {
    const auto byte = uint8_t(text.at(at++));
    value |= uint64_t(byte & 127) << shift;
    if (byte < 128) return value;
  }
}
Fields parse(std::string_view text) {
  Fields fields;
  for (size_t at = 0; at < text.size();) {
    const uint64_t tag = varint(text, at);
    Field field;
    if (tag % 8 == 0) {
      field.number = varint(text, at);
    } else if (tag % 8 == 5) {
      field.bytes = text.substr(at, 4), at += 4;
    } else {
      EXPECT_EQ(tag % 8, 2u);
      const uint64_t length = varint(text, at);
      EXPECT_LE(length, text.size() - at);
      field.bytes = text.substr(at, length), at += length;
    }
    fields.emplace(int(tag / 8), field);
  }
  return fields;
}
std::vector<Fields> all(const Fields& message, int field) {
  std::vector<Fields> found;
  for (auto [at, end] = message.equal_range(field); at != end; ++at) found.push_back(parse(at->second.bytes));
  return found;
}
std::string text(const Fields& message, int field) { return message.find(field)->second.bytes; }

nn::TensorFile weights_of(const nn::Net& net) {
  Context context = Context::cpu(1);
  const nn::WeightBuffers w(context, net.layout(), "w");
  nn::initialize(context, net.layout(), w.weights(), 3);
  return nn::export_weights(context, net.layout(), w.weights(), nn::Names::kekmodel);
}

TEST(Onnx, HoldsEveryWeightOnceAndANodeForEachInstruction) {
  const auto net = nn::make_wrn({.depth = 10, .width = 1, .classes = 3, .wiring = nn::Wiring::preact});
  const nn::TensorFile weights = weights_of(*net);
  const Fields model = parse(nn::encode_onnx(*net, weights, {.height = 16, .width = 24}, {{"crc.a", "b"}}));
  EXPECT_EQ(model.find(1)->second.number, 7u);
  EXPECT_EQ(all(model, 8).at(0).find(2)->second.number, 13u);
  EXPECT_EQ(text(all(model, 14).at(0), 1) + text(all(model, 14).at(0), 2), "crc.ab");
  const Fields graph = all(model, 7).at(0);
  std::map<std::string, int> ops;
  for (const Fields& node : all(graph, 1)) ++ops[text(node, 4)];
  // A stem, and of each unit two convolutions; the first has no shortcut of its own.
  EXPECT_EQ(ops, (std::map<std::string, int>{{"Cast", 1},
                                             {"Div", 2},
                                             {"Sub", 1},
                                             {"Transpose", 1},
                                             {"Conv", 9},
                                             {"BatchNormalization", 7},
                                             {"LeakyRelu", 7},
                                             {"Add", 3},
                                             {"GlobalAveragePool", 1},
                                             {"Flatten", 1},
                                             {"Gemm", 1}}));
  std::map<std::string, std::string> initializers;
  for (const Fields& tensor : all(graph, 5)) EXPECT_TRUE(initializers.emplace(text(tensor, 8), text(tensor, 9)).second);
  for (const nn::TensorEntry& tensor : weights.tensors)
    if (!tensor.name.ends_with("num_batches_tracked")) {
      EXPECT_EQ(initializers[tensor.name], tensor.bytes) << tensor.name;
    }
  EXPECT_EQ(text(all(graph, 11).at(0), 1), "images");
  EXPECT_EQ(text(all(graph, 12).at(0), 1), "logits");
  EXPECT_EQ(text(all(graph, 12).at(1), 1), "features");
}

TEST(Onnx, RowsAreScaledInTheGraph) {
  const auto net = nn::make_mlp({.inputs = 4, .hidden = {8}, .classes = 3, .slope = 0.1f});
  const nn::TensorFile weights = weights_of(*net);
  const auto ops = [&](const nn::OnnxInput& input) {
    std::string ops;
    for (const Fields& node : all(all(parse(nn::encode_onnx(*net, weights, input, {})), 7).at(0), 1))
      ops += text(node, 4) + " ";
    return ops;
  };
  const std::string network = "Gemm LeakyRelu Gemm ";
  EXPECT_EQ(ops({.features = 4}), "Identity " + network);
  EXPECT_EQ(ops({.features = 4, .mean = {1, 2, 3, 4}, .factor = {1, 1, 1, 1}}), "Cast Sub Mul Cast " + network);
  EXPECT_EQ(ops({.features = 4, .unit = true}), "Cast ReduceL2 Max Div Mul Cast " + network);
}

}  // namespace
}  // namespace crc::test
