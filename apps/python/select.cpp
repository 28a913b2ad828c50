// crc/select.h for Python: arrays as they come by DLPack or the buffer protocol, options in a dictionary, results as
// NumPy arrays. crc_active/selecting.py is what people call.
#include "crc/select.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/function.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <chrono>
#include <cstring>
#include <memory>
#include <utility>

#include "apps/python/bind.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace crc::python {
namespace {

using crc_active::Answer;
using crc_active::Array;
using crc_active::Question;
using crc_active::Type;
using AnyArray = nb::ndarray<nb::ro>;
template <class T> using Vector = nb::ndarray<nb::numpy, T, nb::ndim<1>>;
template <class T> using List = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

constexpr int kUsage = 64, kWrongArray = 65;

// A NumPy array that owns what was in the vector; 64-bit integers are NumPy's own int64, not its long long.
template <class T> nb::object numpy(std::vector<T> values) {
  auto kept = std::make_unique<std::vector<T>>(std::move(values));
  T* data = kept->data();
  const size_t size = kept->size();
  const nb::capsule owner(kept.release(), [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
  const nb::object array = nb::cast(Vector<T>(data, {size}, owner));
  return std::is_same_v<T, int64_t> ? nb::object(array.attr("view")("int64")) : array;
}

template <class T> std::span<const T> span_of(const List<T>& list) { return {list.data(), list.shape(0)}; }

// The inputs of the call, for as long as it lasts: what of them is used in place.
class Inputs {
 public:
  // `bf16`: what uint16 hold.
  Array add(const nb::object& object, const std::string& name, bool bf16) {
    if (object.is_none()) return {};
    AnyArray a;
    if (!nb::try_cast(object, a, false))
      throw crc_active::Error(kWrongArray, name + " is no array: NumPy arrays are taken, and what has __dlpack__");
    Array array{.data = a.data(), .name = name};
    array.type = type_of(a.dtype(), name, bf16);
    for (size_t d = 0; d < a.ndim(); ++d) {
      array.shape.push_back(int64_t(a.shape(d)));
      array.strides.push_back(a.stride(d));
    }
    if (a.device_type() == nb::device::cuda::value)
      array.cuda = a.device_id();
    else if (a.device_type() != nb::device::cpu::value && a.device_type() != kPinned)
      throw crc_active::Error(kWrongArray, name + " is on a device that is neither the CPU nor an NVIDIA GPU");
    held_.emplace_back(std::move(a), object);
    return array;
  }
  // Who owns the memory at `data`; none: nobody here.
  nb::object owner(const void* data) const {
    for (const auto& [array, object] : held_)
      if (array.data() == data) return object;
    return nb::none();
  }

 private:
  static constexpr int kPinned = 3;  // kDLCUDAHost
  static Type type_of(nb::dlpack::dtype type, const std::string& name, bool bf16) {
    const auto code = nb::dlpack::dtype_code(type.code);
    if (code == nb::dlpack::dtype_code::Float && type.bits == 16) return Type::f16;
    if (code == nb::dlpack::dtype_code::Float && type.bits == 32) return Type::f32;
    if (code == nb::dlpack::dtype_code::Float && type.bits == 64) return Type::f64;
    if (code == nb::dlpack::dtype_code::Bfloat || (bf16 && type.bits == 16)) return Type::bf16;
    throw crc_active::Error(kWrongArray, name + " is no array of floats of 16, 32 or 64 bits");
  }
  std::vector<std::pair<AnyArray, nb::object>> held_;
};

thread_local const Inputs* t_inputs = nullptr;  // of the call that this thread is in

template <class T> T option(const nb::dict& options, const char* name) {
  const nb::object value = options[name];
  T result;
  if (!nb::try_cast(value, result))
    throw crc_active::Error(kUsage, std::string(name) + ": " + nb::repr(value).c_str() + " is no number in its range");
  return result;
}
std::string word(const nb::dict& options, const char* name) { return nb::str(nb::object(options[name])).c_str(); }

// A callback of Python's, called by whoever holds no lock, and not more often than a person can read.
std::function<void(const char*, int64_t, int64_t)> progress_of(const nb::object& callable) {
  if (callable.is_none()) return {};
  return [f = nb::handle(callable), last = std::chrono::steady_clock::time_point()](const char* what, int64_t done,
                                                                                    int64_t total) mutable {
    constexpr std::chrono::milliseconds kBetween(50);
    const auto now = std::chrono::steady_clock::now();
    if (done < total && now - last < kBetween) return;
    last = now;
    const nb::gil_scoped_acquire locked;
    f(what, done, total);
  };
}

crc_active::Options options_of(const nb::dict& o) {
  crc_active::Options options;
  options.budget = option<int64_t>(o, "budget");
  options.acquisition = word(o, "acquisition");
  options.group_size = option<int64_t>(o, "group_size");
  options.search = word(o, "search"), options.solver = word(o, "solver"), options.device = word(o, "device");
  options.draws = option<int64_t>(o, "draws");
  options.radius = option<double>(o, "radius");
  options.bait_top = option<int64_t>(o, "bait_top");
  options.partitions = option<int64_t>(o, "partitions");
  options.quota = option<int64_t>(o, "quota");
  options.per_cluster = option<int64_t>(o, "per_cluster");
  options.seed = option<uint32_t>(o, "seed");
  options.round = option<int64_t>(o, "round");
  options.represents = option<bool>(o, "represents");
  options.threads = option<int>(o, "threads");
  options.progress = progress_of(o["progress"]);
  options.stop = [] {
    const nb::gil_scoped_acquire locked;
    if (PyErr_CheckSignals() != 0) throw nb::python_error();
    return false;
  };
  return options;
}

nb::dict result_of(crc_active::Selection&& s) {
  std::vector<int64_t> members, sizes;
  std::vector<double> scores;
  for (const crc_active::Group& group : s.groups) {
    members.insert(members.end(), group.items.begin(), group.items.end());
    sizes.push_back(int64_t(group.items.size()));
    scores.push_back(group.score);
  }
  nb::dict result;
  result["picks"] = numpy(std::move(s.picks));
  result["groups"] = nb::make_tuple(numpy(std::move(members)), numpy(std::move(sizes)), numpy(std::move(scores)));
  result["group_size"] = s.group_size;
  result["candidates"] = numpy(std::move(s.candidates));
  result["scores"] = numpy(std::move(s.scores));
  result["represents"] = nb::make_tuple(numpy(std::move(s.represents.items)), numpy(std::move(s.represents.by)),
                                        numpy(std::move(s.represents.distances)));
  result["summary"] = s.summary, result["outlook"] = s.outlook, result["device"] = s.device;
  result["warnings"] = s.warnings, result["notes"] = s.notes, result["copied"] = s.copied;
  result["facts"] = s.facts, result["seconds"] = s.seconds;
  return result;
}

// arrays: {"features": [(array, is bf16), ...], "logits": [...], "samples": ..., "head": ..., "bias": ...}; lists:
// {"labeled": int64, "labels": int32, "unlabeled": int64 or none, "candidates": int64, "weights": float64,
// "class_weights": float64}, all given.
nb::dict select(const nb::dict& arrays, const nb::dict& lists, const nb::dict& options) {
  Inputs inputs;
  crc_active::Problem problem;
  const auto many = [&](const char* name, std::vector<Array>& to) {
    for (nb::handle entry : nb::cast<nb::list>(arrays[name]))
      to.push_back(inputs.add(nb::object(entry[0]), name, nb::cast<bool>(entry[1])));
  };
  many("features", problem.features), many("logits", problem.logits);
  const auto one = [&](const char* name) {
    const nb::object entry = arrays[name];
    return inputs.add(nb::object(entry[0]), name, nb::cast<bool>(entry[1]));
  };
  problem.samples = one("samples"), problem.head = one("head"), problem.bias = one("bias");
  const auto items = [&](const char* name) { return nb::cast<List<int64_t>>(lists[name]); };
  const auto numbers = [&](const char* name) { return nb::cast<List<double>>(lists[name]); };
  const auto labeled = items("labeled"), candidates = items("candidates");
  const auto labels = nb::cast<List<int32_t>>(lists["labels"]);
  const auto weights = numbers("weights"), class_weights = numbers("class_weights");
  List<int64_t> unlabeled;
  if (!nb::object(lists["unlabeled"]).is_none()) {
    unlabeled = items("unlabeled");
    problem.unlabeled = span_of(unlabeled);
  }
  problem.labeled = span_of(labeled), problem.candidates = span_of(candidates), problem.labels = span_of(labels);
  problem.weights = span_of(weights), problem.class_weights = span_of(class_weights);
  problem.classes = option<int64_t>(options, "classes");
  const crc_active::Options chosen = options_of(options);
  const Inputs* before = std::exchange(t_inputs, &inputs);  // an acquisition of Python's may select, too
  struct Restore {
    const Inputs* before;
    ~Restore() { t_inputs = before; }
  } const restore{before};
  crc_active::Selection found;
  {
    const nb::gil_scoped_release unlocked;
    found = crc_active::select(problem, chosen);
  }
  return result_of(std::move(found));
}

// A read-only NumPy array: of the caller's own memory where it stands there, else a copy. None: not given.
template <class T> nb::object matrix(const Array& array) {
  const size_t rows = size_t(array.shape[0]), columns = size_t(array.shape[1]);
  const T* data = static_cast<const T*>(array.data);
  const nb::object owner = t_inputs ? t_inputs->owner(data) : nb::none();
  if (!owner.is_none()) return nb::cast(nb::ndarray<nb::numpy, const T, nb::ndim<2>>(data, {rows, columns}, owner));
  auto copy = std::make_unique<T[]>(rows * columns);
  std::memcpy(copy.get(), data, rows * columns * sizeof(T));
  T* kept = copy.release();
  const nb::capsule deleter(kept, [](void* p) noexcept { delete[] static_cast<T*>(p); });
  return nb::cast(nb::ndarray<nb::numpy, const T, nb::ndim<2>>(kept, {rows, columns}, deleter));
}
nb::object matrix_of(const Array& array) {
  if (!array.data) return nb::none();
  return array.type == Type::f64 ? matrix<double>(array) : matrix<float>(array);
}

template <class T> std::vector<std::remove_const_t<T>> copy_of(std::span<T> values) {
  return {values.begin(), values.end()};
}

Answer ask(nb::handle callable, const Question& q) {
  const nb::gil_scoped_acquire locked;
  const auto answer = nb::cast<nb::tuple>(callable(matrix_of(q.features), matrix_of(q.logits),
                                                   numpy(copy_of(q.labeled)), numpy(copy_of(q.unlabeled)),
                                                   numpy(copy_of(q.labels)), q.classes, q.budget, q.seed, q.round));
  Answer result;
  if (!nb::object(answer[0]).is_none()) {
    const auto scores = nb::cast<List<double>>(answer[0]);
    result.scores.assign(scores.data(), scores.data() + scores.shape(0));
  } else {
    const auto picks = nb::cast<List<int64_t>>(answer[1]);
    result.picks.assign(picks.data(), picks.data() + picks.shape(0));
  }
  return result;
}

// The library keeps functions for ever, beyond the interpreter's end: so does this keep the reference.
void register_acquisition(const std::string& name, nb::callable f) {
  const nb::handle kept = f.inc_ref();
  try {
    crc_active::register_acquisition(name, [kept](const Question& question) { return ask(kept, question); });
  } catch (...) {
    kept.dec_ref();
    throw;
  }
}

}  // namespace

void bind_select(nb::module_& m) {
  m.def("select", select, "arrays"_a, "lists"_a, "options"_a);
  m.def("register_acquisition", register_acquisition, "name"_a, "ask"_a);
  m.def("acquisitions", crc_active::acquisitions);
  m.def("version", crc_active::version);
}

}  // namespace crc::python
