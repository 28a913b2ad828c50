#include "bench/step_dump.h"

#include "kernels/ops/advance_step.h"
#include "nn/init.h"
#include "nn/weights_io.h"

namespace crc::bench {
namespace {

void add_weights(nn::TensorFile& file, Context& context, const nn::Net& net, const nn::WeightBuffers& buffers,
                 const std::string& group, bool parameters_only = false) {
  nn::TensorFile weights = nn::export_weights(context, net.layout(), buffers.weights(), nn::Names::kekmodel);
  for (nn::TensorEntry& tensor : weights.tensors) {
    const bool statistic = tensor.name.find("running_") != std::string::npos || tensor.dtype == Dtype::i64;
    if (statistic && parameters_only) continue;
    tensor.name = group + "/" + tensor.name;
    file.tensors.push_back(std::move(tensor));
  }
}

}  // namespace

nn::TensorFile dump_step(Context& context, Scale scale, const std::string& method, const Precision& precision) {
  ssl::TrainConfig config = train_config(scale, method);
  config.threshold = 0;
  const int64_t rows = ssl::images_per_step(config), unlabeled = ssl::unlabeled_per_step(config);
  const std::unique_ptr<nn::Net> net = precision.make_net();
  nn::WeightBuffers student(context, net->layout(), "student"), teacher(context, net->layout(), "teacher"),
      gradients(context, net->layout(), "gradients");
  nn::initialize(context, net->layout(), student.weights(), 1);
  nn::initialize(context, net->layout(), teacher.weights(), 2);

  nn::TensorFile file;
  add_weights(file, context, *net, student, "student");
  add_weights(file, context, *net, teacher, "teacher");

  Inputs in(context, 1);
  const auto labels = in.uniform<int32_t, 1>({config.batch}, 0, double(kWrnClasses));
  const View<float, 4> drawn = in.uniform<float, 4>({rows, kImageSize, kImageSize, 3}, -1.7, 1.7);  // variance 1
  nn::Activations images = drawn;
  std::vector<float> pixels(size_t(drawn.size()));
  context.copy_out(pixels.data(), drawn);
  if (precision.dtype == Dtype::bf16) {
    std::vector<bf16> rounded;
    for (float& pixel : pixels) pixel = float(rounded.emplace_back(pixel));
    const View<bf16, 4> view = in.uniform<bf16, 4>({rows, kImageSize, kImageSize, 3});
    context.copy_in(view, rounded.data());
    images = view;
  }
  Tensor state(context, {int64_t(sizeof(StepState))}, Dtype::u8, "step state");
  Tensor losses(context, {1, ssl::kLossColumns}, Dtype::f32, "losses");
  set_step(context, state.as<StepState>(), config.schedule, int64_t(0));
  const ssl::PoolSize pool{net->classes(), unlabeled, unlabeled, config.batch};
  const ssl::LabelLoss label_loss(context, config, {});
  const ssl::MethodState running(context, ssl::find_method(method).running(config, pool));
  const ssl::SavedPasses saved{net->new_saved(), net->new_saved()};
  ssl::Passes passes(*net, {images, student.weights(), teacher.weights(), gradients.weights(), &saved});
  {
    Arena::Frame frame(context.scratch());
    ssl::find_method(method).gradients({context,
                                        *net,
                                        passes,
                                        student.weights(),
                                        gradients.weights(),
                                        state.as<StepState>(),
                                        config,
                                        label_loss,
                                        losses.view<float, 2>(),
                                        {},  // what pseudo-labels are worth is not asked
                                        running,
                                        pool,
                                        {}},  // no bank of labelled images
                                       {images, labels, config.batch, unlabeled});
  }
  const std::vector<float> columns = losses.to_host<float>(context);
  std::vector<int32_t> label_values(size_t(config.batch), 0);
  context.copy_out(label_values.data(), labels);
  file.add("images", {rows, kImageSize, kImageSize, 3}, pixels);
  file.add("labels", {config.batch}, label_values);
  file.add("losses", {2}, std::vector<float>{columns[ssl::kLossLabeled], columns[ssl::kLossUnlabeled]});
  add_weights(file, context, *net, gradients, "gradients", /*parameters_only=*/true);
  file.metadata = {{"method", method},
                   {"precision", precision.name},
                   {"batch", std::to_string(config.batch)},
                   {"unlabeled", std::to_string(unlabeled)},
                   {"threshold", "0"}};
  return file;
}

}  // namespace crc::bench
