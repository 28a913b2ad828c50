#include "apps/rundir/ledger.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "apps/base/json.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

using json = nlohmann::ordered_json;
using Text = std::string;

constexpr size_t kMaxSource = 260;  // "file:" and a name as long as names can be
const std::string kGenesis(32, '0');

bool has_class(LedgerEvent event) {
  return event == LedgerEvent::label || event == LedgerEvent::relabel || event == LedgerEvent::give;
}
bool is_answer(LedgerEvent event) { return event == LedgerEvent::label || event == LedgerEvent::skip; }

std::string quoted(const std::string& text) { return json_text(json(text)); }

// The exact bytes of an entry's line, and its hash.
std::string line_of(const Entry& entry, const std::string& prev, std::string* hash) {
  const auto text = [](const char* key, const std::string& value) {
    return value.empty() ? "" : fmt::format(R"(,"{}":{})", key, quoted(value));
  };
  std::string line = fmt::format(R"({{"seq":{})", entry.seq);
  if (entry.event != LedgerEvent::label) line += fmt::format(R"(,"event":"{}")", word_of(entry.event));
  line += entry.event == LedgerEvent::grow ? fmt::format(R"(,"items":{})", entry.items)
                                           : fmt::format(R"(,"item":{})", entry.item);
  if (has_class(entry.event)) line += fmt::format(R"(,"class":{})", entry.class_index);
  line += text("word", entry.word) + fmt::format(R"(,"round":{},"source":{})", entry.round, quoted(entry.source)) +
          text("who", entry.who) + text("when", entry.when) + fmt::format(R"(,"prev":"{}")", prev);
  *hash = checksum(line);
  return line + fmt::format(R"(,"hash":"{}"}})", *hash) + "\n";
}

// What an entry makes of an item's state. False: it cannot follow on that state.
bool advance(std::unordered_map<int64_t, int64_t>& states, const Entry& entry) {
  const auto at = states.find(entry.item);
  const bool known = at != states.end();
  switch (entry.event) {
    case LedgerEvent::label:
    case LedgerEvent::give:
      return states.emplace(entry.item, entry.class_index).second;
    case LedgerEvent::grow:
      return true;
    case LedgerEvent::skip:
      return states.emplace(entry.item, Ledger::kSkipped).second;
    case LedgerEvent::relabel:
      if (!known || at->second == entry.class_index) return false;
      at->second = entry.class_index;
      return true;
    case LedgerEvent::withdraw:
      if (known) states.erase(at);
      return known;
  }
  return false;
}

// One line, checked against its place in the chain.
class LedgerReader {
 public:
  LedgerReader(const fs::path& path, LabelLimits limits) : path_(path), limits_(limits) {}

