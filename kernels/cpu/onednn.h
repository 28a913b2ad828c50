// oneDNN's engine, stream and cache of primitives, one per Cpu backend.
#pragma once

namespace crc {
class OneDnn {};
}  // namespace crc
