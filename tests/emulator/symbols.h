// The program's own symbol table.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace emulator {

struct Symbol {
  size_t value, bytes;  // value: an address relative to the program's, or to the thread-local segment
  std::string name;     // demangled
};
std::string function_at(const void* address);  // "" if unknown
// Thread-local variables of functions, by value: the __shared__ ones.
std::vector<Symbol> thread_local_symbols();

}  // namespace emulator
