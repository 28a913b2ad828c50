// crc_bench: every kernel, and whole training steps, against the limits that this machine reaches in the same run.
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <regex>

#include "apps/base/command_line.h"
#include "apps/base/json.h"
#include "apps/base/outputs.h"
#include "apps/base/program.h"
#include "apps/base/progress.h"
#include "apps/base/terminal.h"
#include "apps/base/version.h"
#include "bench/cases.h"
#include "bench/plan.h"
#include "bench/report.h"
#include "bench/step_dump.h"
#include "bench/step_times.h"
#include "kernels/core/threads.h"

namespace {

using namespace crc;
using namespace crc::bench;

constexpr const char* kExamples =
    "\nExamples\n"
    "  crc_bench                                   all cases, about two minutes\n"
    "  crc_bench --filter 'conv2d.*k128'           what matches in \"op shape\"\n"
    "  crc_bench --json new.jsonl --compare old.jsonl\n"
    "\n'% limit' is the larger of FLOPs / arithmetic rate and bytes / copy rate, over the time measured; both rates "
    "come "
    "from\n"
    "this run. 'faster' and 'SLOWER' mark medians that differ by more than both runs' standard deviations.\n";

struct Options {
  std::string device = "auto", filter, json, compare, dump_step, method = "fixmatch", precision;
  int threads = 0;
  double time_limit = 0;
  bool list = false, plan = false, step = false, force = false;
  Settings settings;
};

void declare(apps::Command& line, Options& o) {
  line.option("--device", o.device, "auto, cpu or cuda").one_of({"auto", "cpu", "cuda"}).shows_default();
  apps::CommandOption list = line.flag("--list", o.list, "print the cases' names and stop");
  apps::CommandOption filter =
      line.option("--filter", o.filter, "only cases whose name contains a match of this regular expression");
  line.option("--threads", o.threads, "CPU threads; 0: all cores").in(0, kMostThreads).shows_default();
  line.flag("--quick", o.settings.quick, "every case once, at its smallest: to see that all run, not to measure");
  line.option("--min-time", o.settings.min_time, "seconds of samples per case, at least")
      .between(0, 3600)
      .shows_default();
  line.option("--max-time", o.settings.max_time, "seconds of samples per case, about at most")
      .between(1e-3, 3600)
      .shows_default();
  line.option("--time-limit", o.time_limit, "begin no case after so many seconds; 0: all cases")
      .between(0, 86400)
      .shows_default();
  apps::CommandOption json = line.option("--json", o.json, "write the results as JSON lines to this new file");
  apps::CommandOption dump = line.option("--dump-step", o.dump_step,
                                         "write one step's weights, images, losses and gradients to this new file");
  apps::CommandOption plan = line.flag(
      "--plan", o.plan, "print what a step of --method does on an H200: predicted work, traffic, kernels and time");
  apps::CommandOption step = line.flag(
      "--step", o.step, "time a real step of --method in --precision, op by op, beside what --plan says of each");
  line.option("--method", o.method, "of --dump-step, --plan and --step: fixmatch or mean_teacher")
      .one_of({"fixmatch", "mean_teacher"})
      .shows_default();
  line.option("--precision", o.precision,
              "of --dump-step and --step: fp32 (where it is not given), and tf32 or bf16 where the device has them")
      .one_of({"fp32", "tf32", "bf16"});
  line.flag("--force", o.force, "replace output files that exist");
  apps::CommandOption compare = line.option("--compare", o.compare, "an older --json file: print old time / new time");
  for (const apps::CommandOption& other : {list, filter, json, dump, compare, step}) plan.excludes(other);
  for (const apps::CommandOption& other : {list, filter, dump, compare}) step.excludes(other);
}

std::vector<Case> selected(const Scale& scale, const std::string& filter) {
  std::vector<Case> cases = all_cases(scale);
  try {
    const std::regex pattern(filter);
    std::erase_if(cases, [&](const Case& c) { return !std::regex_search(c.name(), pattern); });
  } catch (const std::regex_error& e) {
    fail(ExitCode::usage, fmt::format("--filter '{}' is not a regular expression: {}", filter, e.what()));
  }
  if (cases.empty()) fail(ExitCode::usage, fmt::format("no case matches --filter '{}'; see crc_bench --list", filter));
  return cases;
}

std::string processor() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  return "unknown processor";
}

Scale scale_of(const Context& context, bool quick) {
  return {.cuda = context.device().kind == DeviceKind::cuda, .quick = quick, .bf16 = context.has_bf16()};
}

Precision precision_of(const Context& context, const Options& o) {
  const std::vector<Precision> all = precisions(scale_of(context, false));
  if (o.precision.empty()) return all.front();
  for (const Precision& precision : all)
    if (o.precision == precision.name) return precision;
  fail(ExitCode::usage, fmt::format("--precision {} is not one that {} has", o.precision, context.describe()));
}

void dump(Context& context, const Options& o) {
  const Precision precision = precision_of(context, o);
  apps::Outputs file({o.dump_step}, {.force = o.force, .inputs = {}});
  file.put(o.dump_step, nn::encode_safetensors(dump_step(context, scale_of(context, false), o.method, precision)));
  file.commit();
}

// A new file that grows line by line, so that a run that is stopped leaves what it measured.
class JsonLines {
 public:
  explicit JsonLines(const Options& o) : path_(o.json) {
    apps::Outputs file({path_}, {.force = o.force, .inputs = {o.compare}});
    file.put(path_, std::string_view());
    file.commit();
  }
  void write(const nlohmann::json& line) const {
    if (!path_.empty()) apps::append_text(path_, apps::json_text(line) + "\n", apps::Durable::no);
  }

 private:
  std::string path_;
};

void print(const std::string& line) { apps::print("{}\n", line); }

