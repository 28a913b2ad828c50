// The Python module crc_active._crc.
#include "apps/python/bind.h"

NB_MODULE(_crc, m) {
  crc::python::bind_errors(m);
  crc::python::bind_select(m);
  crc::python::bind_run(m);
}
