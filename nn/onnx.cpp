#include "nn/onnx.h"

#include <bit>
#include <cmath>
#include <cstring>

namespace crc::nn {
namespace {

// protobuf's wire format, of what onnx.proto3 needs: numbers, floats, and bytes of a length.
class Message {
 public:
  Message& number(int field, int64_t value) {
    varint(uint64_t(field) << 3);
    varint(uint64_t(value));
    return *this;
  }
  Message& real(int field, float value) {
    varint(uint64_t(field) << 3 | 5);
    const auto bits = std::bit_cast<uint32_t>(value);
    for (int k = 0; k < 4; ++k) bytes_ += char(bits >> (8 * k));
    return *this;
  }
  Message& bytes(int field, std::string_view value) {
    varint(uint64_t(field) << 3 | 2);
    varint(value.size());
    bytes_ += value;
    return *this;
  }
  Message& message(int field, const Message& value) { return bytes(field, value.bytes_); }
  const std::string& str() const { return bytes_; }

 private:
  void varint(uint64_t value) {
    for (; value >= 128; value >>= 7) bytes_ += char(value | 128);
    bytes_ += char(value);
  }
  std::string bytes_;
};

// Numbers of onnx.proto3: its fields are named beside their use.
enum ElementType : int64_t { kFloat = 1, kUint8 = 2, kInt64 = 7, kDouble = 11 };
enum AttributeType : int64_t { kReal = 1, kWhole = 2, kWholes = 7 };
constexpr int64_t kIrVersion = 7, kOpset = 13;
constexpr size_t kMostBytes = (size_t(1) << 31) - 1;

Message attribute(const char* name, float value) {
  return Message().bytes(1, name).real(2, value).number(20, kReal);  // name, f, type
}
Message attribute(const char* name, int64_t value) {
  return Message().bytes(1, name).number(3, value).number(20, kWhole);  // name, i, type
}
Message attribute(const char* name, const std::vector<int64_t>& values) {
  Message message;
  message.bytes(1, name);
  for (const int64_t value : values) message.number(8, value);  // ints
  return message.number(20, kWholes);
}

// A name of input or output, with its type; an extent 0 is free, under the name of its place in `free`.
Message value_info(const std::string& name, ElementType type, const std::vector<int64_t>& shape,
                   const std::vector<const char*>& free) {
  Message extents;
  for (size_t d = 0; d < shape.size(); ++d)
    extents.message(1, shape[d] > 0 ? Message().number(1, shape[d]) : Message().bytes(2, free[d]));  // dim
  const Message tensor = Message().number(1, type).message(2, extents);                              // elem_type, shape
  return Message().bytes(1, name).message(2, Message().message(1, tensor));                          // name, type
}

class Graph {
 public:
  Graph(const Net& net, const TensorFile& weights, const OnnxInput& input)
      : net_(net), weights_(weights), input_(input) {}

  Message build() {
    const Program program = net_.program();
    const std::vector<Instruction>& all = program.instructions;
    last_ = int(all.size());
    features_ = all.back().input;
    input(all.front().kind == Instruction::Kind::conv);
    for (int k = 0; k < last_; ++k) add(all[size_t(k)], name_of(k + 1));
    const bool rows = input_.features > 0;
    graph_
        .bytes(2, "crc")  // name
        .bytes(10, rows ? "rows: as in the file of embeddings; logits: before softmax"
                        : "images: RGB, 0 to 255, as decoded; logits: before softmax");  // doc_string
    if (rows)
      graph_.message(11, value_info("rows", kFloat, {0, input_.features}, {"N", "D"}));  // input
    else
      graph_.message(11, value_info("images", kUint8, {0, input_.height, input_.width, 3}, {"N", "H", "W", "C"}));
    graph_.message(12, value_info("logits", kFloat, {0, net_.classes()}, {"N", "C"}));  // output
    graph_.message(12, value_info("features", kFloat, {0, net_.feature_dim()}, {"N", "D"}));
    return graph_;
  }

 private:
  std::string name_of(int value) const {
    return value == last_ ? "logits" : value == features_ ? "features" : "value" + std::to_string(value);
  }
  void node(const char* op, const std::vector<std::string>& inputs, const std::string& output,
            const std::vector<Message>& attributes = {}) {
    Message node;
    for (const std::string& input : inputs) node.bytes(1, input);
    node.bytes(2, output).bytes(3, output).bytes(4, op);  // output, name, op_type
    for (const Message& attribute : attributes) node.message(5, attribute);
    graph_.message(1, node);
  }
  std::string constant(const std::string& name, ElementType type, const std::vector<int64_t>& shape,
                       std::string_view bytes) {
    Message tensor;
    for (const int64_t extent : shape) tensor.number(1, extent);               // dims
    graph_.message(5, tensor.number(2, type).bytes(8, name).bytes(9, bytes));  // data_type, name, raw_data; initializer
    return name;
  }
  template <class T> std::string constant(const std::string& name, ElementType type, const std::vector<T>& values) {
    return constant(name, type, {int64_t(values.size())},
                    {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)});
  }
  std::string weight(const std::string& name) {
    const TensorEntry& tensor = weights_.at(name, "the network");
    return constant(name, kFloat, tensor.shape, tensor.bytes);
  }
  std::string parameter(int index) { return weight(net_.layout().params()[size_t(index)].name); }

