#include "apps/python/bind.h"

namespace crc::python {

void bind_select(nanobind::module_&) {}

}  // namespace crc::python
