// Trainers of a small WRN of four classes, for tests of what all methods do.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "nn/wrn.h"
#include "ssl/trainer.h"
#include "tests/kernels/device.h"

namespace crc::test {

class SmallTrainers : public OnDevice {
 protected:
  std::unique_ptr<ssl::Trainer> trainer_of(const ssl::TrainConfig& config, const std::vector<int64_t>& labeled,
                                           const std::vector<int64_t>& unlabeled) {
    const bool projects = ssl::find_method(config.method).projection(config) > 0;
    return std::make_unique<ssl::Trainer>(context, projects ? *projecting : *net, *images, labeled, unlabeled, config);
  }
  static std::string state_of(ssl::Trainer& t) {
    nn::TensorFile file;
    t.save(file);
    return nn::encode_safetensors(std::move(file));
  }

  std::unique_ptr<nn::Net> net = nn::make_wrn({.depth = 10, .width = 1, .classes = 4, .base_channels = 4});
  std::unique_ptr<nn::Net> projecting =
      nn::make_wrn({.depth = 10, .width = 1, .classes = 4, .base_channels = 4, .projection = 4});
  std::unique_ptr<ssl::ImageSet> images;
};

}  // namespace crc::test
