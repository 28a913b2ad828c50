#include "kernels/core/gate.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "kernels/core/error.h"

namespace crc {
namespace {

std::string scientific(double value) {
  char text[32];
  (void)std::snprintf(text, sizeof text, "%.1e", value);
  return text;
}
std::string microseconds(double seconds) {
  char text[32];
  (void)std::snprintf(text, sizeof text, "%.1f us", 1e6 * seconds);
  return text;
}

}  // namespace

Gate::Tier Gate::tier_of_environment() {
  const char* value = std::getenv("CRC_TIER");
  const std::string word = value ? value : "";
  if (word == "plain") return Tier::plain;
  if (word.empty() || word == "chosen") return Tier::chosen;
  fail(ExitCode::usage, "CRC_TIER=" + word + " is not known; use plain, chosen (as without it), or unset it");
}

bool Gate::Verdict::all_right() const {
  return std::none_of(tried.begin(), tried.end(), [](const Tried& t) { return t.wrong(); });
}

std::optional<std::string> Gate::known(const std::string& key) {
  if (tier_ == Tier::plain) return {};
  if (const auto found = choices_.find(key); found != choices_.end()) return found->second.way;
  if (!store_.find || outdated_[key]) return {};
  const std::optional<Chosen> stored = store_.find(key);
  if (!stored) return {};
  choices_[key] = *stored;
  return stored->way;
}

void Gate::refuse_known(const std::string& key) {
  log("gate: " + key + ": the stored choice, " + choices_[key].way + ", is not on offer any more; chosen anew");
  choices_.erase(key);
  outdated_[key] = true;
}

size_t Gate::choose(const std::string& key, const std::vector<Way>& ways, const Contest& contest) {
  if (tier_ == Tier::plain || ways.size() < 2) return 0;
  const auto place = [&](const std::string& name) {
    return size_t(std::find_if(ways.begin(), ways.end(), [&](const Way& w) { return w.name == name; }) - ways.begin());
  };
  if (const auto name = known(key)) {
    if (place(*name) < ways.size()) return place(*name);
    refuse_known(key);
  }
  try {
    verdicts_.push_back(hold(key, ways, contest));
  } catch (const Error& error) {  // the plain result does not fit twice, perhaps; if not even once, the caller will see
    if (error.code() != ExitCode::out_of_memory) throw;
    log("gate: " + key + ": no memory to compare in; " + ways[0].name);
    choices_[key] = {.way = ways[0].name, .plain = ways[0].name};
    return 0;
  }
  log("gate: " + describe(verdicts_.back()));
  Chosen choice = verdicts_.back().choice;
  if (store_.keep) {
    const Chosen stands = store_.keep(key, choice);
    if (place(stands.way) < ways.size()) choice = stands;
    if (!(choice == verdicts_.back().choice)) log("gate: " + key + ": " + choice.way + ", which others chose first");
  }
  choices_[key] = choice;
  return place(choice.way);
}

double Gate::seconds(const Way& way, const Contest& contest) const {
  return clock_ ? clock_(way.run) : contest.seconds(way.run);
}

Tried Gate::try_way(const Way& way, const Contest& contest) {
  Tried tried{.name = way.name, .refused = "", .difference = NAN};
  const auto refuse = [&](Outcome outcome, std::string why) {
    tried.outcome = outcome, tried.refused = std::move(why), tried.seconds = 0;
    return tried;
  };
  if (way.workspace_bytes > workspace_limit_)
    return refuse(Outcome::hungry, "takes " + std::to_string(way.workspace_bytes >> 20) + " MiB of workspace, " +
                                       std::to_string(workspace_limit_ >> 20) + " are allowed");
  try {
    contest.prepare();
    way.run();
    tried.difference = contest.difference();
    if (!(tried.difference <= contest.tolerance))
      return refuse(Outcome::differs,
                    "DIFFERS by " + scientific(tried.difference) + " of " + scientific(contest.tolerance));
    tried.seconds = seconds(way, contest);
  } catch (const std::exception& error) {  // the plain way runs next: if that cannot either, it says so
    return refuse(Outcome::fails, std::string("FAILS: ") + error.what());
  }
  return tried;
}

Gate::Verdict Gate::hold(const std::string& key, const std::vector<Way>& ways, const Contest& contest) {
  constexpr double kFaster = 0.98;  // less is noise, and not worth leaving what is known
  contest.prepare();
  ways[0].run();
  contest.keep();
  Verdict verdict{key, {}, {}};
  const double plain = seconds(ways[0], contest);
  verdict.tried.push_back({.name = ways[0].name, .refused = "", .seconds = plain});
  size_t best = 0;
  for (size_t i = 1; i < ways.size(); ++i) {
    const Tried& tried = verdict.tried.emplace_back(try_way(ways[i], contest));
    const double limit = best == 0 ? kFaster * plain : verdict.tried[best].seconds;
    if (tried.outcome == Outcome::right && tried.seconds < limit) best = i;
  }
  const Tried& taken = verdict.tried[best];
  verdict.choice = {taken.name, ways[0].name, taken.seconds, plain, taken.difference};
  return verdict;
}

std::string describe(const Gate::Verdict& v) {
  const Chosen& c = v.choice;
  std::string text = v.key + ": " + c.way + ", " + microseconds(c.seconds);
  if (c.way != c.plain)
    text +=
        " (plain: " + c.plain + ", " + microseconds(c.plain_seconds) + "; difference " + scientific(c.difference) + ")";
  for (const Tried& t : v.tried) {
    if (t.name == c.way || t.name == c.plain) continue;
    text += "; " + t.name + " " + (t.outcome == Outcome::right ? microseconds(t.seconds) : t.refused);
  }
  return text;
}

}  // namespace crc