void describe_machine(const Context& context, const JsonLines& json) {
  double load = 0;
  ::getloadavg(&load, 1);
  const long cores = ::sysconf(_SC_NPROCESSORS_ONLN);
  print(fmt::format("# crc_bench {} ({}, {})", apps::version(), apps::commit(), apps::compiler()));
  print(fmt::format("# {}; {}, {} cores, load {:.2f}", context.describe(), processor(), cores, load));
  if (load > 0.25 * double(cores))
    apps::print_error("crc_bench: warning: other processes keep this machine busy (load {:.2f}); times will be noisy\n",
                      load);
  json.write({{"kind", "machine"},
              {"version", apps::version()},
              {"commit", apps::commit()},
              {"compiler", apps::compiler()},
              {"device", context.describe()},
              {"processor", processor()},
              {"cores", cores},
              {"load", load},
              {"time", apps::utc_now()}});
}

void print_plans(const std::string& method) {
  print(fmt::format(
      "# {}: {:.0f} TFLOP/s in bf16, {:.0f} in tf32, {:.0f} in fp32, {:.1f} TB/s, {:.0f} us between kernels; nothing "
      "of this is measured\n",
      kH200.name, kH200.bf16 / 1e12, kH200.tf32 / 1e12, kH200.fp32 / 1e12, kH200.bandwidth / 1e12, 1e6 * kH200.launch));
  for (const Precision& precision : precisions({.cuda = true})) {
    const StepPlan plan = plan_step(method, precision, kH200);
    const bool strict = precision.dtype == Dtype::f32 && !precision.tf32;  // nothing is fused then
    print(describe(plan) + (strict ? "" : describe(plan_step(method, precision, kH200, /*fused=*/true), plan)));
  }
}

// Predictions are for the limits that were measured just before.
void time_step(Context& context, const Options& o, const std::function<Context()>& contexts) {
  const Precision precision = precision_of(context, o);
  const JsonLines json(o);
  describe_machine(context, json);
  const Ceilings ceilings = measure_ceilings(contexts, o.settings);
  json.write(to_json(ceilings));
  print("# ceilings: " + describe(ceilings));
  const Scale scale = scale_of(context, o.settings.quick);
  const MeasuredStep step = measure_step(context, scale, o.method, precision, limits_of(ceilings, scale.cuda),
                                         o.settings.quick ? 1 : o.settings.repetitions);
  print(describe(step));
  json.write(to_json(step));
}

int run(const Options& o) {
  if (!o.precision.empty() && o.dump_step.empty() && !o.step)
    fail(ExitCode::usage, "--precision is of --dump-step and --step; cases and plans are of every precision");
  if (o.plan) {
    print_plans(o.method);
    return 0;
  }
  // A context per case: what its arena holds at the end is what the case needs.
  const auto make_context = [&o, device = std::string()]() mutable {
    if (device.empty()) device = to_string(Context::from_name(o.device).device());
    return device == "cpu" ? Context::cpu(o.threads) : Context::from_name(device);
  };
  const std::function<Context()> contexts = make_context;
  Context first = contexts();
  if (!o.dump_step.empty()) {
    dump(first, o);
    return 0;
  }
  if (o.step) {
    time_step(first, o, contexts);
    return 0;
  }
  const std::vector<Case> cases = selected(scale_of(first, o.settings.quick), o.filter);
  if (o.list) {
    for (const Case& c : cases) print(c.name());
    return 0;
  }
  Baseline baseline;
  if (!o.compare.empty()) baseline = read_baseline(o.compare);
  const JsonLines json(o);

  describe_machine(first, json);
  const Ceilings ceilings = measure_ceilings(contexts, o.settings);
  json.write(to_json(ceilings));
  print("# ceilings: " + describe(ceilings));
  if (!o.compare.empty() && baseline.machine != first.describe())
    print(fmt::format("# the old run was made on another device: {}", baseline.machine));
  print(table_header(!o.compare.empty()));
  int64_t wrong = 0;
  std::map<std::string, Result> results;
  const auto start = std::chrono::steady_clock::now();
  int64_t left_out = 0;
  for (const Case& c : cases) {
    if (o.time_limit > 0 && apps::seconds_since(start) > o.time_limit) {
      json.write({{"kind", "left out"}, {"op", c.op}, {"shape", c.shape}});
      ++left_out;
      continue;
    }
    Context context = contexts();
    const Result result = result_of(c, measure(c, context, o.settings), ceilings);
    wrong += !result.timing.accuracy.passed();
    std::string row = table_row(result);
    if (const auto old = baseline.results.find(result.name());
        old != baseline.results.end() && result.timing.accuracy.passed())
      row += comparison_columns(compare(old->second, result));
    print(row);
    json.write(to_json(result));
    results[result.name()] = result;
  }
  if (left_out > 0)
    print(fmt::format("# {} of {} cases were left out after {:.0f} s (--time-limit)", left_out, cases.size(),
                      o.time_limit));
  for (const Breakdown& breakdown : breakdowns(cases, results)) {
    print("# " + describe(breakdown));
    json.write(to_json(breakdown));
  }
  print("# ceilings after: " + describe(measure_ceilings(contexts, o.settings)));
  if (wrong > 0)
    fail(ExitCode::numerical, fmt::format("{} of {} kernels are further from fp64 than their class allows (rows marked "
                                          "WRONG); run the tests of these ops before trusting any result",
                                          wrong, cases.size()));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return apps::run_program("crc_bench", [&] {
    apps::CommandLine line("crc_bench", "every kernel against this machine's measured limits", kExamples);
    Options options;
    declare(line.top(), options);
    if (!line.parse(argc, argv)) return 0;
    if (options.settings.quick) options.settings.min_time = 0, options.settings.repetitions = 1;
    return run(options);
  });
}
