// What completed passes of a long selection brought, kept for the next start of the same selection, which goes on after
// them. It is numbers that are the same in every process, by names of which a selection has each once. Nothing hangs on
// it but time: an acquisition that finds less than was kept, or nothing, computes that again, with the same bits, and so
// in any number of processes. Which selection it is, whoever stores the numbers knows.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "crc/acquisition.h"

namespace crc::select {

// All calls are collective: every process makes them, in the same order, and hears the same.
class Checkpoint {
 public:
  virtual ~Checkpoint() = default;
  virtual std::optional<std::vector<double>> recall(const std::string& name) = 0;
  virtual void keep(const std::string& name, std::span<const double> values) = 0;  // in place of what was there
  // Whether keeping it again now costs little beside the time since the last time.
  virtual bool due(const std::string& name) = 0;
  virtual std::string place() const = 0;  // for words
};

// What was kept; empty: nothing.
inline std::vector<double> recalled(const Config& config, const std::string& name) {
  return config.checkpoint ? config.checkpoint->recall(name).value_or(std::vector<double>()) : std::vector<double>();
}

inline void say_goes_on(const Config& config, const std::string& after) {
  if (config.say && config.checkpoint)
    config.say(fmt::format("goes on after {} kept in {}", after, config.checkpoint->place()));
}

inline void keep(const Config& config, const std::string& name, std::span<const double> values) {
  if (config.checkpoint) config.checkpoint->keep(name, values);
}

// The same of what every pass changes; f() are the values. f may be collective.
template <class F> void keep_when_due(const Config& config, const std::string& name, const F& f) {
  if (config.checkpoint && config.checkpoint->due(name)) config.checkpoint->keep(name, f());
}

// f(), whose name says what it is; or what it was when it was kept.
template <class F> std::vector<double> completed(const Config& config, const std::string& name, const F& f) {
  if (config.checkpoint)
    if (std::optional<std::vector<double>> kept = config.checkpoint->recall(name)) return *kept;
  const std::vector<double> values = f();
  keep(config, name, values);
  return values;
}

// N numbers of one pick, or of another step, after the other: of those that were kept, then of those that are taken. A
// step that is taken brings up to date first what the kept ones left as it was.
template <size_t N> class Steps {
 public:
  using Step = std::array<double, N>;
  // `of` what they are: "picks".
  Steps(const Config& config, std::string of, int64_t total)
      : config_(config), of_(std::move(of)), values_(recalled(config, of_)), kept_(values_.size() / N) {
    if (kept_ > 0) say_goes_on(config, fmt::format("{} of {} {}", kept_, total, of_));
  }
  size_t kept() const { return kept_; }
  bool more() const { return next_ < kept_; }  // the next one was kept
  Step at(size_t k) const {
    Step step;
    std::copy_n(values_.begin() + int64_t(k * N), N, step.begin());
    return step;
  }

  template <class F> Step next(const F& take) {
    if (more()) return at(next_++);
    const Step step = take();
    ++next_;
    if (!config_.checkpoint) return step;
    values_.insert(values_.end(), step.begin(), step.end());
    keep_when_due(config_, of_, [&]() -> const std::vector<double>& { return values_; });
    return step;
  }

 private:
  const Config& config_;
  std::string of_;
  std::vector<double> values_;
  size_t kept_, next_ = 0;
};

}  // namespace crc::select
