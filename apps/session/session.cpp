#include "apps/session/session.h"

#include <fmt/format.h>

#include <algorithm>

#include "apps/config/presets.h"
#include "apps/config/recipes.h"
#include "apps/session/answers.h"
#include "apps/session/model.h"
#include "apps/session/run_data.h"
#include "apps/session/training.h"
#include "crc/acquisition.h"
#include "data/text.h"
#include "kernels/cpu/lapack.h"

namespace crc::apps {
namespace {

bool is_preset(const std::string& name) {
  const auto named = [&](const auto& entry) { return entry.name == name; };
  return std::ranges::any_of(presets(), named) && std::ranges::none_of(recipes(), named) && !fs::exists(name);
}

int64_t class_of(const Session::Label& label, const std::vector<std::string>& names) {
  const int64_t classes = int64_t(names.size());
  if (label.class_name.empty()) {
    if (label.class_index < 0 || label.class_index >= classes)
      fail(ExitCode::corrupt_data,
           fmt::format("item {} has class {}; the run's are 0 to {}", label.item, label.class_index, classes - 1));
    return label.class_index;
  }
  const auto at = std::ranges::find(names, label.class_name);
  if (at == names.end())
    fail(ExitCode::corrupt_data,
         fmt::format("item {} has class {}, which the run does not have{}", label.item,
                     data::in_quotes(label.class_name), data::did_you_mean(data::nearest(label.class_name, names))));
  return at - names.begin();
}

std::map<int64_t, Answer> answers_of(const std::vector<Session::Label>& labels, const data::Dataset& dataset) {
  std::map<int64_t, Answer> answers;
  for (const Session::Label& label : labels) {
    if (label.item < 0 || label.item >= dataset.train.count)
      fail(ExitCode::corrupt_data,
           fmt::format("item {} is no training item; they are 0 to {}", label.item, dataset.train.count - 1));
    answers[label.item] = {label.item, class_of(label, dataset.class_names)};
  }
  return answers;
}

template <class T> void append_row(std::vector<T>& to, const std::vector<T>& rows, int64_t width, int64_t item) {
  to.insert(to.end(), rows.begin() + item * width, rows.begin() + (item + 1) * width);
}

}  // namespace

Session::Session(std::string directory, std::vector<std::string> settings, Unchecked)
    : directory_(std::move(directory)), settings_(std::move(settings)) {}

Session::Session(std::string directory, std::vector<std::string> settings)
    : Session(std::move(directory), std::move(settings), Unchecked()) {
  (void)read_run_json(directory_);  // "not a run" comes first
  RunFiles files(directory_);
  (void)resume_config(read_run(files).config, settings_);
}

Session Session::create(const std::string& directory, const std::string& config,
                        const std::vector<std::string>& settings, const std::string& data) {
  std::vector<std::string> all = settings;
  const bool preset = is_preset(config);
  if (preset) all.insert(all.begin(), "preset=" + config);
  const KeepThreads keep_threads;
  create_run(
      {.config = resolve_recipe(preset ? "" : config, all), .directory = directory, .arguments = {}, .data = data});
  return Session(directory, {}, Unchecked());
}

Session::State Session::state() const {
  RunFiles files(directory_);
  const RunState run = read_run(files);
  State state{.marker = to_string(marker_of(directory_)),
              .class_names = run.facts.class_names,
              .config = run.config_text,
              .rounds = rounds_to_csv(run.rounds),
              .metrics = files.read("metrics.jsonl"),
              .labels = {},
              .queries = int64_t(files.queries().size())};
  for (const crc::apps::Label& label : standing(run.entries).labels)
    state.labels.push_back({label.item, label.class_index, label.round});
  return state;
}

ExitCode Session::train(const Watch& watch) const {
  const KeepThreads keep_threads;
  if (is_done(directory_, settings_)) return ExitCode::ok;
  ProgressOptions options;
  options.quiet = true;
  options.write = [](const std::string&) {};
  options.on_message = [&](const std::string& message, bool warning) {
    if (watch.message) watch.message(message, warning);
  };
  options.on_update = [&](const ProgressState& state) {
    if (watch.progress) watch.progress(state.label, state.done, state.total, state.detail);
  };
  options.stop = [&] { return watch.stop && watch.stop(); };
  try {
    return resume_run(directory_, settings_, options);
  } catch (const Error& error) {
    if (error.code() == ExitCode::waiting_for_labels && marker_of(directory_) == Marker::waiting) return error.code();
    throw;
  }
}

Session::Asked Session::query(int64_t wanted) const {
  RunFiles files(directory_);
  const RunState run = read_run(files);
  const int64_t asked = int64_t(files.queries().size()), k = wanted < 0 ? asked - 1 : wanted;
  if (k < 0 || k >= asked)
    fail(ExitCode::input_missing, fmt::format("{} has asked {} queries, and they count from 0: there is no query {}",
                                              directory_, asked, std::max<int64_t>(k, 0)));
  const Query& query = files.queries()[size_t(k)];
  const Config config = resume_config(run.config, settings_);
  const data::Dataset dataset = load_run_data(directory_, files, config, run.facts, run.entries).dataset;
  const data::Images& train = dataset.train;
  Asked result;
  result.round = query.round, result.folder = query.folder, result.items = query.items;
  result.height = train.height, result.width = train.width;
  if (train.embedded()) result.features = train.features;
  for (const int64_t item : query.items) {
    if (!train.names.empty()) result.files.push_back(train.names.at(size_t(item)));
    if (train.embedded())
      append_row(result.rows, train.views[0], train.features, item);
    else
      append_row(result.pixels, train.pixels, train.bytes_per_image(), item);
  }
  return result;
}

std::vector<std::string> Session::label(const std::vector<Label>& labels, const std::string& source) const {
  WaitingRun run = open_waiting(directory_, settings_);
  std::vector<std::string> notes;
  const Recorded recorded = record_answers(run, answers_of(labels, run.dataset), {source, "the answers", "the answers"},
                                           {.partial = true}, [&](const std::string& note) { notes.push_back(note); });
  if (recorded.open.empty()) {
    mark_labelled(run);
    return notes;
  }
  std::vector<std::string> open;
  for (const int64_t item : recorded.open) open.push_back(std::to_string(item));
  notes.push_back(fmt::format("{} of {} no answer yet: {}", open.size(),
                              data::counted(int64_t(run.query.items.size()), "queried item has", "queried items have"),
                              data::join_first(open, 10)));
  return notes;
}

template <class Make> Session::Predicted Session::judge(int64_t round, bool best, const Make& images_of) const {
  const KeepThreads keep_threads;
  Model model = model_of_run(directory_, round, best ? nn::Epoch::best : nn::Epoch::last, settings_);
  const data::Images given = images_of(model.dataset);
  Context context = make_context(model.config, {}, Announce::no);
  const ssl::ImageSet images = upload(context, given, given.labels), pool = pool_of(context, model);
  const ssl::Prediction p = Judge(context, model, pool).predict(images);
  return {.count = given.count,
          .classes = p.logits.shape()[1],
          .features = p.features.shape()[1],
          .logits = p.logits.to_host<float>(context),
          .rows = p.features.to_host<float>(context),
          .notes = model.notes};
}

Session::Predicted Session::predict(int64_t height, int64_t width, std::vector<uint8_t> pixels, int64_t round,
                                    bool best) const {
  return judge(round, best,
               [&](const data::Dataset& dataset) { return images_like(dataset, height, width, std::move(pixels)); });
}

Session::Predicted Session::predict(int64_t features, std::vector<float> rows, int64_t round, bool best) const {
  return judge(round, best,
               [&](const data::Dataset& dataset) { return rows_like(dataset, features, std::move(rows)); });
}

std::vector<AcquisitionRow> acquisition_table() {
  using select::Trait;
  static constexpr std::pair<Trait, const char*> kTraits[] = {
      {Trait::features, "features"},     {Trait::logits, "logits"},
      {Trait::jacobians, "jacobians"},   {Trait::groups, "groups"},
      {Trait::radius, "radius"},         {Trait::labels, "labels"},
      {Trait::samples, "samples"},       {Trait::head, "head"},
      {Trait::weights, "weights"},       {Trait::quotas, "quotas"},
      {Trait::partitions, "partitions"}, {Trait::worth, "worth"}};
  std::vector<AcquisitionRow> rows;
  for (const select::Acquisition& a : select::acquisitions()) {
    rows.push_back({a.name, a.description, a.source, {}});
    for (const auto& [trait, word] : kTraits)
      if (a.has(trait)) rows.back().traits.push_back(word);
  }
  return rows;
}

nn::TensorFile load_tensors(const std::string& path) { return nn::decode_safetensors(read_named_file(path), path); }

void save_tensors(const std::string& path, nn::TensorFile file) {
  commit_file(path, nn::encode_safetensors(std::move(file)));
}

}  // namespace crc::apps
