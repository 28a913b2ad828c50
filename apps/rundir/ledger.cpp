#include "apps/rundir/ledger.h"

#include <fmt/format.h>

#include "apps/base/json.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

using json = nlohmann::ordered_json;

constexpr size_t kMaxSource = 260;  // "file:" and a name as long as names can be
const std::string kGenesis(32, '0');

std::string quoted(const std::string& text) { return json_text(json(text)); }

// The exact bytes of a label's line, and its hash.
std::string line_of(const Label& label, const std::string& prev, std::string* hash) {
  std::string line = fmt::format(R"({{"seq":{},"item":{},"class":{},"round":{},"source":{},"prev":"{}")", label.seq,
                                 label.item, label.class_index, label.round, quoted(label.source), prev);
  *hash = checksum(line);
  return line + fmt::format(R"(,"hash":"{}"}})", *hash) + "\n";
}

// One line, checked against its place in the chain.
class LedgerReader {
 public:
  LedgerReader(const fs::path& path, LabelLimits limits) : path_(path), limits_(limits) {}

  Label check(std::string_view line) {
    const json object = read_json(line).value_or(json());
    if (!object.is_object()) refuse("is not a JSON object");
    Label label;
    label.seq = integer(object, "seq");
    label.item = integer(object, "item");
    label.class_index = integer(object, "class");
    label.round = integer(object, "round");
    label.source = text(object, "source");
    if (label.seq != seq_) refuse(fmt::format("has seq {}, expected {}", label.seq, seq_));
    if (text(object, "prev") != prev_) refuse("does not continue the chain: prev is not the hash of the line before");
    const std::string expected = line_of(label, prev_, &label.hash);
    if (text(object, "hash") != label.hash) refuse("was changed: its hash does not fit its content");
    if (line != std::string_view(expected).substr(0, expected.size() - 1)) refuse("is not in the ledger's exact form");
    if (label.item < 0 || (limits_.items > 0 && label.item >= limits_.items)) {
      refuse(fmt::format("labels item {}; the data set has items 0 to {}", label.item, limits_.items - 1));
    }
    if (label.class_index < 0 || (limits_.classes > 0 && label.class_index >= limits_.classes)) {
      refuse(fmt::format("has class {}; the classes are 0 to {}", label.class_index, limits_.classes - 1));
    }
    if (label.round < round_) refuse(fmt::format("goes back to round {} after round {}", label.round, round_));
    if (!items_.insert(label.item).second) refuse(fmt::format("labels item {} a second time", label.item));
    ++seq_;
    round_ = label.round;
    prev_ = label.hash;
    return label;
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    fail(ExitCode::corrupt_data,
         fmt::format("{}: line {} {}; the label count of this run can no longer be proved. Restore the file from a "
                     "copy, or start a new run",
                     path_.string(), seq_ + 1, why));
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
  std::unordered_set<int64_t> items_;
};

}  // namespace

LedgerContent parse_ledger(std::string_view text, const fs::path& path, LabelLimits limits) {
  LedgerContent content;
  LedgerReader verifier(path, limits);
  size_t start = 0;
  for (size_t end; (end = text.find('\n', start)) != text.npos; start = end + 1) {
    content.labels.push_back(verifier.check(text.substr(start, end - start)));
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
      labels_(std::move(content.labels)),
      torn_lines_(content.torn_lines),
      bytes_(content.valid_bytes) {
  for (const Label& label : labels_) items_.insert(label.item);
  head_ = labels_.empty() ? kGenesis : labels_.back().hash;
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

// How many of `answers` are in the ledger already; Error if the ledger holds others for this round.
size_t Ledger::present(int64_t round, std::span<const Answer> answers) const {
  size_t count = 0;
  for (const Label& label : labels_) {
    if (label.round < round) continue;
    if (label.round > round) {
      if (count == answers.size()) break;
      fail_internal(fmt::format("ledger: new labels for round {} after those of round {}", round, label.round));
    }
    if (count >= answers.size() || answers[count].item != label.item ||
        answers[count].class_index != label.class_index) {
      const std::string asked = count < answers.size()
                                    ? fmt::format("item {} (class {})", answers[count].item, answers[count].class_index)
                                    : fmt::format("{} labels only", answers.size());
      fail(
          ExitCode::corrupt_data,
          fmt::format("{}: label {} of round {} is item {} (class {}), but this run asks for {}; the data, the program "
                      "or the settings changed since the run started. Start a new run",
                      path_.string(), count + 1, round, label.item, label.class_index, asked));
    }
    ++count;
  }
  return count;
}

void Ledger::check(Answer answer) const {
  if (answer.item < 0 || (limits_.items > 0 && answer.item >= limits_.items) || answer.class_index < 0 ||
      (limits_.classes > 0 && answer.class_index >= limits_.classes)) {
    fail(ExitCode::corrupt_data,
         fmt::format("item {} with class {} cannot be labelled: items are 0 to {}, classes 0 to {}", answer.item,
                     answer.class_index, limits_.items - 1, limits_.classes - 1));
  }
  if (contains(answer.item)) {
    fail(ExitCode::corrupt_data, fmt::format("item {} already has a label; an item is labelled once", answer.item));
  }
}

void Ledger::record(int64_t round, const std::string& source, std::span<const Answer> answers) {
  if (source.size() > kMaxSource) fail_internal("ledger: source is longer than 260 bytes");
  const auto missing = answers.subspan(present(round, answers));
  Ledger next = *this;  // takes this one's place when the lines are on disk
  std::string lines;
  for (const Answer& answer : missing) {
    next.check(answer);
    Label label{.seq = next.size(),
                .item = answer.item,
                .class_index = answer.class_index,
                .round = round,
                .source = source,
                .hash = ""};
    lines += line_of(label, next.head_, &label.hash);
    next.head_ = label.hash;
    next.items_.insert(answer.item);
    next.labels_.push_back(std::move(label));
  }
  if (lines.empty()) return;
  require_size(path_, bytes_);
  append_text(path_, lines);
  next.bytes_ += int64_t(lines.size());
  *this = std::move(next);
}

int64_t labels_at(std::span<const Label> labels, const std::string& head) {
  if (head == kGenesis) return 0;
  for (const Label& label : labels) {
    if (label.hash == head) return label.seq + 1;
  }
  return -1;
}

int64_t labels_through(std::span<const Label> labels, int64_t round) {
  int64_t count = 0;
  for (const Label& label : labels) count += label.round <= round;
  return count;
}

}  // namespace crc::apps
