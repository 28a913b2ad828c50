// crc_train eval
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "apps/base/json.h"
#include "apps/base/outputs.h"
#include "apps/base/terminal.h"
#include "apps/commands/commands.h"
#include "apps/config/recipes.h"
#include "apps/rundir/run_state.h"
#include "apps/train/experiment.h"
#include "apps/train/weights_file.h"
#include "data/npy.h"
#include "nn/weights_io.h"
#include "ssl/evaluate.h"

namespace crc::apps {
namespace {

CRC_CHOICE(Split, test, train)

struct EvalOptions {
  std::string weights, data, logits, features;
  Split split = Split::test;
  std::string run;                    // a run directory instead of weights
  nn::Epoch model = nn::Epoch::last;  // of its round
  int64_t round = -1;                 // -1: the last finished one
  int64_t limit = 0;
  bool json = false, force = false;
  std::vector<std::string> settings;
};

using Json = nlohmann::ordered_json;

// A network, its images, and what was taken for granted about the two.
struct EvalJob {
  Config config;
  data::Dataset dataset;
  WeightsFile file;
  NormalizeConfig normalize;
  Assumptions assumed;
  std::vector<std::string> notes;
};

std::vector<std::string> settings_of(const EvalOptions& options) {
  std::vector<std::string> settings = options.settings;
  if (!options.data.empty()) settings.push_back("data.dir=" + options.data);
  return settings;
}

// A run's network on a run's images: nothing is left to assume.
EvalJob of_run(const EvalOptions& options) {
  RunFiles files(options.run);
  const RunState run = read_run(files);
  const int64_t finished = int64_t(run.rounds.size()), round = options.round < 0 ? finished - 1 : options.round;
  if (round < 0 || round >= finished)
    fail(ExitCode::input_missing,
         fmt::format("{} has finished {} rounds, and rounds count from 0: there is no round {} "
                     "to test yet",
                     options.run, finished, std::max<int64_t>(round, 0)));
  EvalJob job;
  job.config = resume_config(run.config, settings_of(options));
  job.dataset = load_dataset(job.config);
  check_fingerprint(job.dataset, run.facts.data_hash);
  job.dataset.normalize = run_normalization(run.run, job.dataset);
  job.normalize = normalize_config(job.config, job.dataset);
  const std::string name = weights_name(round, options.model);
  job.file = decode_weights(files.read(name), (files.path() / name).string());
  check_fits(job.file, weights_info(job.config, job.dataset), ExitCode::corrupt_data, kNotOfThisRun);
  return job;
}

EvalJob of_file(const EvalOptions& options) {
  EvalJob job;
  job.config = resolve_recipe("", settings_of(options));
  job.file = read_weights_file(options.weights);
  job.assumed = adopt_network(job.config, job.file);
  job.dataset = load_dataset(job.config);
  nn::WeightsInfo here = weights_info(job.config, job.dataset);
  const std::string origin = job.config.origin("data.normalize");
  if (job.file.info.normalize && origin == "default") here.normalize = job.file.info.normalize;
  job.normalize = *here.normalize;
  if (!job.file.info.normalize && origin == "default")
    job.assumed["data.normalize"] =
        fmt::format("this data's (mean {} {} {}, std {} {} {})", job.normalize.mean[0], job.normalize.mean[1],
                    job.normalize.mean[2], job.normalize.std[0], job.normalize.std[1], job.normalize.std[2]);
  check_fits(job.file, here, ExitCode::corrupt_data,
             "test it on images as it was trained on, with the same classes in the same order", &job.notes);
  return job;
}

const data::Images& split_of(const EvalJob& job, Split which) {
  const bool train = which == Split::train;
  const data::Images& split = train ? job.dataset.train : job.dataset.test;
  if (split.count == 0)
    fail(ExitCode::input_missing,
         fmt::format("{} has no {} images, so there is nothing to test; choose --split {}, or data that has some",
                     job.dataset.name, word_of(which), word_of(train ? Split::test : Split::train)));
  return split;
}

// The precision that the configuration names (auto: fp32); on the CPU, which has only one, that.
std::unique_ptr<nn::Net> net_of(EvalJob& job, const Context& context) {
  if (context.device().kind != DeviceKind::cpu) return make_net(job.config, job.dataset);
  const std::string precision = job.config.get<std::string>("run.precision");
  if (precision != "fp32" && precision != "auto")
    job.notes.push_back("computed in fp32: " + precision + " needs a CUDA device");
  return make_exact_net(job.config, job.dataset);
}

data::Bytes matrix_file(const Tensor& t, Context& context) {
  const std::vector<float> values = t.to_host<float>(context);
  return data::encode_npy<float>(values, t.shape());
}

void print_json(const EvalJob& job, const Context& context, const ssl::Evaluation& e, int64_t images) {
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

void print_table(const EvalJob& job, const ssl::Evaluation& e, int64_t images) {
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

// Label propagation goes from the training items to others.
ssl::ImageSet pool_of(Context& context, const EvalJob& job, Split split) {
  const data::Images none{.pixels = {}, .labels = {}};
  const data::Images& pool = propagates(job.config) && split != Split::train ? job.dataset.train : none;
  return upload(context, pool, pool.labels);
}

int command_eval(const EvalOptions& options) {
  Outputs outputs({options.logits, options.features},
                  {.force = options.force, .inputs = {options.weights, options.run, options.data}});
  EvalJob job = options.run.empty() ? of_file(options) : of_run(options);
  outputs.protect({job.config.get<std::string>("data.dir")});
  print_notes(job.dataset);
  const data::Images& split = split_of(job, options.split);
  Context context = make_context(job.config, {}, options.json ? Announce::no : Announce::yes);
  const std::unique_ptr<nn::Net> net = net_of(job, context);
  const nn::HostWeights host = nn::read_weights(net->layout(), job.file.tensors, job.file.source);
  job.notes.insert(job.notes.end(), host.notes.begin(), host.notes.end());
  const nn::WeightBuffers weights(context, net->layout(), "weights");
  context.copy_in(weights.weights().values, host.values.data());
  context.copy_in(weights.weights().running, host.running.data());

  const ssl::ImageSet images = upload(context, split, split.labels);
  const ssl::ImageSet pool = pool_of(context, job, options.split);
  const Predictor predictor(context, job.config, job.dataset, options.split == Split::train ? images : pool,
                            job.normalize);
  const ssl::Prediction p = predictor.predict(*net, weights.weights(), images, options.limit);
  const ssl::Evaluation e = ssl::evaluate(p.logits.to_host<float>(context), split.labels, job.dataset.classes());
  if (!options.logits.empty()) outputs.put(options.logits, matrix_file(p.logits, context));
  if (!options.features.empty()) outputs.put(options.features, matrix_file(p.features, context));
  outputs.commit();
  options.json ? print_json(job, context, e, p.logits.shape()[0]) : print_table(job, e, p.logits.shape()[0]);
  return 0;
}

}  // namespace

void declare_eval(Command& program, CommandCall& call) {
  const auto o = std::make_shared<EvalOptions>();
  Command eval = program.command("eval", "test a network's weights on a data set's images");
  const CommandOption weights =
      eval.option("--weights", o->weights, "safetensors file, any port's tensor names; says its network itself");
  CommandOption of_run = eval.option("--run", o->run, "a run directory: its network, data and normalisation");
  of_run.excludes(weights);
  eval.option("--round", o->round, "its round; default: the last finished one").needs(of_run).in(0, 100000);
  eval.choice("--model", o->model, "last or best epoch of that round").needs(of_run);
  eval.option("--data", o->data, "directory of the data set; its kind is data.name (default cifar10)");
  eval.choice("--split", o->split, "test, or train: the pool, item by item, for crc_select");
  eval.option("--limit", o->limit, "only the first N images").in(0, kMaxCount);
  eval.option("--logits", o->logits, "write the logits [N,C] to this .npy file");
  eval.option("--features", o->features, "write the features [N,D] to this .npy file");
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
