#include "apps/session/label_desk.h"

#include <fmt/format.h>

#include <algorithm>

#include "apps/label/open_page.h"
#include "apps/label/statements.h"

namespace crc::apps {
namespace {

constexpr const char* kSource = "page";

std::map<int64_t, Answer> standing_answers(const WaitingRun& run) {
  std::map<int64_t, Answer> answers;
  for (const int64_t item : run.query.items)
    if (const std::optional<Answer> said = run.journal.of(item)) answers.emplace(item, *said);
  return answers;
}

nlohmann::ordered_json to_json(const std::map<int64_t, Answer>& answers) {
  nlohmann::ordered_json all = nlohmann::ordered_json::object();
  for (const auto& [item, answer] : answers) {
    if (answer.class_index >= 0)
      all[std::to_string(item)] = {{"class", answer.class_index}};
    else
      all[std::to_string(item)] = {{"remark", answer.skip}};
  }
  return all;
}

// As the journal takes it. Error corrupt_data: no such item, class or word.
Answer checked(Answer answer, const WaitingRun& run, const std::string& who) {
  if (!std::ranges::count(run.query.items, answer.item))
    fail(ExitCode::corrupt_data, fmt::format("item {} was not asked for", answer.item));
  const int64_t classes = run.dataset.classes();
  if (answer.class_index >= classes)
    fail(ExitCode::corrupt_data, fmt::format("class {} is not in 0..{}", answer.class_index, classes - 1));
  if (!answer.skip.empty()) {
    const std::string word = word_for_no_class(answer.skip);
    if (word.empty() || word == kWithdraw) fail(ExitCode::corrupt_data, "no such word for an item without a class");
    answer.skip = word;
  }
  answer.who = who;
  answer.when = utc_now();
  return answer;
}

}  // namespace

void check_pictures(const WaitingRun& run) {
  if (run.dataset.train.embedded())
    fail(ExitCode::usage,
         "the items of this run are embeddings, and there are no images to show; label them with a CSV "
         "file: crc_train label DIR labels.csv");
}

bool serve_query(WaitingRun& run, LabelServer& server, const Sitting& sitting) {
  PageTask page = page_task(run.directory, run.query, run.dataset, run.query.items);
  page.task["post"] = server.path("answer");
  page.task["sync"] = server.path("answers");
  page.task["finish"] = server.path("finish");
  page.task["comes_back"] = sitting.comes_back;
  const auto open = [&] { return int64_t(run.journal.open().size()); };
  const bool finished = server.serve({
      .page =
          [&] {
            page.task["answers"] = to_json(standing_answers(run));
            return page.html();
          },
      .answers = [&] { return standing_answers(run); },
      .record =
          [&](const Answer& answer) {
            const Answer good = checked(answer, run, sitting.who);
            run.journal.record({&good, 1}, kSource);
          },
      .finish =
          [&] {
            if (open() > 0)
              return data::counted(open(), "image is", "images are") +
                     " still open; the program has ended and says how to go on.";
            return std::string(sitting.comes_back
                                   ? "All recorded. The run trains now, and this page comes back with the next images."
                                   : "All recorded. The program has ended and says how to go on.");
          },
  });
  if (!run.journal.empty()) {
    run.directory.files().list(run.journal.name(), read_file(run.journal.path()));
    run.directory.files().save();
  }
  return finished;
}

}  // namespace crc::apps
