// crc_train eval
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "apps/commands/commands.h"
#include "apps/experiment.h"
#include "apps/json_text.h"
#include "apps/outputs.h"
#include "apps/recipes.h"
#include "apps/run_files.h"
#include "apps/terminal.h"
#include "data/npy.h"
#include "nn/weights_io.h"
#include "ssl/evaluate.h"

namespace crc::apps {
namespace {

data::Bytes matrix_file(const Tensor& t, Context& context) {
  const std::vector<float> values = t.to_host<float>(context);
  return data::encode_npy<float>(values, t.shape());
}

}  // namespace

int command_eval(const EvalOptions& options) {
  std::vector<std::string> settings = options.settings;
  if (!options.data.empty()) settings.push_back("data.dir=" + options.data);
  const Config config = resolve_recipe("", settings);
  Outputs outputs({options.logits, options.features},
                  {.force = options.force, .inputs = {options.weights, config.get<std::string>("data.dir")}});
  const nn::TensorFile file = nn::decode_safetensors(read_named_file(options.weights), options.weights);
  const data::Dataset dataset = load_dataset(config);
  print_notes(dataset);
  const std::unique_ptr<nn::Net> net = make_net(config, dataset);
  Context context = make_context(config);
  const nn::WeightBuffers weights(context, net->layout(), "weights");
  nn::import_weights(context, net->layout(), weights.weights(), file, options.weights);

  const data::Images& split = options.split == "train" ? dataset.train : dataset.test;
  const ssl::ImageSet images(context, split.count, split.height, split.width, split.pixels.data(), split.labels.data());
  const ssl::Prediction p = ssl::predict(context, *net, weights.weights(), images, normalize_config(config, dataset),
                                         config.get<int64_t>("eval.batch"), options.limit);
  if (!options.logits.empty()) outputs.put(options.logits, matrix_file(p.logits, context));
  if (!options.features.empty()) outputs.put(options.features, matrix_file(p.features, context));
  outputs.commit();
  const ssl::Evaluation e = ssl::evaluate(p.logits.to_host<float>(context), split.labels, dataset.classes());
  if (options.json) {
    const nlohmann::ordered_json json = {
        {"images", e.images}, {"accuracy", e.accuracy},     {"balanced_accuracy", e.balanced_accuracy},
        {"loss", e.loss},     {"ece", e.calibration_error}, {"confusion", e.confusion}};
    print_text(json_text(json, -1, Ascii::yes) + "\n");
  } else {
    print(
        "images             {}\naccuracy           {:.2f} %\nbalanced accuracy  {:.2f} %\nloss               {:.4f}\n"
        "calibration error  {:.4f}\n",
        e.images, 100 * e.accuracy, 100 * e.balanced_accuracy, e.loss, e.calibration_error);
  }
  return 0;
}

}  // namespace crc::apps
