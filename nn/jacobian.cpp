#include "nn/jacobian.h"

#include <algorithm>

#include "kernels/ops/eval_pass.h"
#include "kernels/ops/gemm.h"
#include "kernels/ops/unfold.h"

namespace crc::nn {
namespace {

// Unfolded inputs are made for so many samples at a time: large enough for full-speed products, small beside the rest.
constexpr int64_t kColumnBytes = 64ll << 20;

// One sample of a value.
struct Extent {
  int64_t h, w, c;
  int64_t positions() const { return h * w; }
  int64_t size() const { return h * w * c; }
};

UnfoldConfig unfold_config(const Instruction& s) { return {s.kernel, s.stride, s.kernel / 2}; }

std::vector<Extent> extents_of(const Program& program, Extent input) {
  std::vector<Extent> extents{input};
  for (const Instruction& s : program.instructions) {
    const Extent in = extents[s.input];
    switch (s.kind) {
      case Instruction::Kind::conv:
        extents.push_back({unfold_config(s).out(in.h), unfold_config(s).out(in.w), s.out});
        break;
      case Instruction::Kind::linear:
        extents.push_back({1, 1, s.out});
        break;
      case Instruction::Kind::pool:
        extents.push_back({1, 1, in.c});
        break;
      default:
        extents.push_back(in);
    }
  }
  return extents;
}

bool is_wanted(const Instruction& s, const std::vector<bool>& wanted) {
  return (s.weight >= 0 && wanted[s.weight]) || (s.bias >= 0 && wanted[s.bias]);
}

// Which values depend on a wanted parameter: the backward pass visits only these.
std::vector<bool> reached_values(const Program& program, const std::vector<bool>& wanted) {
  std::vector<bool> reached{false};
  for (const Instruction& s : program.instructions)
    reached.push_back(is_wanted(s, wanted) || reached[s.input] || (s.other >= 0 && reached[s.other]));
  return reached;
}

// How many gradients the backward pass holds at once.
int64_t most_alive(const Program& program, const std::vector<bool>& reached) {
  std::vector<bool> alive(program.instructions.size() + 1, false);
  alive.back() = true;
  int64_t count = 1, most = 1;
  for (int i = int(program.instructions.size()); i > 0; --i) {
    if (!reached[i] || !alive[i]) continue;
    const Instruction& s = program.instructions[i - 1];
    for (const int v : {s.input, s.other})
      if (v >= 0 && reached[v]) count += !alive[v], alive[v] = true;
    most = std::max(most, count + 1);  // one more while a gradient is added to another
    --count;
  }
  return most;
}

// The passes over one batch.
template <class T> class Pass {
 public:
  Pass(Context& context, const Net& net, const Program& program, const Weights& weights, View<const float, 4> x,
       const std::vector<bool>& wanted)
      : context_(context),
        arena_(context.scratch()),
        layout_(net.layout()),
        program_(program),
        given_(weights),
        wanted_(wanted),
        reached_(reached_values(program, wanted)),
        extents_(extents_of(program, {x.shape[1], x.shape[2], x.shape[3]})),
        n_(x.shape[0]),
        classes_(net.classes()) {
    weights_ = arena_.take<T, 1>({layout_.total()}, "weights");
    convert(context_, weights_, weights.values);
    values_.push_back(arena_.take<T, 1>({x.size()}, "input"));
    convert(context_, values_[0], x.flat());
    for (const Extent& e : extents_) widest_ = std::max(widest_, e.size());
  }

  void forward() {
    for (size_t i = 0; i < program_.instructions.size(); ++i) {
      values_.push_back(arena_.take<T, 1>({n_ * extents_[i + 1].size()}, "value"));
      run(program_.instructions[i], values_[program_.instructions[i].input], extents_[program_.instructions[i].input],
          values_.back(), extents_[i + 1]);
    }
  }

  void backward(const typename Jacobian<T>::Receive& receive) {
    grads_.resize(values_.size());
    set_unit_cotangents();
    for (int i = int(program_.instructions.size()); i > 0; --i) {
      if (!reached_[i] || !grads_[i].data) continue;
      const Instruction& s = program_.instructions[i - 1];
      if (is_wanted(s, wanted_)) deliver(s, i, receive);
      if (s.kind == Instruction::Kind::add) {
        for (const int v : {s.input, s.other})
          if (reached_[v]) give(v, grads_[i]);
      } else if (reached_[s.input]) {
        pull_back(s, i);
      }
      free_.push_back(grads_[i]);
      grads_[i] = {};
    }
  }

 private:
  template <int R, class U> static View<U, R> shaped(View<U, 1> v, const int64_t (&shape)[R]) {
    View<U, R> out{v.data, {}, v.device, v.name};
    std::copy_n(shape, R, out.shape);
    return out;
  }
  template <class U> static View<const U, 1> constant(View<U, 1> v) { return v; }
  View<const T, 1> value(int v) const { return values_[v]; }
  View<const T, 1> weight(int param) const {
    const int64_t size = layout_.params()[param].size();
    return {weights_.data + layout_.offset(param), {size}, weights_.device, layout_.params()[param].name.c_str()};
  }
  int64_t rows() const { return n_ * classes_; }  // cotangents

  // f(begin, count) over `total` samples, whose columns have `elements` each.
  template <class F> void in_parts(int64_t total, int64_t elements, const F& f) const {
    const int64_t part = std::clamp<int64_t>(kColumnBytes / (std::max<int64_t>(1, elements) * int64_t(sizeof(T))), 1,
                                             std::max<int64_t>(1, total));
    for (int64_t begin = 0; begin < total; begin += part) {
      const Arena::Frame frame(arena_);
      f(begin, std::min(part, total - begin));
    }
  }

  // mean, inverse deviation, scale and shift of a norm_act; the identity for leaky_relu.
  View<const T, 2> constants(const Instruction& s, int64_t channels) {
    const auto k = arena_.take<T, 2>({4, channels}, "norm constants");
    if (s.kind == Instruction::Kind::norm_act) {
      const Weights& w = given_;
      norm_constants(context_, k, w.running_mean(layout_, s.running), w.running_var(layout_, s.running),
                     w.param<1>(layout_, s.weight), w.param<1>(layout_, s.bias), s.norm);
    } else {
      std::vector<T> identity(4 * channels, T(0));
      std::fill_n(identity.begin() + channels, 2 * channels, T(1));
      context_.copy_in(k, identity.data());
    }
    return k;
  }

  void run(const Instruction& s, View<const T, 1> x, Extent in, View<T, 1> y, Extent out) {
    const auto samples = [&](auto v, Extent e) { return shaped<3>(v, {n_, e.positions(), e.c}); };
    switch (s.kind) {
      case Instruction::Kind::conv: {
        const int64_t taps = s.kernel * s.kernel * in.c;
        in_parts(n_, out.positions() * taps, [&](int64_t begin, int64_t count) {
          const auto columns = unfolded(s, x, in, out, begin, count);
          gemm(context_,
               shaped<2>(y, {n_ * out.positions(), out.c})
                   .slice(begin * out.positions(), (begin + count) * out.positions()),
               columns, shaped<2>(weight(s.weight), {out.c, taps}), GemmConfig{.transpose_b = true, .tf32x3 = true});
        });
        break;
      }
      case Instruction::Kind::linear:
        gemm(context_, shaped<2>(y, {n_, out.c}), shaped<2>(x, {n_, in.size()}),
             shaped<2>(weight(s.weight), {out.c, in.size()}), GemmConfig{.transpose_b = true, .tf32x3 = true});
        break;
      case Instruction::Kind::norm_act:
      case Instruction::Kind::leaky_relu: {
        const Arena::Frame frame(arena_);
        norm_act(context_, samples(y, out), samples(x, in), constants(s, in.c), s.norm.slope);
        return;
      }
      case Instruction::Kind::pool:
        position_sum(context_, shaped<2>(y, {n_, in.c}), samples(x, in), 1.0 / double(in.positions()));
        return;
      case Instruction::Kind::add:
        context_.copy(y, x);
        accumulate(context_, y, value(s.other));
        return;
    }
    if (s.bias >= 0) add_bias(context_, shaped<2>(y, {n_ * out.positions(), out.c}), weight(s.bias));
  }

  // [count * positions, taps] of the samples from `begin`.
  View<T, 2> unfolded(const Instruction& s, View<const T, 1> x, Extent in, Extent out, int64_t begin, int64_t count) {
    const auto columns = arena_.take<T, 2>({count * out.positions(), s.kernel * s.kernel * in.c}, "columns");
    unfold(context_, columns, shaped<4>(x, {n_, in.h, in.w, in.c}).slice(begin, begin + count), unfold_config(s));
    return columns;
  }

  // The gradient of value v, uninitialised, [rows, extent].
  View<T, 1> new_gradient(int v) {
    View<T, 1> slot;
    if (free_.empty()) {
      slot = arena_.take<T, 1>({rows() * widest_}, "cotangents");
    } else {
      slot = free_.back();
      free_.pop_back();
    }
    slot.shape[0] = rows() * extents_[v].size();
    return slot;
  }
  // grads[v] += g.
  void give(int v, View<const T, 1> g) {
    if (grads_[v].data) {
      accumulate(context_, grads_[v], g);
    } else {
      grads_[v] = new_gradient(v);
      context_.copy(grads_[v], g);
    }
  }

  // d logits of row (sample, c): the c-th unit vector.
  void set_unit_cotangents() {
    std::vector<T> units(rows() * classes_, T(0));
    for (int64_t row = 0; row < rows(); ++row) units[row * classes_ + row % classes_] = 1;
    grads_.back() = new_gradient(int(values_.size()) - 1);
    context_.copy_in(grads_.back(), units.data());
  }

  // The Jacobians of an instruction's wanted parameters; it made value v.
  void deliver(const Instruction& s, int v, const typename Jacobian<T>::Receive& receive) {
    const Arena::Frame frame(arena_);
    const Extent in = extents_[s.input], out = extents_[v];
    const auto dy = shaped<3>(grads_[v], {rows(), out.positions(), out.c});
    const auto hand_over = [&](int param, View<T, 1> j) {
      if (wanted_[param]) receive(param, shaped<3>(constant(j), {n_, classes_, layout_.params()[param].size()}));
    };
    if (s.kind == Instruction::Kind::norm_act) {
      const auto x = shaped<3>(value(s.input), {n_, in.positions(), in.c});
      const auto scale = arena_.take<T, 2>({rows(), in.c}, "jacobian"),
                 shift = arena_.take<T, 2>({rows(), in.c}, "jacobian");
      norm_act_params(context_, scale, shift, dy, x, constants(s, in.c), s.norm.slope);
      hand_over(s.weight, scale.flat());
      hand_over(s.bias, shift.flat());
      return;
    }
    if (wanted_[s.weight]) {
      const auto j = arena_.take<T, 1>({rows() * layout_.params()[s.weight].size()}, "jacobian");
      weight_jacobian(s, v, j);
      hand_over(s.weight, j);
    }
    if (s.bias >= 0 && wanted_[s.bias]) {
      const auto j = arena_.take<T, 2>({rows(), out.c}, "jacobian");
      position_sum(context_, j, dy, 1.0);
      hand_over(s.bias, j.flat());
    }
  }

  // j [N,C,out,taps] = dy^T columns, for every sample and class.
  void weight_jacobian(const Instruction& s, int v, View<T, 1> j) {
    const Extent in = extents_[s.input], out = extents_[v];
    const bool conv = s.kind == Instruction::Kind::conv;
    const int64_t taps = conv ? s.kernel * s.kernel * in.c : in.size();
    const auto jacobian = shaped<4>(j, {n_, classes_, out.c, taps});
    const auto dy = shaped<4>(grads_[v], {n_, classes_, out.positions(), out.c});
    in_parts(n_, conv ? out.positions() * taps : 0, [&](int64_t begin, int64_t count) {
      const View<const T, 1> columns = conv ? constant(unfolded(s, value(s.input), in, out, begin, count).flat())
                                            : shaped<2>(value(s.input), {n_, taps}).slice(begin, begin + count).flat();
      gemm_batched(context_, jacobian.slice(begin, begin + count), dy.slice(begin, begin + count),
                   shaped<4>(columns, {count, 1, out.positions(), taps}),
                   GemmConfig{.transpose_a = true, .tf32x3 = true});
    });
  }

  // The gradient of the input of an instruction that made value v.
  void pull_back(const Instruction& s, int v) {
    const Extent in = extents_[s.input], out = extents_[v];
    const View<const T, 1> dy = grads_[v];
    const View<T, 1> dx = new_gradient(s.input);
    const auto positions = [&](auto g, Extent e) { return shaped<3>(g, {rows(), e.positions(), e.c}); };
    switch (s.kind) {
      case Instruction::Kind::conv: {
        const int64_t taps = s.kernel * s.kernel * in.c;
        in_parts(rows(), out.positions() * taps, [&](int64_t begin, int64_t count) {
          const auto columns = arena_.take<T, 2>({count * out.positions(), taps}, "columns");
          gemm(context_, columns,
               shaped<2>(dy, {rows() * out.positions(), out.c})
                   .slice(begin * out.positions(), (begin + count) * out.positions()),
               shaped<2>(weight(s.weight), {out.c, taps}), GemmConfig{.tf32x3 = true});
          fold(context_, shaped<4>(dx, {rows(), in.h, in.w, in.c}).slice(begin, begin + count), columns,
               unfold_config(s));
        });
        break;
      }
      case Instruction::Kind::linear:
        gemm(context_, shaped<2>(dx, {rows(), in.size()}), shaped<2>(dy, {rows(), out.c}),
             shaped<2>(weight(s.weight), {out.c, in.size()}), GemmConfig{.tf32x3 = true});
        break;
      case Instruction::Kind::norm_act:
      case Instruction::Kind::leaky_relu: {
        const Arena::Frame frame(arena_);
        norm_act_backward(context_, positions(dx, in), positions(dy, out),
                          shaped<3>(value(s.input), {n_, in.positions(), in.c}), constants(s, in.c), s.norm.slope);
        break;
      }
      case Instruction::Kind::pool:
        position_spread(context_, positions(dx, in), shaped<2>(dy, {rows(), in.c}), 1.0 / double(in.positions()));
        break;
      case Instruction::Kind::add:
        break;  // its gradient is handed on as it is
    }
    if (grads_[s.input].data) {
      accumulate(context_, grads_[s.input], dx);
      free_.push_back(dx);
    } else {
      grads_[s.input] = dx;
    }
  }

  Context& context_;
  Arena& arena_;
  const ParamLayout& layout_;
  const Program& program_;
  const Weights& given_;
  const std::vector<bool>& wanted_;
  std::vector<bool> reached_;
  std::vector<Extent> extents_;
  int64_t n_, classes_, widest_ = 0;
  View<T, 1> weights_;
  std::vector<View<T, 1>> values_, grads_, free_;  // grads: empty where there is none (yet)
};

}  // namespace

template <class T> std::vector<int> Jacobian<T>::params() const {
  std::vector<int> params;
  for (auto s = program_.instructions.rbegin(); s != program_.instructions.rend(); ++s)
    for (const int param : {s->weight, s->bias})
      if (param >= 0) params.push_back(param);
  return params;
}

template <class T>
void Jacobian<T>::compute(Context& context, const Weights& weights, View<const float, 4> x,
                          const std::vector<bool>& wanted, const Receive& receive) const {
  const Arena::Frame frame(context.scratch());
  Pass<T> pass(context, *net_, program_, weights, x, wanted);
  pass.forward();
  pass.backward(receive);
}

template <class T>
typename Jacobian<T>::Bytes Jacobian<T>::bytes(int64_t height, int64_t width, int64_t channels,
                                               const std::vector<bool>& wanted) const {
  const std::vector<Extent> extents = extents_of(program_, {height, width, channels});
  const std::vector<bool> reached = reached_values(program_, wanted);
  int64_t values = 0, widest = 0, largest = 0, columns = 0;
  for (const Extent& e : extents) values += e.size(), widest = std::max(widest, e.size());
  for (size_t i = 0; i < program_.instructions.size(); ++i) {
    const Instruction& s = program_.instructions[i];
    for (const int param : {s.weight, s.bias})
      if (param >= 0 && wanted[param]) largest = std::max(largest, net_->layout().params()[param].size());
    if (s.kind == Instruction::Kind::conv)
      columns = std::max(columns, extents[i + 1].positions() * s.kernel * s.kernel * extents[s.input].c);
  }
  const int64_t classes = net_->classes(), size = int64_t(sizeof(T));
  return {size * (values + classes * (most_alive(program_, reached) * widest + 2 * largest)),
          size * net_->layout().total() + std::max(kColumnBytes, size * columns)};
}

template class Jacobian<float>;
template class Jacobian<double>;

}  // namespace crc::nn
