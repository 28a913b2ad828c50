// What a Trainer refuses.
#include <algorithm>
#include <bit>

#include "ssl/trainer.h"

namespace crc::ssl {
namespace {

// Further averages, of which one is to be the tested model.
void check_averages(const TrainConfig& config) {
  const std::vector<double>& decays = config.ema_decays;
  if (decays.empty()) return;
  if (int64_t(decays.size()) > EmaDecays::kMost)
    fail(ExitCode::config, "ssl.ema_decays has " + std::to_string(decays.size()) + " decays; name at most " +
                               std::to_string(EmaDecays::kMost));
  for (const double decay : decays)
    if (decay == config.schedule.ema_decay || std::ranges::count(decays, decay) > 1)
      fail(ExitCode::config,
           "ssl.ema_decays names a decay twice, or that of ssl.ema_decay, which is kept anyway; name "
           "each other one once");
  const auto refuse = [](const std::string& with, const char* why) {
    fail(ExitCode::config, "ssl.ema_decays with " + with + ": " + why + "; leave ssl.ema_decays out");
  };
  if (!find_method(config.method).trains()) refuse("ssl.method = \"" + config.method + "\"", "nothing is averaged");
  if (config.tested == Tested::student) refuse("ssl.tested = \"student\"", "no average is tested");
  if (config.ema_buffers == EmaBuffers::own) refuse("ssl.ema_buffers = \"own\"", "only the teacher has passes");
}

// A batch in parts.
void check_shards(const TrainConfig& config) {
  if (config.shards == 0) return;
  const std::string shards = "run.shards = " + std::to_string(config.shards);
  if (!std::has_single_bit(uint64_t(config.shards)))
    fail(ExitCode::config, shards + " is no power of two, and means are formed in a binary tree; use 2, 4, 8, ...");
  if (config.batch % config.shards != 0)
    fail(ExitCode::config, shards + " does not divide ssl.batch = " + std::to_string(config.batch) +
                               ", and shards are equal parts of it; change one of them");
  if (!find_method(config.method).trains())
    fail(ExitCode::config, shards + " with ssl.method = \"" + config.method +
                               "\", which takes no steps whose batch could be shared; set run.shards = 0");
}

}  // namespace

void check_training(const TrainConfig& config, int64_t height, int64_t width, int64_t labeled, int64_t unlabeled) {
  if (height > 0) augment::check_image_size(height, width, config.weak);
  if (labeled == 0) fail(ExitCode::config, "there are no labelled images; label some, or set acquisition.initial");
  if (unlabeled_per_step(config) > 0 && unlabeled == 0)
    fail(ExitCode::config, "ssl.method \"" + config.method + "\" needs unlabelled images, and none are left");
  if (config.ema_buffers == EmaBuffers::own && config.method != "mean_teacher")
    fail(ExitCode::config, "ssl.ema_buffers = \"own\" is for ssl.method \"mean_teacher\": with \"" + config.method +
                               "\" no pass of the averaged model moves them; use \"copied\" or \"averaged\"");
  check_averages(config);
  check_shards(config);
  const bool corrects = config.logit_adjustment != LogitAdjustment::none || config.class_weights != ClassWeights::none;
  if (corrects && !find_method(config.method).trains())
    fail(ExitCode::config, "ssl.logit_adjustment and ssl.class_weights are of a loss, and ssl.method \"" +
                               config.method + "\" has none; set both to \"none\"");
}

}  // namespace crc::ssl