  Entry check(std::string_view line) {
    const json object = read_json(line).value_or(json());
    if (!object.is_object()) refuse("is not a JSON object");
    Entry entry = read(object);
    if (entry.seq != seq_) refuse(fmt::format("has seq {}, expected {}", entry.seq, seq_));
    if (text(object, "prev") != prev_) refuse("does not continue the chain: prev is not the hash of the line before");
    const std::string expected = line_of(entry, prev_, &entry.hash);
    if (text(object, "hash") != entry.hash) refuse("was changed: its hash does not fit its content");
    if (line != std::string_view(expected).substr(0, expected.size() - 1)) refuse("is not in the ledger's exact form");
    check_ranges(entry);
    if (!advance(states_, entry)) refuse_event(entry);
    if (entry.event == LedgerEvent::grow) limits_.items = entry.items;
    ++seq_;
    round_ = entry.round;
    prev_ = entry.hash;
    return entry;
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    fail(ExitCode::corrupt_data,
         fmt::format("{}: line {} {}; the label count of this run can no longer be proved. Restore the file from a "
                     "copy, or start a new run",
                     path_.string(), seq_ + 1, why));
  }
  Entry read(const json& object) const {
    Entry entry;
    entry.seq = integer(object, "seq");
    if (object.contains("event")) {
      const std::optional<LedgerEvent> event = find_choice<LedgerEvent>(text(object, "event"));
      if (!event) refuse(fmt::format("has event {}, which this version does not know", object["event"].get<Text>()));
      entry.event = *event;
    }
    const bool grows = entry.event == LedgerEvent::grow;
    entry.item = grows ? -1 : integer(object, "item");
    if (grows) entry.items = integer(object, "items");
    if (has_class(entry.event)) entry.class_index = integer(object, "class");
    entry.round = integer(object, "round");
    entry.source = text(object, "source");
    for (const auto& [key, value] : {std::pair{"word", &entry.word}, {"who", &entry.who}, {"when", &entry.when}})
      if (object.contains(key)) *value = text(object, key);
    return entry;
  }
  void check_ranges(const Entry& entry) const {
    if (entry.event == LedgerEvent::grow) {
      if (entry.items < limits_.items || entry.items <= 0)
        refuse(fmt::format("has a pool of {} items after one of {}", entry.items, limits_.items));
    } else if (entry.item < 0 || (limits_.items > 0 && entry.item >= limits_.items)) {
      refuse(fmt::format("labels item {}; the data set has items 0 to {}", entry.item, limits_.items - 1));
    }
    if (has_class(entry.event) &&
        (entry.class_index < 0 || (limits_.classes > 0 && entry.class_index >= limits_.classes))) {
      refuse(fmt::format("has class {}; the classes are 0 to {}", entry.class_index, limits_.classes - 1));
    }
    if (entry.round < round_) refuse(fmt::format("goes back to round {} after round {}", entry.round, round_));
  }
  [[noreturn]] void refuse_event(const Entry& entry) const {
    switch (entry.event) {
      case LedgerEvent::label:
      case LedgerEvent::give:
        refuse(fmt::format("labels item {} a second time", entry.item));
      case LedgerEvent::skip:
        refuse(fmt::format("skips item {}, which was answered before", entry.item));
      default:
        refuse(fmt::format("has event {} for item {}, where there is nothing to change", word_of(entry.event),
                           entry.item));
    }
  }
  int64_t integer(const json& object, const char* key) const {
    if (!object.contains(key) || !object[key].is_number_integer()) refuse(fmt::format("has no integer \"{}\"", key));
    return object[key].get<int64_t>();
  }
  std::string text(const json& object, const char* key) const {
    if (!object.contains(key) || !object[key].is_string()) refuse(fmt::format("has no text \"{}\"", key));
    return object[key].get<std::string>();
  }

  const fs::path& path_;
  LabelLimits limits_;
  int64_t seq_ = 0, round_ = 0;
  std::string prev_ = kGenesis;
  std::unordered_map<int64_t, int64_t> states_;
};

}  // namespace

LedgerContent parse_ledger(std::string_view text, const fs::path& path, LabelLimits limits) {
  LedgerContent content;
  LedgerReader verifier(path, limits);
  size_t start = 0;
  for (size_t end; (end = text.find('\n', start)) != text.npos; start = end + 1) {
    content.entries.push_back(verifier.check(text.substr(start, end - start)));
  }
  content.valid_bytes = int64_t(start);
  content.torn_lines = start < text.size();
  return content;
}

LedgerContent load_ledger(const fs::path& path, LabelLimits limits) {
  return parse_ledger(read_file(path), path, limits);
}

Ledger::Ledger(fs::path path, LabelLimits limits, LedgerContent content)
    : path_(std::move(path)),
      limits_(limits),
      entries_(std::move(content.entries)),
      torn_lines_(content.torn_lines),
      bytes_(content.valid_bytes) {
  for (const Entry& entry : entries_) {
    advance(states_, entry);
    if (entry.event == LedgerEvent::grow) limits_.items = entry.items;
  }
  head_ = entries_.empty() ? kGenesis : entries_.back().hash;
}

Ledger Ledger::create(const fs::path& path, LabelLimits limits) {
  commit_file(path, "");
  return Ledger(path, limits, {});
}

Ledger Ledger::open(const fs::path& path, LabelLimits limits) {
  LedgerContent content = load_ledger(path, limits);
  if (content.torn_lines > 0) truncate_file(path, content.valid_bytes);
  return Ledger(path, limits, std::move(content));
}

