#include "bench/report.h"

#include <fmt/format.h>

#include <cmath>
#include <sstream>

#include "apps/base/files.h"

namespace crc::bench {
namespace {

std::string number_or_dash(double value, int decimals) {
  return value > 0 ? fmt::format("{:.{}f}", value, decimals) : "-";
}

}  // namespace

Result result_of(const Case& c, const Timing& timing, const Ceilings& ceilings) {
  if (!timing.accuracy.passed()) return {.op = c.op, .shape = c.shape, .timing = timing};
  const double seconds = 1e-6 * timing.us.median;
  const Roofline limit = roofline(c, ceilings);
  return {.op = c.op,
          .shape = c.shape,
          .timing = timing,
          .gflops = c.flops / seconds / 1e9,
          .gbytes = c.bytes / seconds / 1e9,
          .percent = 100 * limit.us / timing.us.median,
          .images_per_s = double(c.images) / seconds,
          .bound = limit.bound,
          .per_s = 1 / seconds};
}

Comparison compare(const Result& old, const Result& now) {
  const Statistics &a = old.timing.us, &b = now.timing.us;
  return {.ratio = a.median / b.median,
          .significant = std::abs(a.median - b.median) > a.cv * a.median + b.cv * b.median};
}

double Breakdown::rest_us() const {
  double rest = us;
  for (const auto& [name, part_us] : parts) rest -= part_us;
  return rest;
}

std::vector<Breakdown> breakdowns(const std::vector<Case>& cases, const std::map<std::string, Result>& results) {
  std::vector<Breakdown> found;
  for (const Case& whole : cases) {
    const auto measured = results.find(whole.name());
    if (measured == results.end()) continue;
    const Result& r = measured->second;
    Breakdown b{whole.name(), r.timing.us.median, r.per_s, r.images_per_s, {}};
    bool complete = true;
    for (const Case& part : cases) {
      if (part.part_of != whole.name()) continue;
      const auto of_part = results.find(part.name());
      complete = complete && of_part != results.end();
      if (complete) b.parts.emplace_back(part.op.substr(part.op.find(": ") + 2), of_part->second.timing.us.median);
    }
    if (complete && !b.parts.empty()) found.push_back(std::move(b));
  }
  return found;
}

std::string describe(const Breakdown& b) {
  std::string text =
      fmt::format("{}: {:.3f} ms, {:.1f} steps/s, {:.0f} images/s =", b.whole, b.us / 1e3, b.per_s, b.images_per_s);
  for (const auto& [name, us] : b.parts) text += fmt::format(" {} {:.1f} % +", name, 100 * us / b.us);
  return text + fmt::format(" rest {:.1f} %", 100 * b.rest_us() / b.us);
}

std::string table_header(bool comparing) {
  std::string line =
      fmt::format("{:<24} {:<38} {:>11} {:>5} {:>9} {:>7} {:>7} {:<7} {:>9} {:>8} {:>6} {:>8} {:<8}", "op", "shape",
                  "time us", "cv %", "GFLOP/s", "GB/s", "% limit", "bound", "images/s", "MB", "runs", "error", "path");
  if (comparing) line += fmt::format(" {:>8}", "old/new");
  return line;
}

std::string table_row(const Result& r) {
  const Timing& t = r.timing;
  const std::string error = t.accuracy.measured() ? fmt::format("{:.1e}", t.accuracy.error) : "-";
  if (!t.accuracy.passed())
    return fmt::format("{:<24} {:<38} WRONG: error {} is above the {:.1e} of its class ({}); not timed", r.op, r.shape,
                       error, t.accuracy.tolerance, t.path);
  // Memory is the process's: worth a look for whole steps, noise for a kernel.
  return fmt::format("{:<24} {:<38} {:>11.2f} {:>5.1f} {:>9} {:>7} {:>7} {:<7} {:>9} {:>8} {:>6} {:>8} {:<8}", r.op,
                     r.shape, t.us.median, 100 * t.us.cv, number_or_dash(r.gflops, 1), number_or_dash(r.gbytes, 1),
                     number_or_dash(r.percent, 1), r.bound, number_or_dash(r.images_per_s, 1),
                     number_or_dash(r.images_per_s > 0 ? t.memory_mb : 0, 0), t.samples * t.inner, error, t.path);
}

std::string comparison_columns(const Comparison& c) {
  return fmt::format(" {:>8.3f}{}", c.ratio, !c.significant ? "" : c.ratio > 1 ? "  faster" : "  SLOWER");
}

nlohmann::json to_json(const Result& r) {
  const Timing& t = r.timing;
  return {{"kind", "case"},
          {"op", r.op},
          {"shape", r.shape},
          {"time_us", t.us.median},
          {"best_us", t.us.best},
          {"cv", t.us.cv},
          {"first_us", t.first_us},
          {"samples", t.samples},
          {"runs_per_sample", t.inner},
          {"gflops", r.gflops},
          {"gbytes_per_s", r.gbytes},
          {"percent", r.percent},
          {"bound", r.bound},
          {"images_per_s", r.images_per_s},
          {"per_s", r.per_s},
          {"path", t.path},
          {"error", t.accuracy.error},
          {"tolerance", t.accuracy.tolerance},
          {"memory_mb", t.memory_mb}};
}

nlohmann::json to_json(const Breakdown& b) {
  nlohmann::json parts = nlohmann::json::object();
  for (const auto& [name, us] : b.parts) parts[name] = us;
  return {{"kind", "breakdown"}, {"whole", b.whole},  {"time_us", b.us},
          {"per_s", b.per_s},    {"parts_us", parts}, {"rest_us", b.rest_us()}};
}

nlohmann::json to_json(const Ceilings& c) {
  return {{"kind", "ceilings"},
          {"gemm_fp32_gflops", c.fp32 / 1e9},
          {"gemm_fp64_gflops", c.fp64 / 1e9},
          {"conv2d_bf16_gflops", c.tensor / 1e9},
          {"copy_gbytes_per_s", c.bandwidth / 1e9},
          {"clocks", c.clocks}};
}

Result result_from_json(const nlohmann::json& j) {
  // NaN is null there; files older than the columns have neither.
  const auto error = j.find("error");
  const Accuracy accuracy{error == j.end()   ? -1
                          : error->is_null() ? NAN
                                             : error->get<double>(),
                          j.value("tolerance", 0.0)};
  return {.op = j.at("op"),
          .shape = j.at("shape"),
          .timing = {.us = {.median = j.at("time_us"), .best = j.at("best_us"), .cv = j.at("cv")},
                     .first_us = j.at("first_us"),
                     .samples = j.at("samples"),
                     .inner = j.at("runs_per_sample"),
                     .path = j.value("path", ""),
                     .accuracy = accuracy,
                     .memory_mb = j.at("memory_mb")},
          .gflops = j.at("gflops"),
          .gbytes = j.at("gbytes_per_s"),
          .percent = j.at("percent"),
          .images_per_s = j.at("images_per_s"),
          .bound = j.at("bound"),
          .per_s = j.value("per_s", 0.0)};
}

Baseline read_baseline(const std::string& path) {
  Baseline baseline;
  std::istringstream lines(apps::read_file(path));
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    try {
      const nlohmann::json j = nlohmann::json::parse(line);
      const std::string kind = j.at("kind");
      if (kind == "machine") baseline.machine = j.at("device");
      if (kind != "case") continue;
      const Result result = result_from_json(j);
      baseline.results[result.name()] = result;
    } catch (const nlohmann::json::exception& error) {
      fail(ExitCode::corrupt_data, fmt::format("{}:{}: not a line of crc_bench --json ({}); measure the old run again",
                                               path, number, error.what()));
    }
  }
  return baseline;
}

}  // namespace crc::bench
