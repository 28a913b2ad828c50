#include "tests/emulator/symbols.h"

#include <cxxabi.h>
#include <dlfcn.h>
#include <elf.h>
#include <link.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>

namespace emulator {
namespace {

std::string demangled(const char* name) {
  char* text = abi::__cxa_demangle(name, nullptr, nullptr, nullptr);
  const std::string result = text ? text : name;
  std::free(text);
  return result;
}

// f(symbol, its mangled name) for every symbol of the program.
template <class F> void for_each_symbol(F f) {
  std::ifstream file("/proc/self/exe", std::ios::binary);
  const std::string image((std::istreambuf_iterator<char>(file)), {});
  const auto* header = reinterpret_cast<const ElfW(Ehdr)*>(image.data());
  const auto* sections = reinterpret_cast<const ElfW(Shdr)*>(image.data() + header->e_shoff);
  for (int s = 0; s < header->e_shnum; ++s) {
    if (sections[s].sh_type != SHT_SYMTAB) continue;
    const auto* symbols = reinterpret_cast<const ElfW(Sym)*>(image.data() + sections[s].sh_offset);
    const char* names = image.data() + sections[sections[s].sh_link].sh_offset;
    for (size_t i = 0; i < sections[s].sh_size / sizeof *symbols; ++i)
      if (symbols[i].st_shndx != SHN_UNDEF) f(symbols[i], names + symbols[i].st_name);
  }
}

}  // namespace

std::string function_at(const void* address) {
  Dl_info info{};
  if (!dladdr(address, &info) || !info.dli_fbase) return "";
  const auto offset = size_t(static_cast<const char*>(address) - static_cast<const char*>(info.dli_fbase));
  std::string found;
  for_each_symbol([&](const ElfW(Sym) & symbol, const char* name) {
    if ((symbol.st_info & 15) == STT_FUNC && symbol.st_value == offset) found = demangled(name);
  });
  return found.substr(0, found.rfind('('));  // without its parameters
}

std::vector<Symbol> thread_local_symbols() {
  std::vector<Symbol> found;
  for_each_symbol([&](const ElfW(Sym) & symbol, const char* name) {
    const bool of_function = strncmp(name, "_ZZ", 3) == 0;  // _ZZ<function>E<variable>
    if ((symbol.st_info & 15) == STT_TLS && of_function)
      found.push_back({symbol.st_value, symbol.st_size, demangled(name)});
  });
  std::sort(found.begin(), found.end(), [](const Symbol& a, const Symbol& b) { return a.value < b.value; });
  return found;
}

}  // namespace emulator