std::optional<int64_t> Ledger::state(int64_t item) const {
  const auto at = states_.find(item);
  return at == states_.end() ? std::nullopt : std::optional(at->second);
}

std::string Ledger::word(int64_t item) const {
  const auto last = std::find_if(entries_.rbegin(), entries_.rend(), [&](const Entry& e) { return e.item == item; });
  return last == entries_.rend() ? "" : last->word;
}

namespace {

std::string described(int64_t item, int64_t class_index) {
  return class_index < 0 ? fmt::format("item {} (skipped)", item)
                         : fmt::format("item {} (class {})", item, class_index);
}

}  // namespace

// How many of `answers` are in the ledger already; Error if the ledger holds others for this round.
size_t Ledger::present(int64_t round, std::span<const Answer> answers) const {
  size_t count = 0;
  for (const Entry& entry : entries_) {
    if (entry.round < round || !is_answer(entry.event)) continue;
    if (entry.round > round) {
      if (count == answers.size()) break;
      fail_internal(fmt::format("ledger: new labels for round {} after those of round {}", round, entry.round));
    }
    if (count >= answers.size() || answers[count].item != entry.item ||
        answers[count].class_index != entry.class_index) {
      const std::string asked = count < answers.size() ? described(answers[count].item, answers[count].class_index)
                                                       : fmt::format("{} labels only", answers.size());
      fail(
          ExitCode::corrupt_data,
          fmt::format("{}: label {} of round {} is {}, but this run asks for {}; the data, the program or the settings "
                      "changed since the run started. Start a new run",
                      path_.string(), count + 1, round, described(entry.item, entry.class_index), asked));
    }
    ++count;
  }
  return count;
}

void Ledger::check(const Answer& answer) const {
  const bool skipped = answer.class_index < 0 && !answer.skip.empty();
  if (answer.item < 0 || (limits_.items > 0 && answer.item >= limits_.items) || (answer.class_index < 0 && !skipped) ||
      (limits_.classes > 0 && answer.class_index >= limits_.classes)) {
    fail(ExitCode::corrupt_data,
         fmt::format("item {} with class {} cannot be labelled: items are 0 to {}, classes 0 to {}", answer.item,
                     answer.class_index, limits_.items - 1, limits_.classes - 1));
  }
}

// The next entry of an object that takes this one's place when the lines are on disk (publish).
void Ledger::add(LedgerEvent event, int64_t round, const std::string& source, const Answer& answer,
                 std::string& lines) {
  Entry entry{.seq = size(),
              .event = event,
              .item = answer.item,
              .class_index = has_class(event) ? answer.class_index : -1,
              .word = event == LedgerEvent::skip ? answer.skip : "",
              .round = round,
              .source = answer.source.empty() ? source : answer.source,
              .who = answer.who,
              .when = answer.when,
              .hash = ""};
  if (std::max({entry.source.size(), entry.who.size(), entry.when.size(), entry.word.size()}) > kMaxSource)
    fail_internal("ledger: source is longer than 260 bytes");
  append(std::move(entry), lines);
}

void Ledger::append(Entry entry, std::string& lines) {
  if (!advance(states_, entry))
    fail(ExitCode::corrupt_data, fmt::format("item {} already has a label; an item is labelled once", entry.item));
  lines += line_of(entry, head_, &entry.hash);
  head_ = entry.hash;
  entries_.push_back(std::move(entry));
}

void Ledger::publish(Ledger next, const std::string& lines) {
  if (lines.empty()) return;
  require_size(path_, bytes_);
  append_text(path_, lines);
  next.bytes_ += int64_t(lines.size());
  *this = std::move(next);
}

void Ledger::record(int64_t round, const std::string& source, std::span<const Answer> answers) {
  const auto missing = answers.subspan(present(round, answers));
  Ledger next = *this;
  std::string lines;
  for (const Answer& answer : missing) {
    next.check(answer);
    next.add(answer.class_index < 0 ? LedgerEvent::skip : LedgerEvent::label, round, source, answer, lines);
  }
  publish(std::move(next), lines);
}

