#include "tests/emulator/fiber.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#if !defined(__x86_64__) && !defined(__aarch64__)
#define EMULATOR_UCONTEXT 1
#include <ucontext.h>
#endif

// Present when the program is linked with AddressSanitizer, which must know of every change of stack.
extern "C" __attribute__((weak)) void __sanitizer_start_switch_fiber(void** fake_stack, const void* bottom,
                                                                     size_t size);
extern "C" __attribute__((weak)) void __sanitizer_finish_switch_fiber(void* fake_stack, const void** bottom,
                                                                      size_t* size);

#if defined(EMULATOR_UCONTEXT)
static void emulator_switch(void** from, void* to) {
  ucontext_t here;
  *from = &here;
  swapcontext(&here, static_cast<ucontext_t*>(to));
}
#else
// Pushes the callee-saved registers, stores the stack pointer in *from, and does the reverse with `to`.
extern "C" void emulator_switch(void** from, void* to);
#if defined(__x86_64__)
asm(R"(
  .text
  .p2align 4
  .globl emulator_switch
  .type emulator_switch, @function
emulator_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
  .size emulator_switch, . - emulator_switch
)");
#else
asm(R"(
  .text
  .p2align 4
  .globl emulator_switch
  .type emulator_switch, %function
emulator_switch:
  sub sp, sp, #160
  stp x19, x20, [sp]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldp x19, x20, [sp]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
  .size emulator_switch, . - emulator_switch
)");
#endif
#endif

namespace emulator {
namespace {

// One scheduler runs at a time (the runtime holds its lock), so plain globals do.
Fiber* running = nullptr;
void* scheduler_context = nullptr;
void* scheduler_fake_stack = nullptr;
const void* scheduler_stack_bottom = nullptr;
size_t scheduler_stack_bytes = 0;
std::vector<char*> free_stacks, all_stacks;

}  // namespace

char* Fiber::take_stack() {
  if (free_stacks.empty()) {
    void* memory = mmap(nullptr, kStackBytes + kGuardBytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory, kGuardBytes, PROT_NONE) != 0) abort();
    all_stacks.push_back(static_cast<char*>(memory) + kGuardBytes);
    free_stacks.push_back(all_stacks.back());
  }
  char* stack = free_stacks.back();
  free_stacks.pop_back();
  return stack;
}

bool Fiber::is_overflow(const void* address) {
  for (const char* stack : all_stacks)
    if (address < stack && address >= stack - kGuardBytes) return true;
  return false;
}

void Fiber::start(void (*entry)()) {
  stack_ = take_stack();
  entry_ = entry;
#if defined(EMULATOR_UCONTEXT)
  auto* context = reinterpret_cast<ucontext_t*>(stack_);  // at the far end of the stack: in the way of nothing
  getcontext(context);
  context->uc_stack.ss_sp = stack_ + sizeof(ucontext_t);
  context->uc_stack.ss_size = kStackBytes - sizeof(ucontext_t);
  context->uc_link = nullptr;
  makecontext(context, entry_point, 0);
  context_ = context;
#elif defined(__x86_64__)
  void** top = reinterpret_cast<void**>(stack_ + kStackBytes) - 2;  // a function is entered at rsp % 16 == 8
  top[0] = reinterpret_cast<void*>(entry_point);
  top[1] = nullptr;  // its return address: where stack traces end
  std::memset(top - 6, 0, 6 * sizeof(void*));
  context_ = top - 6;
#else
  void** registers = reinterpret_cast<void**>(stack_ + kStackBytes) - 20;
  std::memset(registers, 0, 20 * sizeof(void*));
  registers[11] = reinterpret_cast<void*>(entry_point);  // x30
  context_ = registers;
#endif
}

void Fiber::entry_point() {
  if (__sanitizer_finish_switch_fiber)
    __sanitizer_finish_switch_fiber(nullptr, &scheduler_stack_bottom, &scheduler_stack_bytes);
  running->entry_();
  abort();  // an entry ends with finish()
}

void Fiber::resume() {
  running = this;
  if (__sanitizer_start_switch_fiber) __sanitizer_start_switch_fiber(&scheduler_fake_stack, stack_, kStackBytes);
  emulator_switch(&scheduler_context, context_);
  if (__sanitizer_finish_switch_fiber) __sanitizer_finish_switch_fiber(scheduler_fake_stack, nullptr, nullptr);
  running = nullptr;
}

void Fiber::leave(bool for_good) {
  if (__sanitizer_start_switch_fiber)
    __sanitizer_start_switch_fiber(for_good ? nullptr : &fake_stack_, scheduler_stack_bottom, scheduler_stack_bytes);
  emulator_switch(&context_, scheduler_context);
  if (__sanitizer_finish_switch_fiber)
    __sanitizer_finish_switch_fiber(fake_stack_, &scheduler_stack_bottom, &scheduler_stack_bytes);
}

void Fiber::suspend() { leave(false); }

void Fiber::finish() {
  free_stacks.push_back(stack_);  // the scheduler runs next: nobody takes it before this stack is left
  leave(true);
  abort();  // nobody resumes a finished fiber
}

}  // namespace emulator
