// End to end: whole training steps (draw, augment, forward, loss, backward, optimizer, EMA), features and evaluation of
// WRN-28-2. Percentages are of the arithmetic alone: the convolutions' FLOPs at the rate of a large product.
#include "bench/ssl/training.h"
#include "nn/init.h"
#include "ssl/evaluate.h"

namespace crc::bench {
namespace {

void add_training(Suite& suite, const char* method, const Precision& precision, int64_t depth = 28) {
  const ssl::TrainConfig config = train_config(suite.scale, method);
  const int64_t images = ssl::images_per_step(config);
  // Mean Teacher: of its three views the teacher's is not learnt from.
  const double learnt = std::string(method) == "mean_teacher" ? double(images) * 2 / 3 : double(images);
  // On CUDA samples of a hundred steps, as a run does them: nothing waits for the host in between. In fp32 they take ten
  // times as long.
  const int64_t hundred = precision.arithmetic() == Arithmetic::fp32 ? 10 : 100;
  const int64_t steps = suite.scale.cuda && !suite.scale.quick ? hundred : 1;
  suite.add({.op = std::string("train ") + method,
             .shape = step_shape(config, precision, depth),
             .flops = learnt * wrn_train_flops(depth) + (double(images) - learnt) * wrn_forward_flops(depth),
             .arithmetic = precision.arithmetic(),
             .setup =
                 [=](Inputs& in) {
                   TrainingRun& run = in.keep(std::make_shared<TrainingRun>(in.context, config, precision, depth));
                   return [&run, steps] { run.trainer->train(steps); };
                 },
             .capturable = false,  // the trainer captures its step itself
             .rotate = false,
             .images = images,
             .path = "step",
             .steps = steps});
}

// Of a test set: images that are resident, batches of 1,000, to features and logits. "evaluate" also takes the logits
// to the host and counts.
void add_prediction(Suite& suite, const Precision& precision, bool evaluate) {
  const int64_t n = suite.scale.at_most(suite.scale.cuda ? 10000 : 64, 1);
  suite.add({.op = evaluate ? "evaluate" : "features",
             .shape = "WRN-28-2 " + extents(n, kImageSize, kImageSize) + " " + precision.name,
             .flops = double(n) * wrn_forward_flops(),
             .arithmetic = precision.arithmetic(),
             .setup =
                 [=](Inputs& in) {
                   Context& context = in.context;
                   const nn::Net& net = in.keep(std::shared_ptr<nn::Net>(precision.make_net()));
                   const nn::Weights weights =
                       in.keep(std::make_shared<nn::WeightBuffers>(context, net.layout(), "weights")).weights();
                   nn::initialize(context, net.layout(), weights, 1);
                   const ssl::ImageSet& images = in.keep(std::shared_ptr<ssl::ImageSet>(random_images(context, n)));
                   return [=, &net, &images, &context] {
                     const ssl::Prediction p = ssl::predict(context, net, weights, images, NormalizeConfig{}, 1000);
                     if (!evaluate) return;
                     std::vector<int32_t> labels(size_t(n), 0);
                     context.copy_out(labels.data(), images.labels());
                     ssl::evaluate(p.logits.to_host<float>(context), labels, kWrnClasses);
                   };
                 },
             .capturable = false,  // it allocates its result
             .rotate = false,
             .images = n,
             .path = "net"});
}

}  // namespace

void train_cases(Suite& suite) {
  for (const Precision& precision : precisions(suite.scale)) {
    for (const char* method : {"supervised", "fixmatch", "mean_teacher"}) add_training(suite, method, precision);
    add_training(suite, "fixmatch", precision, 10);
    for (const bool evaluate : {false, true}) add_prediction(suite, precision, evaluate);
  }
}

}  // namespace crc::bench
