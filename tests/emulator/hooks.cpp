// What code compiled with -fsanitize=thread and -fsanitize=alignment calls. Kernels are compiled so, but linked with
// these functions instead of the sanitizers' runtimes: the checker has CUDA's rules, theirs are for threads of C++.
#include "tests/emulator/hooks.h"

#include <cstdint>
#include <cstring>

#include "tests/emulator/report.h"

#define CODE __builtin_return_address(0)

extern "C" {

void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_read(void**) {}
void __tsan_vptr_update(void**, void*) {}

#define ACCESS(bytes)                                                                                       \
  void __tsan_read##bytes(void* p) { emulator::on_access(p, bytes, false, false, CODE); }                   \
  void __tsan_write##bytes(void* p) { emulator::on_access(p, bytes, true, false, CODE); }                   \
  void __tsan_unaligned_read##bytes(void* p) { emulator::on_access(p, bytes, false, false, CODE); }         \
  void __tsan_unaligned_write##bytes(void* p) { emulator::on_access(p, bytes, true, false, CODE); }         \
  void __tsan_volatile_read##bytes(void* p) { emulator::on_access(p, bytes, false, true, CODE); }           \
  void __tsan_volatile_write##bytes(void* p) { emulator::on_access(p, bytes, true, true, CODE); }           \
  void __tsan_unaligned_volatile_read##bytes(void* p) { emulator::on_access(p, bytes, false, true, CODE); } \
  void __tsan_unaligned_volatile_write##bytes(void* p) { emulator::on_access(p, bytes, true, true, CODE); } \
  void __tsan_read_write##bytes(void* p) {                                                                  \
    emulator::on_access(p, bytes, false, false, CODE);                                                      \
    emulator::on_access(p, bytes, true, false, CODE);                                                       \
  }                                                                                                         \
  void __tsan_unaligned_read_write##bytes(void* p) {                                                        \
    emulator::on_access(p, bytes, false, false, CODE);                                                      \
    emulator::on_access(p, bytes, true, false, CODE);                                                       \
  }
ACCESS(1)
ACCESS(2)
ACCESS(4)
ACCESS(8)
ACCESS(16)

void __tsan_read_range(void* p, size_t bytes) { emulator::on_access(p, bytes, false, false, CODE); }
void __tsan_write_range(void* p, size_t bytes) { emulator::on_access(p, bytes, true, false, CODE); }
void* __tsan_memcpy(void* to, const void* from, size_t bytes) {
  emulator::on_access(from, bytes, false, false, CODE);
  emulator::on_access(to, bytes, true, false, CODE);
  return memcpy(to, from, bytes);
}
void* __tsan_memmove(void* to, const void* from, size_t bytes) {
  emulator::on_access(from, bytes, false, false, CODE);
  emulator::on_access(to, bytes, true, false, CODE);
  return memmove(to, from, bytes);
}
void* __tsan_memset(void* to, int value, size_t bytes) {
  emulator::on_access(to, bytes, true, false, CODE);
  return memset(to, value, bytes);
}

void __tsan_atomic_thread_fence(int) {}
void __tsan_atomic_signal_fence(int) {}
#define ATOMIC(bits, T)                                                                                \
  T __tsan_atomic##bits##_load(const volatile T* p, int) {                                             \
    emulator::on_atomic(p, sizeof(T), CODE);                                                           \
    return *p;                                                                                         \
  }                                                                                                    \
  void __tsan_atomic##bits##_store(volatile T* p, T value, int) {                                      \
    emulator::on_atomic(p, sizeof(T), CODE);                                                           \
    *p = value;                                                                                        \
  }                                                                                                    \
  int __tsan_atomic##bits##_compare_exchange_strong(volatile T* p, T* expected, T value, int, int) {   \
    emulator::on_atomic(p, sizeof(T), CODE);                                                           \
    return __atomic_compare_exchange_n(p, expected, value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED); \
  }                                                                                                    \
  T __tsan_atomic##bits##_compare_exchange_val(volatile T* p, T expected, T value, int, int) {         \
    emulator::on_atomic(p, sizeof(T), CODE);                                                           \
    __atomic_compare_exchange_n(p, &expected, value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);       \
    return expected;                                                                                   \
  }                                                                                                    \
  T __tsan_atomic##bits##_fetch_add(volatile T* p, T value, int) { /* the host's reference counts */   \
    emulator::on_atomic(p, sizeof(T), CODE);                                                           \
    return __atomic_fetch_add(p, value, __ATOMIC_SEQ_CST);                                             \
  }                                                                                                    \
  T __tsan_atomic##bits##_fetch_sub(volatile T* p, T value, int) {                                     \
    emulator::on_atomic(p, sizeof(T), CODE);                                                           \
    return __atomic_fetch_sub(p, value, __ATOMIC_SEQ_CST);                                             \
  }
ATOMIC(8, uint8_t)
ATOMIC(32, uint32_t)
ATOMIC(64, uint64_t)

// clang's and g++'s common description of a failed alignment or null check.
struct TypeMismatch {
  struct {
    const char* file;
    uint32_t line, column;
  } location;
  struct Type {
    uint16_t kind, info;
    char name[1];
  } * type;
  unsigned char log_alignment, kind;
};
void __ubsan_handle_type_mismatch_v1(TypeMismatch* mismatch, uintptr_t address) {
  emulator::fail({mismatch->location.file, int(mismatch->location.line)},
                 "MISALIGNED: access to type %s at %p, which needs an alignment of %d bytes", mismatch->type->name,
                 reinterpret_cast<void*>(address), 1 << mismatch->log_alignment);
}
void __ubsan_handle_type_mismatch_v1_abort(TypeMismatch* mismatch, uintptr_t address) {
  __ubsan_handle_type_mismatch_v1(mismatch, address);
}
}
