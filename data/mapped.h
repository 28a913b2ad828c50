// What can happen to files that map_file() has mapped, as long as they are: their bytes change under whoever reads
// them.
#pragma once

namespace crc::data {

// To be asked before results are written. Error corrupt_data: a file that is mapped now is no longer what it was when
// it was mapped (size, time, inode).
void check_mapped_files();

// The path of the file that is mapped at `address`, or null. May be called in a signal handler: where a mapped file has
// become shorter, or its disk fails, reading it raises SIGBUS.
const char* mapped_path(const void* address);

}  // namespace crc::data
