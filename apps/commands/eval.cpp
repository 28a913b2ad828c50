// crc_train eval
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "apps/base/json.h"
#include "apps/base/outputs.h"
#include "apps/base/terminal.h"
#include "apps/commands/commands.h"
#include "apps/report/mistakes.h"
#include "apps/session/model.h"
#include "data/npy.h"
#include "ssl/evaluate.h"

namespace crc::apps {
namespace {

CRC_CHOICE(Split, test, validation, train)

struct EvalOptions {
  std::string weights, data, logits, features, page, mistakes;
  Split split = Split::test;
  std::string run;                    // a run directory instead of weights
  nn::Epoch model = nn::Epoch::last;  // of its round
  int64_t round = -1;                 // -1: the last finished one
  int64_t limit = 0;
  bool json = false, force = false;
  std::vector<std::string> settings;
};

using Json = nlohmann::ordered_json;

std::vector<std::string> settings_of(const EvalOptions& options) {
  std::vector<std::string> settings = options.settings;
  if (!options.data.empty()) settings.push_back("data.dir=" + options.data);
  return settings;
}

Model model_of(const EvalOptions& options) {
  return options.run.empty() ? model_of_file(options.weights, settings_of(options))
                             : model_of_run(options.run, options.round, options.model, settings_of(options));
}

const data::Images& images_of(const data::Dataset& dataset, Split which) {
  return which == Split::train ? dataset.train : which == Split::test ? dataset.test : dataset.validation;
}

// Where nothing is there to test on, the held-out images are.
Split split_of(Model& job, Split asked) {
  if (images_of(job.dataset, asked).count > 0) return asked;
  const bool held_out = job.dataset.validation.count > 0;
  if (asked == Split::test && held_out) {
    job.notes.push_back(
        fmt::format("{} has no test images: these are the held-out ones (data.validation_size), by "
                    "which the best epoch was chosen",
                    job.dataset.name));
    return Split::validation;
  }
  fail(ExitCode::input_missing,
       fmt::format("{} has no {} images, so there is nothing to test; hold some out (data.validation_size) or have "
                   "eval.cross_validation estimate the accuracy in a new run, or look at --split {}",
                   job.dataset.name, word_of(asked),
                   asked == Split::train ? "test" : "train, the images that it learned from"));
}

const char* what_is(Split split) {
  switch (split) {
    case Split::test:
      return "test images";
    case Split::validation:
      return "held-out images, by which the best epoch was chosen: a little better than others would be";
    case Split::train:
      return "training images, which it has learned from: no estimate of what it is worth on others. A label that it "
             "contradicts nevertheless may be wrong";
  }
  return "";
}

data::Bytes matrix_file(const Tensor& t, Context& context) {
  const std::vector<float> values = t.to_host<float>(context);
  return data::encode_npy<float>(values, t.shape());
}

void print_json(const Model& job, const Context& context, const ssl::Evaluation& e, int64_t images) {
  const auto known = [&](double value) { return e.images > 0 ? Json(value) : Json(); };
  const Json json = {{"device", context.describe()},
                     {"images", e.images},
                     {"accuracy", known(e.accuracy)},
                     {"balanced_accuracy", known(e.balanced_accuracy)},
                     {"loss", known(e.loss)},
                     {"ece", known(e.calibration_error)},
                     {"confusion", e.confusion},
                     {"unlabeled", images - e.images},
                     {"predicted", e.predicted},
                     {"confidence", e.confidence},
                     {"weights", job.file.source},
                     {"network", weights_info(job.config, job.dataset).model},
                     {"normalize", {{"mean", job.normalize.mean}, {"std", job.normalize.std}}},
                     {"assumed", job.assumed},
                     {"notes", job.notes}};
  print_text(json_text(json, -1, Ascii::yes) + "\n");
}

void print_table(const Model& job, const ssl::Evaluation& e, int64_t images) {
  print("images             {}\n", e.images);
  if (images > e.images)
    print("without a label    {}: they count only below{}\n", images - e.images,
          e.images ? "" : "; accuracy and loss are unknown");
  if (e.images > 0)
    print(
        "accuracy           {:.2f} %\nbalanced accuracy  {:.2f} %\nloss               {:.4f}\n"
        "calibration error  {:.4f}\n",
        100 * e.accuracy, 100 * e.balanced_accuracy, e.loss, e.calibration_error);
  if (images > e.images) {
    print("mean confidence    {:.4f}\n", e.confidence);
    for (size_t c = 0; c < e.predicted.size(); ++c)
      print("predicted          {:>6}  {}\n", e.predicted[c], job.dataset.class_names[c]);
  }
  for (const std::string& note : job.notes) print("note: {}\n", note);
  if (!job.assumed.empty())
    print("assumed: {}; the file does not say it: --set what is not so\n", to_text(job.assumed));
}

// What is wrong, for people.
void put_mistakes(Outputs& outputs, const EvalOptions& options, const Model& job, Split which,
                  const std::vector<int32_t>& labels, const std::vector<float>& logits, const ssl::Evaluation& e) {
  if (options.page.empty() && options.mistakes.empty()) return;
  const data::Images& split = images_of(job.dataset, which);
  const std::vector<Mistake> mistakes = find_mistakes(logits, labels, job.dataset.classes());
  if (!options.mistakes.empty()) outputs.put(options.mistakes, mistakes_csv(mistakes, split, job.dataset.class_names));
  const PageSubject subject{.title = options.run.empty() ? options.weights : options.run,
                            .what = what_is(which),
                            .images = split,
                            .class_names = job.dataset.class_names};
  if (!options.page.empty()) outputs.put(options.page, mistakes_page(subject, e, mistakes));
}

int command_eval(const EvalOptions& options) {
  Outputs outputs({options.logits, options.features, options.page, options.mistakes},
                  {.force = options.force, .inputs = {options.weights, options.run, options.data}});
  Model job = model_of(options);
  outputs.protect({job.config.get<std::string>("data.dir")});
  print_notes(job.dataset);
  const Split which = split_of(job, options.split);
  const bool train = which == Split::train;
  const data::Images& split = images_of(job.dataset, which);
  Context context = make_context(job.config, {}, options.json ? Announce::no : Announce::yes);
  const ssl::ImageSet images = upload(context, split, split.labels), pool = pool_of(context, job);
  const ssl::Prediction p = Judge(context, job, train ? images : pool).predict(images, options.limit);
  const std::vector<float> logits = p.logits.to_host<float>(context);
  const std::vector<int32_t>& labels = train && !job.labels.empty() ? job.labels : split.labels;
  const ssl::Evaluation e = ssl::evaluate(logits, labels, job.dataset.classes());
  if (!options.logits.empty()) outputs.put(options.logits, matrix_file(p.logits, context));
  if (!options.features.empty()) outputs.put(options.features, matrix_file(p.features, context));
  put_mistakes(outputs, options, job, which, labels, logits, e);
  outputs.commit();
  options.json ? print_json(job, context, e, p.logits.shape()[0]) : print_table(job, e, p.logits.shape()[0]);
  return 0;
}

}  // namespace

void declare_eval(Command& program, CommandCall& call) {
  const auto o = std::make_shared<EvalOptions>();
  Command eval = program.command("eval", "test a network's weights on a data set's images");
  eval.examples(
      "  crc_train eval --run runs/a                                  the last round's network on the test images\n"
      "  crc_train eval --run runs/a --round 2 --model best           of an earlier round, its best epoch\n"
      "  crc_train eval --run runs/a --page mistakes.html             what it gets wrong, in pictures\n"
      "  crc_train eval --run runs/a --split train --mistakes m.csv   labels that it contradicts: suspected errors\n"
      "  crc_train eval --weights W.safetensors --data DIR --logits L.npy\n");
  const CommandOption weights =
      eval.option("--weights", o->weights, "safetensors file, any port's tensor names; says its network itself");
  CommandOption of_run = eval.option("--run", o->run, "a run directory: its network, data and normalisation");
  of_run.excludes(weights);
  eval.option("--round", o->round, "its round; default: the last finished one").needs(of_run).in(0, 100000);
  eval.choice("--model", o->model, "last or best epoch of that round").needs(of_run);
  eval.option("--data", o->data, "directory of the data set; its kind is data.name (default cifar10)");
  eval.choice(
      "--split", o->split,
      "test (where there is none: validation), the held-out images, or train: the pool, item by item, for crc_select");
  eval.option("--limit", o->limit, "only the first N images").in(0, kMaxCount);
  eval.option("--logits", o->logits, "write the logits [N,C] to this .npy file");
  eval.option("--features", o->features, "write the features [N,D] to this .npy file");
  eval.option("--page", o->page,
              "write a page: precision, recall and confusion of the classes, the surest mistakes in pictures");
  eval.option("--mistakes", o->mistakes,
              "write the mistakes to this CSV file, the surest first (--split train: suspected label errors)");
  add_force(eval, o->force);
  eval.flag("--json", o->json, "print one JSON object");
  add_settings(eval, o->settings);
  eval.run([o, &call] {
    if (o->weights.empty() && o->run.empty())
      fail(ExitCode::usage, "--weights is required, or --run; see crc_train eval --help");
    call.code = command_eval(*o);
  });
}

}  // namespace crc::apps
