// Whether a GPU can run this build: asked when a context is made, so that what is missing has a name.
#pragma once

namespace crc {

// Error device_unavailable: no driver, or one too old for this build; no such GPU; no code for it in this build.
void check_device(int index);

}  // namespace crc
