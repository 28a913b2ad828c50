// A network with its weights, the data it is for, and what was taken for granted about the two: of a run's round or of
// a weights file. What `eval` tests, and what a host program asks for predictions.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/config/config.h"
#include "apps/train/experiment.h"
#include "apps/train/weights_file.h"

namespace crc::apps {

struct Model {
  Config config;
  data::Dataset dataset;
  WeightsFile file;
  NormalizeConfig normalize;
  std::vector<int32_t> labels;  // of a run: of its training items, those of the data set and what people said
  Assumptions assumed;
  std::vector<std::string> notes;
};

// Of a finished round, from 0; -1: the last one. `settings` may move the run. Errors: 66 (no such round), 65.
Model model_of_run(const fs::path& run, int64_t round, nn::Epoch epoch, const std::vector<std::string>& settings);

// Of a file, which speaks first; `settings` say what it does not.
Model model_of_file(const fs::path& weights, const std::vector<std::string>& settings);

// Of a run's round or of a file, without the data: the weights say what images they are for. What their file does not
// say comes from the data after all, and so does all of what needs the training items: label propagation, and
// embeddings, which are scaled as those were. Error config: a file that does not say it, and settings do not either.
Model lone_model_of_run(const fs::path& run, int64_t round, nn::Epoch epoch, const std::vector<std::string>& settings);
Model lone_model_of_file(const fs::path& weights, const std::vector<std::string>& settings);

// On a device, ready to judge images. Holds references: context, model and pool must outlive it.
class Judge {
 public:
  // `pool`: the training items, from which label propagation goes to others; else nothing looks at it. In the precision
  // that the configuration names (auto: fp32); on a CPU that lacks it in fp32, and model.notes says so.
  Judge(Context& context, Model& model, const ssl::ImageSet& pool);
  // [N,C] and [N,D] of the first `limit` images (0: of all).
  ssl::Prediction predict(const ssl::ImageSet& images, int64_t limit = 0) const;

 private:
  std::unique_ptr<nn::Net> net_;
  nn::WeightBuffers weights_;
  Predictor predictor_;
};

// The training items as label propagation needs them; empty for what has a network.
ssl::ImageSet pool_of(Context& context, const Model& model);

// What a host program's arrays are to this model: pixels as they are, [N,H,W,3]; rows scaled as the data set's.
// Error usage: another shape than the data set's, or a number that is not finite.
data::Images images_like(const data::Dataset& dataset, int64_t height, int64_t width, std::vector<uint8_t> pixels);
data::Images rows_like(const data::Dataset& dataset, int64_t features, std::vector<float> rows);

}  // namespace crc::apps
