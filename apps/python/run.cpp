// Runs, and weights files: crc_active.run and crc_active.weights stand on these. The GIL is released while the engine
// works; a callback and the check for Ctrl-C take it for a moment.
#include <nanobind/ndarray.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <chrono>
#include <exception>
#include <tuple>

#include "apps/python/bind.h"
#include "apps/session/session.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace crc::python {
namespace {

using apps::Session;
using Clock = std::chrono::steady_clock;

// Python's callbacks as a Watch, which must not throw: what they raise, and Ctrl-C, stops the run after a checkpoint
// and is raised then.
class Listener {
 public:
  Listener(nb::handle progress, nb::handle message) : progress_(progress), message_(message) {}

  apps::Watch watch() {
    apps::Watch watch;
    if (!progress_.is_none())
      watch.progress = [this](const std::string& label, int64_t done, int64_t total, const std::string& detail) {
        call([&] { progress_(detail.empty() ? label : label + ", " + detail, done, total); });
      };
    if (!message_.is_none())
      watch.message = [this](const std::string& text, bool warning) { call([&] { message_(text, warning); }); };
    watch.stop = [this] {
      constexpr auto kOften = std::chrono::milliseconds(50);  // a search asks for every candidate
      if (!raised_ && Clock::now() - asked_ > kOften) {
        asked_ = Clock::now();
        call([] {
          if (PyErr_CheckSignals() != 0) throw nb::python_error();
        });
      }
      return bool(raised_);
    };
    return watch;
  }
  void raise() const {
    if (raised_) std::rethrow_exception(raised_);
  }

 private:
  template <class F> void call(const F& f) {
    if (raised_) return;
    const nb::gil_scoped_acquire gil;
    try {
      f();
    } catch (...) {
      raised_ = std::current_exception();
    }
  }

