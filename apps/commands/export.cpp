// crc_train export
#include <fmt/format.h>

#include "apps/base/outputs.h"
#include "apps/base/terminal.h"
#include "apps/commands/commands.h"
#include "apps/config/recipes.h"
#include "apps/train/experiment.h"
#include "apps/train/weights_file.h"
#include "nn/weights_io.h"

namespace crc::apps {
namespace {

struct ExportOptions {
  std::string from, to, names = "kekmodel";
  bool force = false;
  std::vector<std::string> settings;
};

const char* wiring_of(nn::Names names) {
  return names == nn::Names::perrying ? "preact" : names == nn::Names::lee ? "shared_act" : "raw_x";
}

// Values pass unchanged; only names change. What the file says about itself goes along, and what --set adds.
int command_export(const ExportOptions& options) {
  const nn::Names names = nn::names_from(options.names);
  Config config = resolve_recipe("", options.settings);
  Outputs outputs({options.to}, {.force = options.force, .inputs = {options.from}});
  const WeightsFile file = read_weights_file(options.from);
  const Assumptions assumed = adopt_network(config, file);
  const data::Dataset data = data_shape(file);
  const std::unique_ptr<nn::Net> net = make_net(config, data);
  nn::HostWeights host = nn::read_weights(net->layout(), file.tensors, options.from);
  Context context = make_context(config, "cpu");
  const nn::WeightBuffers weights(context, net->layout(), "weights");
  context.copy_in(weights.weights().values, host.values.data());
  context.copy_in(weights.weights().running, host.running.data());
  nn::TensorFile out = nn::export_weights(context, net->layout(), weights.weights(), names);
  nn::WeightsInfo info = file.info;
  for (const auto& [key, text] : weights_info(config, data).model)
    if (!assumed.count("model." + key)) info.model[key] = text;
  out.metadata = nn::to_metadata(info);
  outputs.put(options.to, nn::encode_safetensors(std::move(out)));
  outputs.commit();
  print("{}: {} parameters under {}'s names\n", options.to, net->layout().count(), options.names);
  if (const auto wiring = info.model.find("wiring"); wiring != info.model.end() && wiring->second != wiring_of(names))
    host.notes.push_back(
        fmt::format("{}'s code wires such a network as {}, this one is {}: there it is another function", options.names,
                    wiring_of(names), wiring->second));
  if (!assumed.empty())
    host.notes.push_back(fmt::format("nothing says whether {}: {} does not say it either; add what you know with --set",
                                     to_text(assumed), options.to));
  for (const std::string& note : host.notes) print("note: {}\n", note);
  return 0;
}

}  // namespace

void declare_export(Command& program, CommandCall& call) {
  const auto o = std::make_shared<ExportOptions>();
  Command command = program.command("export", "write a run's weights under a port's tensor names");
  command.option("weights", o->from, "safetensors file").required();
  command.option("out", o->to, "file to write").required();
  command.option("--names", o->names, "kekmodel, lee, perrying, torchssl or usb").shows_default();
  add_force(command, o->force);
  add_settings(command, o->settings);
  command.run([o, &call] { call.code = command_export(*o); });
}

}  // namespace crc::apps