  // Makes value 0 of what the file is given: [N,3,H,W] for convolutions, else [N,D].
  void input(bool channels_first) {
    if (input_.features > 0) return rows();
    node("Cast", {"images"}, "pixels", {attribute("to", int64_t(kFloat))});
    node("Div", {"pixels", constant<float>("255", kFloat, {255})}, "shares");
    const NormalizeConfig& n = input_.normalize;
    node("Sub", {"shares", constant<float>("mean", kFloat, {n.mean[0], n.mean[1], n.mean[2]})}, "centered");
    node("Div", {"centered", constant<float>("std", kFloat, {n.std[0], n.std[1], n.std[2]})}, "normalized");
    if (channels_first)
      node("Transpose", {"normalized"}, name_of(0), {attribute("perm", std::vector<int64_t>{0, 3, 1, 2})});
    else
      node("Flatten", {"normalized"}, name_of(0), {attribute("axis", int64_t(1))});
  }
  void rows() {
    if (input_.mean.empty() && !input_.unit) return node("Identity", {"rows"}, name_of(0));
    node("Cast", {"rows"}, "wide", {attribute("to", int64_t(kDouble))});
    if (input_.unit) {
      node("ReduceL2", {"wide"}, "length", {attribute("axes", std::vector<int64_t>{1})});
      node("Max", {"length", constant<double>("least", kDouble, {1e-300})}, "divisor");
      node("Div", {"wide", "divisor"}, "units");
      node("Mul", {"units", constant<double>("root", kDouble, {std::sqrt(double(input_.features))})}, "scaled");
    } else {
      node("Sub", {"wide", constant("mean", kDouble, input_.mean)}, "centered");
      node("Mul", {"centered", constant("factor", kDouble, input_.factor)}, "scaled");
    }
    node("Cast", {"scaled"}, name_of(0), {attribute("to", int64_t(kFloat))});
  }

  void add(const Instruction& i, const std::string& out) {
    const std::string in = name_of(i.input);
    switch (i.kind) {
      case Instruction::Kind::conv: {
        std::vector<std::string> inputs{in, parameter(i.weight)};
        if (i.bias >= 0) inputs.push_back(parameter(i.bias));
        const std::vector<int64_t> pads(4, i.kernel / 2);
        return node("Conv", inputs, out,
                    {attribute("kernel_shape", {i.kernel, i.kernel}), attribute("pads", pads),
                     attribute("strides", {i.stride, i.stride})});
      }
      case Instruction::Kind::norm_act: {
        const std::string& layer = net_.layout().running()[size_t(i.running)].name;
        node("BatchNormalization",
             {in, parameter(i.weight), shifted(i), weight(layer + ".running_mean"), weight(layer + ".running_var")},
             out + " before", {attribute("epsilon", i.norm.eps)});
        return node("LeakyRelu", {out + " before"}, out, {attribute("alpha", i.norm.slope)});
      }
      case Instruction::Kind::leaky_relu:
        return node("LeakyRelu", {in}, out, {attribute("alpha", i.norm.slope)});
      case Instruction::Kind::add:
        return node("Add", {in, name_of(i.other)}, out);
      case Instruction::Kind::pool:
        node("GlobalAveragePool", {in}, out + " image");
        return node("Flatten", {out + " image"}, out, {attribute("axis", int64_t(1))});
      case Instruction::Kind::linear:
        return node("Gemm", {in, parameter(i.weight), parameter(i.bias)}, out, {attribute("transB", int64_t(1))});
    }
  }
  // Batch norm's shift; model.bn_offset is part of it.
  std::string shifted(const Instruction& i) {
    if (i.norm.offset == 0) return parameter(i.bias);
    const std::string& name = net_.layout().params()[size_t(i.bias)].name;
    std::vector<float> values = weights_.at(name, "the network").values<float>();
    for (float& value : values) value += i.norm.offset;
    return constant(name, kFloat, values);
  }

  const Net& net_;
  const TensorFile& weights_;
  const OnnxInput& input_;
  int last_ = 0, features_ = 0;
  Message graph_;
};

}  // namespace

std::string encode_onnx(const Net& net, const TensorFile& weights, const OnnxInput& input,
                        const std::map<std::string, std::string>& metadata) {
  size_t bytes = 0;
  for (const TensorEntry& tensor : weights.tensors) bytes += tensor.bytes.size();
  if (bytes > kMostBytes / 100 * 99)
    fail(ExitCode::usage, "ONNX files hold at most 2 GiB, and this network has " + std::to_string(bytes) +
                              " bytes of weights; use safetensors (docs/weights.md)");
  Message model;
  model.number(1, kIrVersion).bytes(2, "crc_train");           // ir_version, producer_name
  model.message(7, Graph(net, weights, input).build());        // graph
  model.message(8, Message().bytes(1, "").number(2, kOpset));  // opset_import: domain, version
  for (const auto& [key, value] : metadata)
    model.message(14, Message().bytes(1, key).bytes(2, value));  // metadata_props: key, value
  return model.str();
}

}  // namespace crc::nn
