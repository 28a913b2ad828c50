// The parts of the module _crc, one file each.
#pragma once

#include <nanobind/nanobind.h>

namespace crc::python {

void bind_errors(nanobind::module_& m);
void bind_select(nanobind::module_& m);
void bind_run(nanobind::module_& m);

}  // namespace crc::python
