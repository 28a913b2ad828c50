// crc_train export
#include <fmt/format.h>

#include "apps/base/outputs.h"
#include "apps/base/terminal.h"
#include "apps/commands/commands.h"
#include "apps/config/recipes.h"
#include "apps/session/model.h"
#include "data/datasets/embedding_files.h"
#include "nn/onnx.h"
#include "nn/weights_io.h"

namespace crc::apps {
namespace {

struct ExportOptions {
  std::string first, second;  // weights and output; with --run the output alone
  std::string run, onnx, names = "kekmodel";
  int64_t round = -1;  // of a run; -1: the last finished one
  nn::Epoch model = nn::Epoch::last;
  bool force = false;
  std::vector<std::string> settings;

  bool of_run() const { return !run.empty(); }
  std::string from() const { return of_run() ? run : first; }
  std::string to() const { return of_run() ? first : second; }
};

const char* wiring_of(nn::Names names) {
  return names == nn::Names::perrying ? "preact" : names == nn::Names::lee ? "shared_act" : "raw_x";
}

nn::TensorFile renamed(const nn::Net& net, const nn::HostWeights& host, nn::Names names) {
  Context context = Context::cpu(1);
  const nn::WeightBuffers weights(context, net.layout(), "weights");
  context.copy_in(weights.weights().values, host.values.data());
  context.copy_in(weights.weights().running, host.running.data());
  return nn::export_weights(context, net.layout(), weights.weights(), names);
}

void print_notes(const std::vector<std::string>& notes) {
  for (const std::string& note : notes) print("note: {}\n", note);
}

// Values pass unchanged; only names change. What the file says about itself goes along, and what --set adds.
int export_safetensors(const ExportOptions& options, Outputs& outputs, Model model) {
  const nn::Names names = nn::names_from(options.names);
  const std::unique_ptr<nn::Net> net = make_exact_net(model.config, model.dataset);
  const nn::HostWeights host = nn::read_weights(net->layout(), model.file.tensors, model.file.source);
  nn::TensorFile out = renamed(*net, host, names);
  nn::WeightsInfo info = model.file.info;
  for (const auto& [key, text] : weights_info(model.config, model.dataset).model)
    if (!model.assumed.count("model." + key)) info.model[key] = text;
  out.metadata = nn::to_metadata(info);
  outputs.put(options.to(), nn::encode_safetensors(std::move(out)));
  outputs.commit();
  print("{}: {} parameters under {}'s names\n", options.to(), net->layout().count(), options.names);
  std::vector<std::string> notes = host.notes;
  if (const auto wiring = info.model.find("wiring"); wiring != info.model.end() && wiring->second != wiring_of(names))
    notes.push_back(fmt::format("{}'s code wires such a network as {}, this one is {}: there it is another function",
                                options.names, wiring_of(names), wiring->second));
  if (!model.assumed.empty())
    notes.push_back(fmt::format("nothing says whether {}: {} does not say it either; add what you know with --set",
                                to_text(model.assumed), options.to()));
  print_notes(notes);
  return 0;
}

// Of a weights file alone, whose shape is enough.
Model shape_of_file(const ExportOptions& options) {
  Model model;
  model.config = resolve_recipe("", options.settings);
  model.file = read_weights_file(options.first);
  model.assumed = adopt_network(model.config, model.file);
  model.dataset = data_shape(model.file);
  return model;
}

nn::OnnxInput onnx_input(const Model& model) {
  const data::Images& like = model.dataset.train;
  nn::OnnxInput input{.height = like.height, .width = like.width, .normalize = model.normalize};
  if (!like.embedded()) return input;
  input.features = like.features;
  if (const auto& scaling = model.dataset.scaling) {
    input.mean = scaling->mean(), input.factor = scaling->factor();
    input.unit = scaling->name() == "unit";
  }
  return input;
}

int export_onnx(const ExportOptions& options, Outputs& outputs, const Model& model) {
  if (propagates(model.config))
    fail(ExitCode::config, fmt::format("{} was trained by label propagation, which has no network to export; "
                                       "crc_train predict computes what it says of images",
                                       options.from()));
  const std::unique_ptr<nn::Net> net = make_exact_net(model.config, model.dataset);
  const nn::HostWeights host = nn::read_weights(net->layout(), model.file.tensors, model.file.source);
  nn::WeightsInfo info = weights_info(model.config, model.dataset);
  info.normalize = model.normalize, info.version = model.file.info.version;
  info.precision = model.file.info.precision, info.averaged = model.file.info.averaged;
  info.epoch = model.file.info.epoch;
  const nn::OnnxInput input = onnx_input(model);
  outputs.put(options.onnx,
              nn::encode_onnx(*net, renamed(*net, host, nn::Names::kekmodel), input, nn::to_metadata(info)));
  outputs.commit();
  const std::string shape = input.features > 0 ? fmt::format("rows, fp32 [N,{}]", input.features)
                                               : fmt::format("images, uint8 [N,{},{},3]", input.height, input.width);
  print("{}: {} parameters; input {}; outputs logits [N,{}] and features [N,{}]\n", options.onnx, net->layout().count(),
        shape, net->classes(), net->feature_dim());
  print_notes(host.notes);
  if (info.precision == "bf16" || info.precision == "tf32")
    print("note: it was trained in {}, and computes in fp32 here\n", info.precision);
  if (!model.assumed.empty())
    print("assumed: {}; the file does not say it: --set what is not so\n", to_text(model.assumed));
  return 0;
}

int command_export(const ExportOptions& options) {
  if (options.from().empty()) fail(ExitCode::usage, "weights is required, or --run; see crc_train export --help");
  if (options.of_run() && !options.second.empty())
    fail(ExitCode::usage, fmt::format("--run {} brings its weights, and {} and {} are two files; name the output alone",
                                      options.run, options.first, options.second));
  if (options.to().empty() == options.onnx.empty())
    fail(ExitCode::usage, options.onnx.empty() ? "out is required, or --onnx; see crc_train export --help"
                                               : "--onnx writes one file, and " + options.to() +
                                                     " would be another; ask for them one after the other");
  Outputs outputs({options.to(), options.onnx}, {.force = options.force, .inputs = {options.from()}});
  if (!options.onnx.empty())
    return export_onnx(options, outputs,
                       options.of_run() ? lone_model_of_run(options.run, options.round, options.model, options.settings)
                                        : lone_model_of_file(options.first, options.settings));
  nn::names_from(options.names);
  return export_safetensors(options, outputs,
                            options.of_run()
                                ? lone_model_of_run(options.run, options.round, options.model, options.settings)
                                : shape_of_file(options));
}

}  // namespace

void declare_export(Command& program, CommandCall& call) {
  const auto o = std::make_shared<ExportOptions>();
  Command command = program.command("export", "write a network's weights under a port's tensor names, or as ONNX");
  command.examples(
      "  crc_train export --run runs/a --onnx a.onnx                 the last round's network, for ONNX Runtime and "
      "others\n"
      "  crc_train export W.safetensors --onnx w.onnx                the same of a weights file\n"
      "  crc_train export W.safetensors out.safetensors --names usb  under the names of another port\n");
  command.option("weights", o->first, "safetensors file; not with --run");
  command.option("out", o->second, "safetensors file to write; not with --onnx");
  CommandOption of_run = command.option("--run", o->run, "a run directory instead of a weights file");
  command.option("--round", o->round, "its round; default: the last finished one").needs(of_run).in(0, 100000);
  command.choice("--model", o->model, "last or best epoch of that round").needs(of_run);
  CommandOption names = command.option("--names", o->names, "kekmodel, lee, perrying, torchssl or usb").shows_default();
  command
      .option("--onnx", o->onnx,
              "write this ONNX file instead, for other programs to run: images as they are, or rows, to logits and "
              "features")
      .excludes(names);
  add_force(command, o->force);
  add_settings(command, o->settings);
  command.run([o, &call] { call.code = command_export(*o); });
}

}  // namespace crc::apps
