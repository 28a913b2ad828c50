// The gate (docs/gate.md): what computes a result where there are several ways to. The plain tier is libraries as they
// advise, and simple kernels; everything else (another plan, a kernel of our own, a fused schedule) has to win against
// it at first contact: on the inputs in hand it must agree with the plain result within the tolerance of its class, keep
// to the limit of workspace, and be faster. So a way that nobody saw run can lose time, never truth. What was chosen is
// kept for the life of a context and its branches, and by a Store beyond it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace crc {

// One way to compute the result. `name` finds it again in another process: who computes, with engine and knobs.
struct Way {
  std::string name;
  std::function<void()> run;
  int64_t workspace_bytes = 0;
};

// How ways are compared. All functions work on the inputs and the output in hand, in order.
struct Contest {
  double tolerance = 0;                // of `difference`; 0: the same bits
  std::function<void()> prepare;       // the output, so that what a way leaves unwritten is seen
  std::function<void()> keep;          // sets the plain result aside
  std::function<double()> difference;  // of the output from that, relative to its largest magnitude; NaN: not finite
  std::function<double(const std::function<void()>&)> seconds;  // of a run: the fastest of a few
};

// What was chosen, and why.
struct Chosen {
  std::string way, plain;  // their names; the same where nothing won
  double seconds = 0, plain_seconds = 0;
  double difference = 0;  // of the chosen one
  bool operator==(const Chosen&) const = default;
};

// What became of one way in a contest. Only one that is right is ever used; one that takes too much workspace is not run.
enum class Outcome { right, hungry, differs, fails };
struct Tried {
  std::string name;
  Outcome outcome = Outcome::right;
  std::string refused;    // why it is never used, in words
  double seconds = 0;     // 0: not timed
  double difference = 0;  // NaN: not finite, or not compared
  bool wrong() const { return outcome == Outcome::differs || outcome == Outcome::fails; }
};

class Gate {
 public:
  enum class Tier { plain, chosen };
  // Choices that outlive the process, by key; either function may be empty.
  struct Store {
    std::function<std::optional<Chosen>(const std::string& key)> find;
    // The choice that stands from now on: this one, or one that somebody else has stored meanwhile.
    std::function<Chosen(const std::string& key, const Chosen&)> keep;
  };
  struct Verdict {
    std::string key;
    Chosen choice;
    std::vector<Tried> tried;  // plain first
    bool all_right() const;    // no way is wrong
  };

  // Plain where CRC_TIER=plain says so. Error usage: it says something else than plain, chosen or nothing.
  static Tier tier_of_environment();
  explicit Gate(Tier tier = tier_of_environment()) : tier_(tier) {}

  // The index of the way to take for `key`, which names op, shape and precision; ways[0] is the plain one. Runs a contest
  // where nothing is known of the key: then the output holds nothing of use, and the caller runs the chosen way. Where
  // there is no memory for a contest, the plain way is taken, in this process.
  size_t choose(const std::string& key, const std::vector<Way>& ways, const Contest& contest);
  // What is known of it without a contest: the name of the way to take. Nothing in the plain tier.
  std::optional<std::string> known(const std::string& key);
  // All that is known in this process, for another that is to compute the same.
  const std::map<std::string, Chosen>& choices() const { return choices_; }
  void adopt(const std::map<std::string, Chosen>& choices) {
    for (const auto& [key, chosen] : choices) choices_[key] = chosen;
  }
  // Forgets it, in this process, because no way has that name any more; says so.
  void refuse_known(const std::string& key);
  Tier tier() const { return tier_; }
  void set_tier(Tier tier) { tier_ = tier; }

  void store_in(Store store) { store_ = std::move(store); }
  void log_to(std::function<void(const std::string&)> log) { log_ = std::move(log); }  // a line for each contest
  void workspace_limit(int64_t bytes) { workspace_limit_ = bytes; }
  int64_t workspace_limit() const { return workspace_limit_; }
  // Of all contests of this process, in order.
  const std::vector<Verdict>& verdicts() const { return verdicts_; }
  // In place of the contests' own clock, for tests.
  void clock(std::function<double(const std::function<void()>&)> seconds) { clock_ = std::move(seconds); }

 private:
  Verdict hold(const std::string& key, const std::vector<Way>& ways, const Contest& contest);
  Tried try_way(const Way& way, const Contest& contest);
  double seconds(const Way& way, const Contest& contest) const;
  void log(const std::string& line) const {
    if (log_) log_(line);
  }

  Tier tier_;
  // Of a way that is not plain: beyond it a step would need another GPU for a little speed.
  int64_t workspace_limit_ = int64_t(256) << 20;
  Store store_;
  std::map<std::string, Chosen> choices_;
  std::map<std::string, bool> outdated_;  // stored names that no way has
  std::vector<Verdict> verdicts_;
  std::function<void(const std::string&)> log_;
  std::function<double(const std::function<void()>&)> clock_;
};

std::string describe(const Gate::Verdict& verdict);  // one line

}  // namespace crc
