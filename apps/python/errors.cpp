// Errors become exceptions of crc_active.errors, with the same words.
#include <new>
#include <stdexcept>

#include "apps/python/bind.h"
#include "crc/select.h"
#include "kernels/core/error.h"

namespace nb = nanobind;

namespace crc::python {
namespace {

void raise(int code, const char* words) {
  try {
    const nb::object error = nb::module_::import_("crc_active.errors").attr("error_of")(code, words);
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(error.ptr())), error.ptr());
  } catch (nb::python_error& e) {
    e.restore();
  }
}

void translate(const std::exception_ptr& thrown, void*) {
  try {
    std::rethrow_exception(thrown);
  } catch (const Error& error) {
    raise(int(error.code()), error.what());
  } catch (const crc_active::Error& error) {
    raise(error.exit_code(), error.what());
  } catch (const std::bad_alloc&) {
    raise(int(ExitCode::out_of_memory), "out of host memory; use less data or a larger machine");
  } catch (const std::length_error&) {
    raise(int(ExitCode::out_of_memory), "out of host memory: an array would be larger than any memory; ask for less");
  }
}

}  // namespace

void bind_errors(nb::module_&) { nb::register_exception_translator(translate); }

}  // namespace crc::python
