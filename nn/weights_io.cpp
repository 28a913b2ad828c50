#include "nn/weights_io.h"

#include <array>
#include <set>

namespace crc::nn {
namespace {

constexpr std::array<std::pair<Names, const char*>, 5> kNames = {{{Names::kekmodel, "kekmodel"},
                                                                  {Names::lee, "lee"},
                                                                  {Names::perrying, "perrying"},
                                                                  {Names::torchssl, "torchssl"},
                                                                  {Names::usb, "usb"}}};

void replace_prefix(std::string& s, const std::string& from, const std::string& to) {
  if (s.starts_with(from)) s = to + s.substr(from.size());
}

// perrying's residual unit is one Sequential: [bn, act, conv, bn, act, conv], whose first two entries are pulled out
// into pre_act in the first unit of stage 1.
std::string perrying_name(std::string name) {
  replace_prefix(name, "conv1.", "init_conv.");
  replace_prefix(name, "bn1.", "unit4.0.");
  replace_prefix(name, "fc.", "output.");
  if (!name.starts_with("block")) return name;
  const size_t layer = name.find(".layer."), dot = name.find('.', layer + 7);
  const std::string stage = name.substr(5, layer - 5), unit = name.substr(layer + 7, dot - layer - 7);
  const std::string prefix = "unit" + stage + "." + unit + ".";
  const bool first = stage == "1" && unit == "0";
  std::string rest = name.substr(dot + 1);
  replace_prefix(rest, "bn1.", first ? "pre_act.0." : "layer.0.");
  replace_prefix(rest, "conv1.", first ? "layer.0." : "layer.2.");
  replace_prefix(rest, "bn2.", first ? "layer.1." : "layer.3.");
  replace_prefix(rest, "conv2.", first ? "layer.3." : "layer.5.");
  replace_prefix(rest, "convShortcut.", "identity.");
  return prefix + rest;
}

std::string translate(std::string name, Names names) {
  if (names == Names::usb) replace_prefix(name, "fc.", "classifier.");
  return names == Names::perrying ? perrying_name(std::move(name)) : name;
}

Names recognise(const TensorFile& file, const std::string& prefix) {
  if (file.find(prefix + "init_conv.weight")) return Names::perrying;
  if (file.find(prefix + "classifier.weight")) return Names::usb;
  return Names::kekmodel;
}

// [K,R,S,C] <-> [K,C,R,S]
std::vector<float> transposed(const float* from, int64_t k, int64_t a, int64_t b) {
  std::vector<float> to(k * a * b);
  for (int64_t i = 0; i < k; ++i)
    for (int64_t x = 0; x < a; ++x)
      for (int64_t y = 0; y < b; ++y) to[(i * b + y) * a + x] = from[(i * a + x) * b + y];
  return to;
}

std::vector<int64_t> port_shape(const ParamSpec& spec) {
  const auto& s = spec.shape;
  return spec.kind == ParamKind::conv_weight ? std::vector<int64_t>{s[0], s[3], s[1], s[2]} : s;
}

std::string shape_text(const std::vector<int64_t>& shape) {
  std::string s = "[";
  for (size_t i = 0; i < shape.size(); ++i) s += (i ? "," : "") + std::to_string(shape[i]);
  return s + "]";
}

constexpr const char* kRunningParts[2] = {".running_mean", ".running_var"};

// Collects everything that is wrong with a file, so that one message tells it all.
class Importer {
 public:
  Importer(const TensorFile& file, std::string source) : file_(file), source_(std::move(source)) {
    if (!file.tensors.empty() && file.tensors[0].name.starts_with("module.")) prefix_ = "module.";
    names_ = recognise(file, prefix_);
  }

