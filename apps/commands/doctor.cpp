// crc_train doctor: what this machine and this build can do, and whether they compute what they should.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "apps/base/terminal.h"
#include "apps/base/version.h"
#include "apps/commands/commands.h"
#include "apps/config/recipes.h"
#include "apps/gate/gate_check.h"
#include "apps/train/experiment.h"
#include "data/dataset.h"
#include "kernels/core/gate.h"
#include "kernels/core/libraries.h"
#include "nn/wrn.h"
#include "ssl/trainer.h"

namespace crc::apps {
namespace {

void line(const std::string& name, const std::string& value) { print("{:<12} {}\n", name, value); }

data::Dataset built_in_images() {
  return data::load({.name = "street_digits", .dir = {}, .options = {{"train", "200"}, {"test", "10"}}});
}

// First contact of everything that the gate chooses, at the sizes of training (docs/gate.md).
void show_gate(Context& context) {
  if (context.gate().tier() == Gate::Tier::plain) return line("gate", "off: CRC_TIER=plain");
  const data::Dataset digits = built_in_images();
  const GateReport report = check_gate(context, upload(context, digits.train, digits.train.labels));
  for (const std::string& note : report.notes) line("gate", note);
  for (const std::string& refusal : report.refusals) line("gate", refusal);
  line("gate", report.verdict());
}

// Weights after a few FixMatch steps of a small net on built-in images.
std::vector<float> trained_weights(Context& context) {
  const data::Dataset digits = built_in_images();
  const data::Images& images = digits.train;
  const ssl::ImageSet set = upload(context, images, images.labels);
  const auto net = nn::make_wrn({.depth = 10, .width = 1, .base_channels = 8});
  std::vector<int64_t> all(size_t(images.count));
  for (int64_t i = 0; i < images.count; ++i) all[size_t(i)] = i;
  ssl::TrainConfig config;
  config.batch = 8;
  config.mu = 2;
  config.steps_per_epoch = 4;
  ssl::Trainer trainer(context, *net, set, all, all, config);
  trainer.train(4);
  std::vector<float> weights(size_t(net->layout().total()));
  context.copy_out(weights.data(), trainer.student().values);
  return weights;
}

int command_doctor(const std::string& device) {
  line("crc", version() + " (" + commit() + ", " + compiler() + ")");
  line("CUDA build", kCudaBuild ? "yes" : "no: configure with the CUDA toolkit installed to get one");
  Context context = make_context(resolve_recipe("", {}), device, Announce::no);
  line("device", device_words(context));
  for (const auto& [name, version] : libraries(context)) line(name, version);
  std::error_code error;
  const auto space = std::filesystem::space(".", error);
  line("disk here", error ? error.message() : fmt::format("{:.1f} GB free", double(space.available) / 1e9));

  const std::vector<float> first = trained_weights(context), second = trained_weights(context);
  const bool repeats = first == second;
  line("self-test", fmt::format("4 FixMatch steps twice: {}", repeats ? "the same bits" : "DIFFERENT bits"));
  bool agrees = true;
  if (context.device().kind == DeviceKind::cuda) {
    show_gate(context);
    Context cpu = Context::cpu();
    const std::vector<float> reference = trained_weights(cpu);
    double error = 0, norm = 0;
    for (size_t i = 0; i < reference.size(); ++i) {
      error += std::pow(double(first[i]) - reference[i], 2);
      norm += std::pow(double(reference[i]), 2);
    }
    const double relative = std::sqrt(error / norm);
    agrees = relative < 1e-4;  // Class::network of the tests' tolerance table
    line("self-test",
         fmt::format("against the CPU: relative difference {:.1e}{}", relative, agrees ? "" : ", TOO LARGE"));
  }
  if (!repeats || !agrees)
    fail(ExitCode::numerical, "the self-test failed; run the tests (scripts/test.sh) and report it");
  line("verdict", "ready: crc_train demo");
  return 0;
}

}  // namespace

void declare_doctor(Command& program, CommandCall& call) {
  const auto device = std::make_shared<std::string>();
  Command doctor = program.command("doctor", "device, libraries, threads and a self-test");
  doctor.examples(
      "  crc_train doctor                   what this machine has, and whether it works\n"
      "  crc_train doctor --device cuda:1   the second GPU\n");
  doctor.option("--device", *device, "auto, cpu, cuda or cuda:N").shows_default("auto");
  doctor.run([device, &call] { call.code = command_doctor(*device); });
}

}  // namespace crc::apps
