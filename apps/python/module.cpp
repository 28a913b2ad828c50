// The Python module crc_active._crc.
#include "apps/python/bind.h"

NB_MODULE(_crc, m) {
  nanobind::set_leak_warnings(false);  // a program that ends while it holds a Run hears nothing of it
  crc::python::bind_errors(m);
  crc::python::bind_select(m);
  crc::python::bind_run(m);
}
