#include "nn/weights_io.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace crc::nn {
namespace {

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

void check_tensor(const std::string& name, std::span<const float> values, bool variance, const std::string& source) {
  for (size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i]) && !(variance && values[i] < 0)) continue;
    const std::string value = std::isfinite(values[i]) ? std::to_string(values[i])
                              : std::isnan(values[i])  ? "nan"
                                                       : "inf";
    fail(ExitCode::numerical,
         source + ": '" + name + "' holds " + value + " at index " + std::to_string(i) + ", where " +
             (std::isfinite(values[i]) ? "a variance" : "a finite number") +
             " belongs; the training diverged or the file is damaged: take an earlier one, or train with a lower rate");
  }
}

std::vector<float> floats(const TensorEntry& t) {
  const auto convert = [](const auto& from) {
    std::vector<float> to(from.size());
    std::transform(from.begin(), from.end(), to.begin(), [](auto v) { return float(v); });
    return to;
  };
  return t.dtype == Dtype::f64    ? convert(t.values<double>())
         : t.dtype == Dtype::bf16 ? convert(t.values<bf16>())
                                  : t.values<float>();
}

// Collects everything that is wrong with a file, so that one message tells it all.
class Reader {
 public:
  Reader(const TensorFile& file, std::string source)
      : file_(file), source_(std::move(source)), names_(recognise(file, source_)) {}

  void expect(const std::string& name, const std::vector<int64_t>& shape) {
    const std::string theirs = names_.of(name);
    used_.insert(theirs);
    const TensorEntry* t = file_.find(theirs);
    if (!t) return note("missing '" + theirs + "'");
    if (t->shape != shape)
      return note("'" + theirs + "' is " + shape_text(t->shape) + ", expected " + shape_text(shape));
    if (t->dtype != Dtype::f32 && t->dtype != Dtype::f64 && t->dtype != Dtype::bf16)
      return note("'" + theirs + "' is " + name_of(t->dtype) + ", expected floating-point numbers");
    if (t->half || t->dtype != Dtype::f32)
      converted_.insert(t->half ? "fp16" : t->dtype == Dtype::f64 ? "fp64" : "bf16");
  }
  void finish() {
    for (const TensorEntry& t : file_.tensors)
      if (!used_.count(t.name) && !is_counter(t.name)) note("unexpected '" + t.name + "'");
    if (problems_ == 0) return;
    fail(ExitCode::corrupt_data,
         source_ + " does not fit this network: " + text_ +
             (problems_ > kShown ? " and " + std::to_string(problems_ - kShown) + " more" : "") +
             "; check model.depth, model.width, model.conv_bias and the number of classes");
  }
  // After finish: what was expected is there.
  std::vector<float> take(const std::string& name, bool variance = false) const {
    const TensorEntry& t = file_.at(names_.of(name), source_);
    std::vector<float> v = floats(t);
    check_tensor(t.name, v, variance, source_);
    return v;
  }
  std::vector<std::string> notes() const {
    std::vector<std::string> notes;
    if (!names_.prefix.empty()) notes.push_back("left out the prefix \"" + names_.prefix + "\" of the tensors' names");
    for (const std::string& from : converted_) notes.push_back("read its " + from + " tensors as fp32");
    return notes;
  }

 private:
  static constexpr int kShown = 5;
  // What PyTorch counts beside the values: batches seen by a batch norm, models in an average.
  static bool is_counter(const std::string& name) {
    return name.ends_with("num_batches_tracked") || name.ends_with("n_averaged");
  }
  void note(const std::string& problem) {
    if (problems_++ < kShown) text_ += (text_.empty() ? "" : "; ") + problem;
  }
  const TensorFile& file_;
  std::string source_, text_;
  FileNames names_;
  std::set<std::string> used_, converted_;
  int problems_ = 0;
};

}  // namespace

TensorFile export_weights(Context& context, const ParamLayout& layout, const Weights& weights, Names names) {
  std::vector<float> values(layout.total()), running(layout.running_total());
  context.copy_out(values.data(), weights.values);
  context.copy_out(running.data(), weights.running);
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

HostWeights read_weights(const ParamLayout& layout, const TensorFile& file, const std::string& source) {
  Reader reader(file, source);
  for (const ParamSpec& spec : layout.params()) reader.expect(spec.name, port_shape(spec));
  for (const RunningSpec& spec : layout.running())
    for (const char* part : kRunningParts) reader.expect(spec.name + part, {spec.channels});
  reader.finish();

  HostWeights weights{std::vector<float>(size_t(layout.total())), std::vector<float>(size_t(layout.running_total())),
                      reader.notes()};
  for (int p = 0; p < int(layout.params().size()); ++p) {
    const ParamSpec& spec = layout.params()[p];
    std::vector<float> v = reader.take(spec.name);
    const auto& s = spec.shape;
    if (spec.kind == ParamKind::conv_weight) v = transposed(v.data(), s[0], s[3], s[1] * s[2]);
    std::copy(v.begin(), v.end(), weights.values.begin() + layout.offset(p));
  }
  for (const RunningSpec& spec : layout.running())
    for (int part = 0; part < 2; ++part) {
      const std::vector<float> v = reader.take(spec.name + kRunningParts[part], part == 1);
      std::copy(v.begin(), v.end(), weights.running.begin() + spec.offset + part * spec.channels);
    }
  return weights;
}

std::vector<std::string> import_weights(Context& context, const ParamLayout& layout, const Weights& weights,
                                        const TensorFile& file, const std::string& source) {
  HostWeights host = read_weights(layout, file, source);
  context.copy_in(weights.values, host.values.data());
  context.copy_in(weights.running, host.running.data());
  round_weights(context, weights);
  return std::move(host.notes);
}

void check_values(const ParamLayout& layout, std::span<const float> values, std::span<const float> running,
                  const std::string& source) {
  if (int64_t(values.size()) != layout.total() || int64_t(running.size()) != layout.running_total())
    fail(ExitCode::corrupt_data, source + ": " + std::to_string(values.size()) + " parameters and " +
                                     std::to_string(running.size()) + " running statistics, this network needs " +
                                     std::to_string(layout.total()) + " and " + std::to_string(layout.running_total()));
  for (int p = 0; p < int(layout.params().size()); ++p)
    check_tensor(layout.params()[p].name, values.subspan(size_t(layout.offset(p)), size_t(layout.params()[p].size())),
                 false, source);
  for (const RunningSpec& spec : layout.running())
    for (int part = 0; part < 2; ++part)
      check_tensor(spec.name + kRunningParts[part],
                   running.subspan(size_t(spec.offset + part * spec.channels), size_t(spec.channels)), part == 1,
                   source);
}

}  // namespace crc::nn
