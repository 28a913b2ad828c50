#include "crc/select.h"

#include <fmt/format.h>
#include <pthread.h>

#include <atomic>
#include <chrono>
#include <new>
#include <stdexcept>
#include <system_error>

#include "crc/custom.h"
#include "crc/query.h"
#include "kernels/core/interrupt.h"
#include "kernels/cpu/lapack.h"

namespace crc_active {
inline namespace v1 {
namespace {

using crc::Context;
using crc::ExitCode;
using crc::KeepThreads;

template <class F> auto translated(F&& f) -> decltype(f()) {
  try {
    return f();
  } catch (const crc::Error& error) {
    throw Error(int(error.code()), error.what());
  } catch (const std::length_error&) {
    throw Error(int(ExitCode::out_of_memory),
                "out of host memory: an array would be larger than any memory; ask for less");
  } catch (const std::system_error& error) {
    const bool memory =
        error.code() == std::errc::resource_unavailable_try_again || error.code() == std::errc::not_enough_memory;
    if (!memory) throw;  // a caller's
    throw Error(int(ExitCode::out_of_memory), fmt::format("no thread or memory is left: {}; run less at a time, or "
                                                          "allow more (ulimit -u, ulimit -v)",
                                                          error.what()));
  }
}

template <class Enum> Enum parsed(const std::string& word, const char* option) {
  std::string known;
  const auto words = words_of(Enum{});
  for (size_t k = 0; k < words.size(); ++k) {
    if (words[k] == word) return Enum(k);
    known += (known.empty() ? "" : ", ") + std::string(words[k]);
  }
  crc::fail(ExitCode::usage, fmt::format("{}: {} is not one of {}", option, word, known));
}

void check_range(const char* option, double value, double low, double high) {
  if (!(value >= low && value <= high))
    crc::fail(ExitCode::usage, fmt::format("{}: {} is not in {} to {}", option, value, low, high));
}

crc::select::Config config_of(const Options& o) {
  constexpr double kMost = 1e12;
  check_range("budget", double(o.budget), 0, kMost);
  check_range("group_size", double(o.group_size), 1, kMost);
  check_range("draws", double(o.draws), 0, kMost);
  if (o.radius != 0) check_range("radius", o.radius, 1e-30, 1e30);
  check_range("bait_top", double(o.bait_top), 0, kMost);
  check_range("partitions", double(o.partitions), 1, kMost);
  check_range("quota", double(o.quota), 0, kMost);
  check_range("per_cluster", double(o.per_cluster), 0, kMost);
  check_range("round", double(o.round), 0, 100000);
  check_range("threads", o.threads, 0, 4096);
  crc::select::Config config;
  config.name = o.acquisition, config.budget = o.budget, config.group_size = o.group_size;
  config.search = parsed<crc::select::Search>(o.search, "search");
  config.solver = parsed<crc::select::Solver>(o.solver, "solver");
  config.candidates = o.draws, config.radius = o.radius, config.partitions = o.partitions;
  config.bait_top = o.bait_top, config.seed = o.seed, config.round = o.round;
  config.say = o.say, config.progress = o.progress;
  return config;
}

// The GPU that holds an array is what "auto" means.
std::string device_of(const Problem& problem, const std::string& asked) {
  if (asked != "auto") return asked;
  for (const auto* arrays : {&problem.features, &problem.logits})
    for (const Array& array : *arrays)
      if (array.cuda >= 0) return fmt::format("cuda:{}", array.cuda);
  return asked;
}

// A process that was forked has OpenMP's memory of threads that it lacks, and would wait for them for ever: it works on
// one thread.
bool is_forked() {
  static std::atomic<bool> forked = false;
  static const int registered = pthread_atfork(nullptr, nullptr, [] { forked = true; });
  return registered == 0 && forked;
}

Context make_context(const Problem& problem, const Options& options) {
  const int threads = is_forked() ? 1 : options.threads;
  if (options.device == "cpu") return Context::cpu(threads);
  Context context = Context::from_name(device_of(problem, options.device), Context::For::selection);
  if (threads > 0 && context.device().kind == crc::DeviceKind::cpu) return Context::cpu(threads);
  return context;
}

std::map<std::string, double> facts_of(const crc::select::Selection& s) {
  if (s.rank == 0) return {};
  return {{"rank", double(s.rank)},
          {"labeled_rank", double(s.labeled_rank)},
          {"constant_features", double(s.constant_features)},
          {"below_noise", double(s.below_noise)},
          {"copies", double(s.copies)},
          {"duplicates", double(s.duplicates)},
          {"achieved", s.achieved},
          {"noise_floor", s.noise_floor}};
}

Selection result_of(crc::select::Chosen&& found) {
  crc::select::Selection& s = found.selection;
  Selection result{.picks = std::move(s.picks),
                   .group_size = s.group_size,
                   .candidates = std::move(s.candidates),
                   .scores = std::move(s.scores),
                   .summary = std::move(s.summary),
                   .outlook = std::move(found.outlook),
                   .warnings = std::move(s.warnings)};
  for (crc::select::Group& group : s.groups) result.groups.push_back({std::move(group.items), group.score});
  result.represents = {std::move(found.represented.items), std::move(found.represented.by),
                       std::move(found.represented.distances)};
  result.facts = facts_of(s);
  return result;
}

Selection run(const Problem& problem, const Options& options) {
  const crc::Interruptible interruptible(!options.stop ? std::function<void()>() : [&] {
    if (options.stop()) crc::fail(ExitCode::preempted, "stopped: the selection was asked to end before it was done");
  });
  crc::select::Query query(problem, {.config = config_of(options),
                                     .quota = options.quota,
                                     .per_cluster = options.per_cluster,
                                     .represents = options.represents});
  query.take(problem);
  Context context = make_context(problem, options);
  query.load(context);
  Selection result = result_of(query.choose(context));
  result.notes = query.notes();
  for (const auto* arrays : {&query.features(), &query.logits()})
    if (!arrays->in_place()) result.copied.push_back(arrays->name());
  result.device = context.choice().empty() ? context.describe() : context.choice();
  return result;
}

}  // namespace

Selection select(const Problem& problem, const Options& options) {
  return translated([&] {
    const auto start = std::chrono::steady_clock::now();
    const KeepThreads keep;
    Selection found = run(problem, options);
    found.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return found;
  });
}

void register_acquisition(const std::string& name, std::function<Answer(const Question&)> ask) {
  translated([&] { crc::select::register_custom(name, std::move(ask)); });
}

std::vector<std::string> acquisitions() {
  std::vector<std::string> names;
  for (const crc::select::Acquisition& a : crc::select::acquisitions()) names.push_back(a.name);
  for (std::string& name : crc::select::custom_names()) names.push_back(std::move(name));
  return names;
}

std::string version() { return CRC_LIBRARY_VERSION; }

}  // namespace v1
}  // namespace crc_active
