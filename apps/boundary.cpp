#include "apps/boundary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "apps/experiment.h"
#include "apps/run_dir.h"
#include "data/datasets/two_moons.h"
#include "nn/weights_io.h"
#include "ssl/evaluate.h"

namespace crc::apps {
namespace {

using namespace crc::data;

constexpr int kFine = 5;        // grid cells per pixel of the points' images
constexpr double kScale = 3.2;  // CSS pixels per grid cell
constexpr int kGap = 14, kTitle = 24, kAcross = 3;

Point plane_of_cell(int row, int column) {
  return {kMoonLeft + (column + 0.5) * kMoonPixel / kFine, kMoonTop - (row + 0.5) * kMoonPixel / kFine};
}

// The grid's points as images, and the network's probability of class 0 for each.
class Plane {
 public:
  Plane(const Config& config, const Dataset& dataset)
      : rows(int(kMoonHeight) * kFine),
        columns(int(kMoonWidth) * kFine),
        context_(Context::cpu()),
        net_(make_net(config, dataset)),
        normalize_(normalize_config(config, dataset)),
        images_(grid()) {}

  std::vector<double> upper(const fs::path& weights_file) {
    const nn::WeightBuffers weights(context_, net_->layout(), "weights");
    nn::import_weights(context_, net_->layout(), weights.weights(),
                       nn::decode_safetensors(read_named_file(weights_file), weights_file.string()),
                       weights_file.string());
    const ssl::Prediction p = ssl::predict(context_, *net_, weights.weights(), images_, normalize_, 2000);
    const std::vector<float> logits = p.logits.to_host<float>(context_);
    std::vector<double> result;
    for (size_t i = 0; i < logits.size(); i += 2)
      result.push_back(1 / (1 + std::exp(double(logits[i + 1]) - double(logits[i]))));
    return result;
  }
  int rows, columns;

 private:
  ssl::ImageSet grid() {
    const int64_t bytes = kMoonHeight * kMoonWidth * 3;
    std::vector<uint8_t> pixels(size_t(rows * columns * bytes));
    for (int r = 0; r < rows; ++r)
      for (int c = 0; c < columns; ++c) {
        const Point p = plane_of_cell(r, c);
        render_moon_point(p.x, p.y, pixels.data() + (r * columns + c) * bytes);
      }
    const std::vector<int32_t> labels(size_t(rows * columns), 0);
    return {context_, rows * columns, kMoonHeight, kMoonWidth, pixels.data(), labels.data()};
  }
  Context context_;
  std::unique_ptr<nn::Net> net_;
  NormalizeConfig normalize_;
  ssl::ImageSet images_;
};

template <class C> void draw(C& canvas, const BoundaryFigure& figure) {
  const double width = figure.columns * kScale, height = figure.rows * kScale;
  for (size_t i = 0; i < figure.panels.size(); ++i) {
    const BoundaryPanel& panel = figure.panels[i];
    const double left = kGap + double(i % kAcross) * (width + kGap);
    const double top = kTitle + kGap / 2 + double(i / kAcross) * (height + kTitle + kGap);
    canvas.text({left, top - 7}, panel.title, {.size = 13, .bold = true});
    const Rgb upper = color_of(series_ink(0), Theme::light), lower = color_of(series_ink(1), Theme::light);
    std::vector<uint8_t> rgb;
    for (double p : panel.upper) {
      const Rgb side = p >= 0.5 ? upper : lower;
      const double strength = 0.12 + 0.5 * std::abs(p - 0.5);  // pale where it is unsure
      for (uint8_t c : {side.r, side.g, side.b}) rgb.push_back(uint8_t(std::lround(255 + strength * (c - 255.0))));
    }
    canvas.image({left, top}, kScale, {rgb, figure.columns, figure.rows});
    const auto at = [&](Point p) {
      return Point{left + (p.x - kMoonLeft) / kMoonPixel * kFine * kScale,
                   top + (kMoonTop - p.y) / kMoonPixel * kFine * kScale};
    };
    for (const Point& p : panel.pool) canvas.dot(at(p), 1.1, Ink::muted);
    for (const BoundaryPanel::Labeled& l : panel.labeled) {
      if (l.fresh) canvas.dot(at(l.at), 7, Ink::text);
      canvas.dot(at(l.at), 5.4, Ink::paper);
      canvas.dot(at(l.at), 4.4, series_ink(l.label));
    }
  }
}

std::pair<int, int> size_of(const BoundaryFigure& figure) {
  const int count = int(figure.panels.size()), across = std::min(count, kAcross),
            down = (count + kAcross - 1) / kAcross;
  return {int(kGap + across * (figure.columns * kScale + kGap)),
          int(down * (figure.rows * kScale + kTitle + kGap) + kGap)};
}

}  // namespace

BoundaryFigure boundary_figure(const RunRecord& run) {
  const Config& config = run.config;
  if (config.get<std::string>("data.name") != "two_moons")
    fail(ExitCode::config, fmt::format("{} was trained on {}; decision boundaries are drawn for two_moons alone",
                                       run.name, config.get<std::string>("data.name")));
  const Dataset dataset = load_dataset(config);
  const uint32_t seed = uint32_t(config.get<int64_t>("data.seed") ? config.get<int64_t>("data.seed") : 1);
  Plane plane(config, dataset);
  BoundaryFigure figure{plane.rows, plane.columns, {}};
  const bool best = config.get<std::string>("acquisition.model") == "best";
  for (const RoundRow& row : run.rounds) {
    BoundaryPanel panel;
    panel.title = fmt::format("{} labels: {:.1f} %", row.labels, 100 * (best ? row.acc_best : row.acc_last));
    panel.upper = plane.upper(round_folder(run.path, row.round) / (best ? "best.safetensors" : "weights.safetensors"));
    std::unordered_set<int64_t> known;
    const auto point = [&](int64_t item) {
      const MoonPoint p = moon_point(seed, MoonSplit::train, item, kMoonNoise);
      return Point{p.x, p.y};
    };
    for (const Label& label : run.labels) {
      if (label.round > row.round) continue;
      known.insert(label.item);
      panel.labeled.push_back({point(label.item), int32_t(label.klass), label.round == row.round && row.round > 0});
    }
    for (int64_t item = 0; item < dataset.train.count; ++item)
      if (!known.count(item)) panel.pool.push_back(point(item));
    figure.panels.push_back(std::move(panel));
  }
  return figure;
}

std::string boundary_png(const BoundaryFigure& figure) {
  const auto [width, height] = size_of(figure);
  RasterCanvas canvas(width, height, 2);
  draw(canvas, figure);
  return canvas.png();
}

std::string boundary_svg(const BoundaryFigure& figure) {
  const auto [width, height] = size_of(figure);
  SvgCanvas canvas;
  draw(canvas, figure);
  return canvas.finish(width, height, "Decision boundaries of each round over the points of two half circles", false);
}

}  // namespace crc::apps
