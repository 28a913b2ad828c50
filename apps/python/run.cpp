#include "apps/python/bind.h"

namespace crc::python {

void bind_run(nanobind::module_&) {}

}  // namespace crc::python