  nb::handle progress_, message_;
  Clock::time_point asked_ = Clock::now();
  std::exception_ptr raised_;
};

template <class T> nb::object array_of(std::vector<T>&& values, std::initializer_list<size_t> shape) {
  auto* owned = new std::vector<T>(std::move(values));
  const nb::capsule owner(owned, [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
  const nb::object array = nb::cast(nb::ndarray<nb::numpy, T>(owned->data(), shape.size(), shape.begin(), owner));
  return std::is_same_v<T, int64_t> ? nb::object(array.attr("view")("int64"))
                                    : array;  // NumPy's own, not its long long
}

// The exit code that `crc_train resume` would end with: 0 done, 10 waiting for labels.
int train(const Session& session, nb::handle progress, nb::handle message) {
  Listener listener(progress, message);
  const apps::Watch watch = listener.watch();
  ExitCode code = ExitCode::ok;
  try {
    const nb::gil_scoped_release release;
    code = session.train(watch);
  } catch (...) {
    listener.raise();  // what a callback raised comes first
    throw;
  }
  listener.raise();
  return int(code);
}

nb::dict state(const Session& session) {
  Session::State state;
  {
    const nb::gil_scoped_release release;
    state = session.state();
  }
  nb::dict d;
  d["marker"] = state.marker;
  d["class_names"] = state.class_names;
  d["config"] = state.config;
  d["rounds"] = state.rounds;
  d["metrics"] = state.metrics;
  d["labels"] = state.labels;
  d["queries"] = state.queries;
  return d;
}

nb::dict query(const Session& session, int64_t k) {
  Session::Asked asked;
  {
    const nb::gil_scoped_release release;
    asked = session.query(k);
  }
  nb::dict d;
  d["round"] = asked.round;
  d["folder"] = asked.folder;
  d["files"] = asked.files;
  const size_t count = asked.items.size(), height = size_t(asked.height), width = size_t(asked.width);
  d["items"] = array_of(std::move(asked.items), {count});
  if (asked.features > 0)
    d["features"] = array_of(std::move(asked.rows), {count, size_t(asked.features)});
  else
    d["images"] = array_of(std::move(asked.pixels), {count, height, width, size_t(3)});
  return d;
}

std::vector<std::string> label(const Session& session,
                               const std::vector<std::tuple<int64_t, int64_t, std::string>>& given,
                               const std::string& source) {
  const nb::gil_scoped_release release;
  std::vector<Session::Label> labels;
  for (const auto& [item, class_index, name] : given) labels.push_back({item, class_index, name});
  return session.label(labels, source);
}

nb::dict to_dict(Session::Predicted&& p) {
  nb::dict d;
  d["logits"] = array_of(std::move(p.logits), {size_t(p.count), size_t(p.classes)});
  d["features"] = array_of(std::move(p.rows), {size_t(p.count), size_t(p.features)});
  d["notes"] = p.notes;
  return d;
}

using Pixels = nb::ndarray<const uint8_t, nb::ndim<4>, nb::c_contig, nb::device::cpu>;  // [N,H,W,3]
using Rows = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;      // [N,D]

nb::dict predict_images(const Session& session, const Pixels& images, int64_t round, bool best) {
  Session::Predicted predicted;
  {
    const nb::gil_scoped_release release;
    predicted = session.predict(int64_t(images.shape(1)), int64_t(images.shape(2)),
                                std::vector<uint8_t>(images.data(), images.data() + images.size()), round, best);
  }
  return to_dict(std::move(predicted));
}

nb::dict predict_rows(const Session& session, const Rows& rows, int64_t round, bool best) {
  Session::Predicted predicted;
  {
    const nb::gil_scoped_release release;
    predicted = session.predict(int64_t(rows.shape(1)), std::vector<float>(rows.data(), rows.data() + rows.size()),
                                round, best);
  }
  return to_dict(std::move(predicted));
}

using Shape = std::vector<int64_t>;
using NamedTensor = std::tuple<std::string, std::string, Shape, nb::bytes>;  // name, dtype ("f32"), shape, values

nb::object load_tensors(const std::string& path) {
  nn::TensorFile file;
  {
    const nb::gil_scoped_release release;
    file = apps::load_tensors(path);
  }
  nb::list tensors;
  for (const nn::TensorEntry& t : file.tensors)
    tensors.append(NamedTensor(t.name, name_of(t.dtype), t.shape, nb::bytes(t.bytes.data(), t.bytes.size())));
  return nb::make_tuple(tensors, file.metadata);
}

Dtype dtype_of(const std::string& name) {
  for (const Dtype dtype : {Dtype::f32, Dtype::f64, Dtype::bf16, Dtype::u8, Dtype::i32, Dtype::i64})
    if (name == name_of(dtype)) return dtype;
  fail(ExitCode::usage, "no weights file of this kind holds " + name);
}

void save_tensors(const std::string& path, const std::vector<NamedTensor>& tensors,
                  const std::map<std::string, std::string>& metadata) {
  nn::TensorFile file;
  for (const auto& [name, dtype, shape, bytes] : tensors)
    file.tensors.push_back({name, dtype_of(dtype), shape, std::string(bytes.c_str(), bytes.size())});
  file.metadata = metadata;
  const nb::gil_scoped_release release;
  apps::save_tensors(path, std::move(file));
}

}  // namespace

void bind_run(nb::module_& m) {
  nb::class_<Session>(m, "Session")
      .def(nb::init<std::string, std::vector<std::string>>(), "directory"_a, "settings"_a)
      .def_static("create", &Session::create, "directory"_a, "config"_a, "settings"_a, "data"_a,
                  nb::call_guard<nb::gil_scoped_release>())
      .def("train", &train, "progress"_a.none(), "message"_a.none())
      .def("state", &state)
      .def("query", &query, "query"_a)
      .def("label", &label, "labels"_a, "source"_a)
      .def("predict_images", &predict_images, "images"_a, "round"_a, "best"_a)
      .def("predict_rows", &predict_rows, "rows"_a, "round"_a, "best"_a);
  m.def("acquisition_table", [] {
    std::vector<std::tuple<std::string, std::string, std::string, std::vector<std::string>>> rows;
    for (const apps::AcquisitionRow& row : apps::acquisition_table())
      rows.emplace_back(row.name, row.description, row.source, row.traits);
    return rows;
  });
  m.def("load_tensors", &load_tensors, "path"_a);
  m.def("save_tensors", &save_tensors, "path"_a, "tensors"_a, "metadata"_a);
}

}  // namespace crc::python
