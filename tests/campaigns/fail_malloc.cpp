// Makes an allocation of a program fail, to see what the program does then:
//   c++ -shared -fPIC -o fail_malloc.so fail_malloc.cpp
//   FAIL_MALLOC=1000 LD_PRELOAD=./fail_malloc.so PROGRAM...
// The calls of malloc, calloc, realloc, aligned_alloc, memalign and posix_memalign are counted from the start of main,
// on all threads together; number FAIL_MALLOC returns null, and with a + behind it ("1000+") every later one of at
// least 64 bytes, too: memory that is gone stays gone, but for crumbs. FAIL_MALLOC=0 says the count on stderr at the
// end.
#include <dlfcn.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
}

namespace {

std::atomic<long> calls = 0;
long failing = 0;
bool sticky = false, counting = false;

bool fails(size_t bytes) {
  if (!counting) return false;
  const long call = ++calls;
  if (failing <= 0 || call < failing || (call > failing && (!sticky || bytes < 64))) return false;
  errno = ENOMEM;
  return true;
}

using Main = int (*)(int, char**, char**);
Main program;

int counted(int argc, char** argv, char** environment) {
  if (const char* which = getenv("FAIL_MALLOC")) {
    failing = atol(which);
    sticky = strchr(which, '+') != nullptr;
    counting = true;
  }
  return program(argc, argv, environment);
}

void say() {
  char text[64];
  if (counting && failing == 0)
    (void)!write(2, text, size_t(snprintf(text, sizeof text, "allocations %ld\n", calls.load())));
}
__attribute__((destructor)) void end() { say(); }

}  // namespace

extern "C" {

void* malloc(size_t bytes) { return fails(bytes) ? nullptr : __libc_malloc(bytes); }
void* calloc(size_t count, size_t bytes) { return fails(count * bytes) ? nullptr : __libc_calloc(count, bytes); }
void* realloc(void* old, size_t bytes) { return fails(bytes) ? nullptr : __libc_realloc(old, bytes); }
void* memalign(size_t alignment, size_t bytes) { return fails(bytes) ? nullptr : __libc_memalign(alignment, bytes); }
void* aligned_alloc(size_t alignment, size_t bytes) { return memalign(alignment, bytes); }
int posix_memalign(void** out, size_t alignment, size_t bytes) {
  void* data = memalign(alignment, bytes);
  if (!data) return ENOMEM;
  *out = data;
  return 0;
}

int __libc_start_main(Main start, int argc, char** argv, void (*init)(), void (*fini)(), void (*loader)(),
                      void* stack) {
  program = start;
  using Start = int (*)(Main, int, char**, void (*)(), void (*)(), void (*)(), void*);
  return reinterpret_cast<Start>(dlsym(RTLD_NEXT, "__libc_start_main"))(counted, argc, argv, init, fini, loader, stack);
}

// Programs may end without destructors.
void _exit(int code) {
  say();
  reinterpret_cast<void (*)(int)>(dlsym(RTLD_NEXT, "_exit"))(code);
  __builtin_unreachable();
}

}  // extern "C"