  // The values of `name` (ours), empty if there is something wrong with them.
  std::vector<float> take(const std::string& name, const std::vector<int64_t>& shape) {
    const std::string theirs = prefix_ + translate(name, names_);
    used_.insert(theirs);
    const TensorEntry* t = file_.find(theirs);
    if (!t) return note("missing '" + theirs + "'");
    if (t->shape != shape)
      return note("'" + theirs + "' is " + shape_text(t->shape) + ", expected " + shape_text(shape));
    if (t->dtype != Dtype::f32) return note("'" + theirs + "' is " + name_of(t->dtype) + ", expected f32");
    return t->values<float>();
  }
  void finish() {
    for (const TensorEntry& t : file_.tensors)
      if (!used_.count(t.name) && !t.name.ends_with(".num_batches_tracked")) note("unexpected '" + t.name + "'");
    if (problems_ == 0) return;
    fail(ExitCode::corrupt_data,
         source_ + " does not fit this network: " + text_ +
             (problems_ > kShown ? " and " + std::to_string(problems_ - kShown) + " more" : "") +
             "; check model.depth, model.width, model.conv_bias and the number of classes");
  }

 private:
  static constexpr int kShown = 5;
  std::vector<float> note(const std::string& problem) {
    if (problems_++ < kShown) text_ += (text_.empty() ? "" : "; ") + problem;
    return {};
  }
  const TensorFile& file_;
  std::string source_, prefix_, text_;
  Names names_;
  std::set<std::string> used_;
  int problems_ = 0;
};

}  // namespace

Names names_from(const std::string& text) {
  std::string known;
  for (const auto& [names, name] : kNames) {
    if (text == name) return names;
    known += (known.empty() ? "" : ", ") + std::string(name);
  }
  fail(ExitCode::usage, "tensor names \"" + text + "\" are not known; use one of " + known);
}

TensorFile export_weights(Context& context, const ParamLayout& layout, const Weights& weights, Names names) {
  std::vector<float> values(layout.total()), running(layout.running_total());
  context.copy_out(values.data(), View<const float, 1>(weights.values));
  context.copy_out(running.data(), View<const float, 1>(weights.running));
  TensorFile file;
  for (int p = 0; p < int(layout.params().size()); ++p) {
    const ParamSpec& spec = layout.params()[p];
    const float* data = values.data() + layout.offset(p);
    const auto& s = spec.shape;
    file.add(translate(spec.name, names), port_shape(spec),
             spec.kind == ParamKind::conv_weight ? transposed(data, s[0], s[1] * s[2], s[3])
                                                 : std::vector<float>(data, data + spec.size()));
  }
  for (const RunningSpec& spec : layout.running()) {
    for (int part = 0; part < 2; ++part) {
      const float* data = running.data() + spec.offset + part * spec.channels;
      file.add(translate(spec.name + kRunningParts[part], names), {spec.channels},
               std::vector<float>(data, data + spec.channels));
    }
    file.add(translate(spec.name + ".num_batches_tracked", names), {}, std::vector<int64_t>{0});
  }
  return file;
}

void import_weights(Context& context, const ParamLayout& layout, const Weights& weights, const TensorFile& file,
                    const std::string& source) {
  std::vector<float> values(layout.total(), 0.0f), running(layout.running_total(), 0.0f);
  Importer importer(file, source);
  for (int p = 0; p < int(layout.params().size()); ++p) {
    const ParamSpec& spec = layout.params()[p];
    std::vector<float> v = importer.take(spec.name, port_shape(spec));
    if (v.empty()) continue;
    const auto& s = spec.shape;
    if (spec.kind == ParamKind::conv_weight) v = transposed(v.data(), s[0], s[3], s[1] * s[2]);
    std::copy(v.begin(), v.end(), values.begin() + layout.offset(p));
  }
  for (const RunningSpec& spec : layout.running())
    for (int part = 0; part < 2; ++part) {
      const std::vector<float> v = importer.take(spec.name + kRunningParts[part], {spec.channels});
      std::copy(v.begin(), v.end(), running.begin() + spec.offset + part * spec.channels);
    }
  importer.finish();
  context.copy_in(weights.values, values.data());
  context.copy_in(weights.running, running.data());
}

}  // namespace crc::nn
