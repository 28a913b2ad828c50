// Errors become exceptions of crc_active.errors, with the same words.
#include <new>
#include <stdexcept>

#include "apps/python/bind.h"
#include "kernels/core/error.h"

namespace nb = nanobind;

namespace crc::python {
namespace {

void raise(ExitCode code, const char* words) {
  try {
    const nb::object error = nb::module_::import_("crc_active.errors").attr("error_of")(int(code), words);
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(error.ptr())), error.ptr());
  } catch (nb::python_error& e) {
    e.restore();
  }
}

void translate(const std::exception_ptr& thrown, void*) {
  try {
    std::rethrow_exception(thrown);
  } catch (const Error& error) {
    raise(error.code(), error.what());
  } catch (const std::bad_alloc&) {
    raise(ExitCode::out_of_memory, "out of host memory; use less data or a larger machine");
  } catch (const std::length_error&) {
    raise(ExitCode::out_of_memory,
          "out of host memory: an array would be larger than any memory; ask for less");
  }
}

}  // namespace

void bind_errors(nb::module_&) { nb::register_exception_translator(translate); }

}  // namespace crc::python
