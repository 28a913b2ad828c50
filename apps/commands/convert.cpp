// crc_train export
#include <fmt/format.h>

#include "apps/commands/commands.h"
#include "apps/experiment.h"
#include "apps/outputs.h"
#include "apps/recipes.h"
#include "apps/run_files.h"
#include "apps/terminal.h"
#include "nn/weights_io.h"

namespace crc::apps {

// Values pass unchanged; only names change. The network must be known to check names and shapes, hence --set model.*.
int command_export(const ConvertOptions& options) {
  const nn::Names names = nn::names_from(options.names);
  const Config config = resolve_recipe("", options.settings);
  Outputs outputs({options.to}, {.force = options.force, .inputs = {options.from}});
  const nn::TensorFile file = nn::decode_safetensors(read_named_file(options.from), options.from);
  data::Dataset shape_of_data;  // the head's classes are the file's
  for (const nn::TensorEntry& t : file.tensors)
    if (t.name.ends_with("fc.bias") || t.name.ends_with("classifier.bias") || t.name.ends_with("output.bias"))
      shape_of_data.class_names.resize(size_t(t.shape.empty() ? 0 : t.shape[0]));
  const std::unique_ptr<nn::Net> net = make_net(config, shape_of_data);
  Context context = make_context(config, "cpu");
  const nn::WeightBuffers weights(context, net->layout(), "weights");
  nn::import_weights(context, net->layout(), weights.weights(), file, options.from);
  outputs.put(options.to, nn::encode_safetensors(nn::export_weights(context, net->layout(), weights.weights(), names)));
  outputs.commit();
  print("{}: {} parameters under {}'s names\n", options.to, net->layout().count(), options.names);
  return 0;
}

}  // namespace crc::apps
