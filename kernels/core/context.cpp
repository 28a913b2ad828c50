#include "kernels/core/context.h"

#include "kernels/core/take_for.h"

namespace crc {

Context::Context(std::shared_ptr<Cpu> cpu, std::shared_ptr<Cuda> cuda) : cpu_(std::move(cpu)), cuda_(std::move(cuda)) {
  device_ = visit([](auto& b) { return device_of(b); });
  scratch_ = visit([](auto& b) { return &scratch_of(b); });
  branches_ = std::make_shared<Branches>();
}

Context Context::cuda(int index) {
  if constexpr (kCudaBuild) return Context(nullptr, make_cuda(index));
  fail(ExitCode::device_unavailable, "device cuda:" + std::to_string(index) +
                                         ": this build has no CUDA backend; build with the CUDA toolkit installed "
                                         "(cmake --preset cuda) or use the CPU "
                                         "(run.device = \"cpu\", --device cpu)");
}

// Addresses of its own, in order.
struct Context::Dry {
  bool fused = false;
  static constexpr int64_t kAlignment = 256;
  std::shared_ptr<int64_t> next = std::make_shared<int64_t>(kAlignment);
  Arena arena{{[this](int64_t bytes) { return next_address(bytes); }, [](void*) {}, Device{}}};
  void* next_address(int64_t bytes) {
    const int64_t address = *next;
    *next += (bytes / kAlignment + 1) * kAlignment;
    return reinterpret_cast<void*>(address);
  }
};

Context Context::dry(bool fused) {
  Context context = cpu();
  context.dry_ = std::make_shared<Dry>();
  context.dry_->fused = fused;
  context.scratch_ = &context.dry_->arena;
  return context;
}

// An error about a device without its advice, which comes after the first semicolon: "cuda:0: no usable NVIDIA GPU".
static std::string reason_of(const Error& error) {
  const std::string what = error.what(), reason = what.substr(0, what.find("; ")), device = "device ";
  return reason.starts_with(device) ? reason.substr(device.size()) : "cuda:0: " + reason;
}

int Context::gpus() {
  if constexpr (kCudaBuild) return cuda_devices();
  return 0;
}
std::vector<std::string> Context::gpu_names() {
  if constexpr (kCudaBuild) return cuda_names();
  return {};
}

Context Context::from_name(const std::string& name, For use, int gpu) {
  const auto on_cuda = [&](int index) {
    Context context = cuda(index);
    context.visit([&](auto& b) { open_libraries(b, use == For::training); });
    return context;
  };
  if (name == "cpu") return cpu();
  if (name == "cuda") return on_cuda(gpu);
  if (name.starts_with("cuda:") && name.size() > 5 && name.find_first_not_of("0123456789", 5) == std::string::npos &&
      name.size() < 9)
    return on_cuda(std::stoi(name.substr(5)));
  if (name == "auto") {
    try {
      Context context = on_cuda(gpu);
      context.choice_ = context.describe();
      return context;
    } catch (const Error& e) {
      if (e.code() != ExitCode::device_unavailable) throw;
      Context context = cpu();
      context.choice_ = context.describe() + "; not " + reason_of(e);
      return context;
    }
  }
  fail(ExitCode::config, "device \"" + name + "\" is not known; use auto, cpu, cuda or cuda:<number>");
}

Gate& Context::gate() {
  return visit([](auto& b) -> Gate& { return gate_of(b); });
}

bool Context::has_bf16() const {
  return const_cast<Context*>(this)->visit([](auto& b) { return crc::has_bf16(b); });
}

std::string Context::describe() const {
  if (dry_) return "dry: nothing runs";
  return const_cast<Context*>(this)->visit([](auto& b) { return crc::describe(b); });
}
std::shared_ptr<void> Context::allocate(int64_t bytes, const std::string& name) {
  const auto own = [&](auto backend) {
    void* data = take_for(name.c_str(), [&] { return crc::allocate(*backend, bytes); });
    crc::set_zero(*backend, data, bytes);
    return std::shared_ptr<void>(data, [backend](void* p) { release(*backend, p); });
  };
  std::shared_ptr<void> memory;
  if (dry_) memory = {dry_->next_address(bytes), [](void*) {}};
  if constexpr (kCudaBuild) {
    if (cuda_) {
      const DeviceScope here(*cuda_);
      memory = own(cuda_);
    }
  }
  if (!memory) memory = own(cpu_);
  if (trace_) trace_->made({name, memory.get(), bytes});
  return memory;
}
void Context::trace_into(Trace* trace) {
  trace_ = trace;
  scratch_->trace_into(trace, lane_);
  for (const auto& branch : *branches_) branch->trace_into(trace);
}

double Context::seconds(const Trace::Op& op) {
  if (!op.begin || !op.end) return 0;
  return visit([&](auto& b) { return seconds_between(b, op.begin.get(), op.end.get()); });
}

Context Context::make_branch() {
  if (dry_) {
    Context context = dry(dry_->fused);
    context.dry_->next = dry_->next;
    return context;
  }
  if constexpr (kCudaBuild) {
    if (cuda_) return Context(nullptr, crc::make_branch(*cuda_));
  }
  return Context(crc::make_branch(*cpu_), nullptr);
}

bool Context::fused(bool said) {
  const bool fused = dry_ ? dry_->fused : said;
  if (fused && trace_) trace_->fused();
  return fused;
}

Context& Context::branch(int i) {
  constexpr int kMost = 1023;  // so that lanes of branches of branches differ, too
  if (i < 1 || i > kMost) fail_internal("no branch " + std::to_string(i));
  while (int(branches_->size()) < i) {
    Context& made = *branches_->emplace_back(std::make_unique<Context>(make_branch()));
    made.lane_ = lane_ * (kMost + 1) + int(branches_->size());
    made.trace_into(trace_);
  }
  return *(*branches_)[size_t(i - 1)];
}

void Context::wait_for(Context& other) {
  if (trace_) trace_->waits(lane_, other.lane_);
  if (dry_) return;
  if constexpr (kCudaBuild) {
    if (cuda_) return crc::wait_for(*cuda_, *other.cuda_);
  }
  crc::wait_for(*cpu_, *other.cpu_);
}

void Context::side_by_side(int ways, const std::function<void(int, Context&)>& work) {
  for (int i = 1; i < ways; ++i) branch(i).wait_for(*this);
  for (int i = 0; i < ways; ++i) work(i, i == 0 ? *this : branch(i));
  for (int i = 1; i < ways; ++i) wait_for(branch(i));
}

void Context::for_each_scratch(const std::function<void(Arena&)>& visit) {
  visit(*scratch_);
  for (const auto& branch : *branches_) branch->for_each_scratch(visit);
}

void Context::synchronize() {
  if (dry_) return;
  visit([](auto& b) { crc::synchronize(b); });
}
void Context::open_exchange() {
  visit([](auto& b) { crc::open_exchange(b); });
}
void Context::join_ranks(Ranks& ranks) {
  visit([&](auto& b) { crc::join_ranks(b, ranks); });
}
void Context::leave_ranks() {
  visit([](auto& b) { crc::leave_ranks(b); });
}
std::function<void()> Context::record(std::function<void()> work) {
  if (dry_) return work;
  std::function<void()> replay = visit([&](auto& b) { return crc::record(b, std::move(work)); });
  if (device_.kind == DeviceKind::cpu) return replay;
  std::vector<std::shared_ptr<void>> held;  // the graph knows its addresses
  for_each_scratch([&](Arena& arena) {
    for (auto& block : arena.hold()) held.push_back(std::move(block));
  });
  return [replay = std::move(replay), held = std::move(held)] { replay(); };
}

}  // namespace crc