int64_t Ledger::change(int64_t round, const std::string& source, std::span<const Answer> answers) {
  if (!entries_.empty() && round < entries_.back().round)
    fail_internal(fmt::format("ledger: a change of round {} after round {}", round, entries_.back().round));
  Ledger next = *this;
  std::string lines;
  for (const Answer& answer : answers) {
    const std::optional<int64_t> now = next.state(answer.item);
    const bool skip = answer.class_index < 0 && !answer.skip.empty(), back = answer.class_index < 0 && !skip;
    if (!back) next.check(answer);
    if (back ? !now : now && *now == answer.class_index && (!skip || next.word(answer.item) == answer.skip)) continue;
    if (now && (back || skip)) next.add(LedgerEvent::withdraw, round, source, answer, lines);
    if (skip) next.add(LedgerEvent::skip, round, source, answer, lines);
    if (!skip && !back) next.add(now ? LedgerEvent::relabel : LedgerEvent::label, round, source, answer, lines);
  }
  const int64_t added = next.size() - size();
  publish(std::move(next), lines);
  return added;
}

void Ledger::grow(int64_t round, int64_t items, const std::string& list, std::span<const Answer> answers) {
  if (!entries_.empty() && round < entries_.back().round)
    fail_internal(fmt::format("ledger: a pool of round {} after round {}", round, entries_.back().round));
  Ledger next = *this;
  std::string lines;
  if (const Entry* last = last_growth(entries_); !last || last->word != list) {
    next.limits_.items = items;
    next.append({.seq = size(),
                 .event = LedgerEvent::grow,
                 .item = -1,
                 .items = items,
                 .word = list,
                 .round = round,
                 .source = kDataSet,
                 .who = "",
                 .when = "",
                 .hash = ""},
                lines);
  }
  for (const Answer& answer : answers) {
    const std::optional<int64_t> now = next.state(answer.item);
    if (answer.class_index < 0) {
      if (now) next.add(LedgerEvent::withdraw, round, kDataSet, answer, lines);
    } else if (!now || *now != answer.class_index) {
      next.check(answer);
      next.add(now ? LedgerEvent::relabel : LedgerEvent::give, round, kDataSet, answer, lines);
    }
  }
  publish(std::move(next), lines);
}

const Entry* last_growth(std::span<const Entry> entries) {
  for (size_t i = entries.size(); i-- > 0;)
    if (entries[i].event == LedgerEvent::grow) return &entries[i];
  return nullptr;
}

int64_t growths(std::span<const Entry> entries) {
  return std::ranges::count(entries, LedgerEvent::grow, &Entry::event);
}

Standing standing(std::span<const Entry> entries, int64_t round) {
  Standing now;
  std::unordered_map<int64_t, size_t> places;
  std::set<int64_t> skipped;
  for (const Entry& entry : entries) {
    if (entry.round > round) break;
    if (entry.event == LedgerEvent::grow) continue;
    const auto at = places.find(entry.item);
    if (has_class(entry.event) && at != places.end()) {
      now.labels[at->second].class_index = entry.class_index;
    } else if (has_class(entry.event)) {
      places[entry.item] = now.labels.size();
      now.labels.push_back({entry.item, entry.class_index, entry.round});
    } else if (at != places.end()) {
      now.labels[at->second].item = -1;
      places.erase(at);
    }
    if (entry.event == LedgerEvent::skip)
      skipped.insert(entry.item);
    else
      skipped.erase(entry.item);
  }
  std::erase_if(now.labels, [](const Label& label) { return label.item < 0; });
  now.skipped.assign(skipped.begin(), skipped.end());
  return now;
}

int64_t entries_at(std::span<const Entry> entries, const std::string& head) {
  if (head == kGenesis) return 0;
  for (const Entry& entry : entries) {
    if (entry.hash == head) return entry.seq + 1;
  }
  return -1;
}

int64_t labels_through(std::span<const Entry> entries, int64_t round) {
  return int64_t(standing(entries, round).labels.size());
}

}  // namespace crc::apps
