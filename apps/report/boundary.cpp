#include "apps/report/boundary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "apps/train/experiment.h"
#include "apps/train/weights_file.h"
#include "data/datasets/two_moons.h"
#include "nn/weights_io.h"
#include "ssl/evaluate.h"

namespace crc::apps {
namespace {

using namespace crc::data;

constexpr int kFine = 5;        // grid cells per pixel of the points' images
constexpr double kScale = 3.2;  // CSS pixels per grid cell
constexpr int kGap = 14, kTitle = 24, kHeading = 30, kLegend = 40, kAcross = 3;

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

// The plane as a picture: each side in its class's colour, pale where the network is unsure.
std::vector<uint8_t> picture(const std::vector<double>& upper) {
  const Rgb sides[] = {color_of(series_ink(0), Theme::light), color_of(series_ink(1), Theme::light)};
  std::vector<uint8_t> rgb;
  for (double p : upper) {
    const Rgb side = sides[p < 0.5];
    const double strength = 0.12 + 0.5 * std::abs(p - 0.5);
    for (uint8_t c : {side.r, side.g, side.b}) rgb.push_back(uint8_t(std::lround(255 + strength * (c - 255.0))));
  }
  return rgb;
}

void draw_label(Canvas& canvas, Point at, int32_t label, bool fresh) {
  if (fresh) canvas.dot(at, 7, Ink::text);
  canvas.dot(at, 5.4, Ink::paper);
  canvas.dot(at, 4.4, series_ink(label));
}

void draw_panel(Canvas& canvas, Point corner, const BoundaryFigure& figure, const BoundaryPanel& panel) {
  canvas.text({corner.x, corner.y - 7}, panel.title, {.size = 13});
  const std::vector<uint8_t> rgb = picture(panel.upper);
  canvas.image(corner, kScale, {rgb, figure.columns, figure.rows});
  const auto at = [&](Point p) {
    return Point{corner.x + (p.x - kMoonLeft) / kMoonPixel * kFine * kScale,
                 corner.y + (kMoonTop - p.y) / kMoonPixel * kFine * kScale};
  };
  for (const Point& p : panel.pool) canvas.dot(at(p), 1.1, Ink::muted);
  for (const BoundaryPanel::Labeled& l : panel.labeled) draw_label(canvas, at(l.at), l.label, l.fresh);
}

void draw_legend(Canvas& canvas, Point left) {
  const auto entry = [&](const std::string& words) {
    canvas.text({left.x + 14, left.y + 4}, words, {.size = 12});
    left.x += 14 + text_width(words, 12) + 22;
  };
  for (int side : {0, 1}) {
    canvas.rectangle(left.x - 7, left.y - 7, 14, 14, series_ink(side), 0.35);
    entry(side == 0 ? "predicted: upper half circle" : "predicted: lower half circle");
  }
  draw_label(canvas, left, 0, false);
  entry("labelled before");
  draw_label(canvas, left, 0, true);
  entry("labelled for this round");
  canvas.dot(left, 1.6, Ink::muted);
  entry("not labelled");
}

int lines_of(const BoundaryMethod& method) { return (int(method.panels.size()) + kAcross - 1) / kAcross; }

void draw(Canvas& canvas, const BoundaryFigure& figure) {
  const double width = figure.columns * kScale, height = figure.rows * kScale;
  draw_legend(canvas, {kGap + 7, kLegend / 2});
  double top = kLegend;
  for (const BoundaryMethod& method : figure.methods) {
    canvas.text({kGap, top + kHeading - 8}, method.name, {.size = 15, .bold = true});
    top += kHeading;
    for (size_t i = 0; i < method.panels.size(); ++i)
      draw_panel(
          canvas,
          {kGap + double(i % kAcross) * (width + kGap), top + kTitle + double(i / kAcross) * (height + kTitle + kGap)},
          figure, method.panels[i]);
    top += lines_of(method) * (height + kTitle + kGap);
  }
}

std::pair<int, int> size_of(const BoundaryFigure& figure) {
  int lines = 0;
  for (const BoundaryMethod& method : figure.methods) lines += lines_of(method);
  return {
      int(kGap + kAcross * (figure.columns * kScale + kGap)),  // the legend needs the width too
      int(kLegend + double(figure.methods.size()) * kHeading + lines * (figure.rows * kScale + kTitle + kGap) + kGap)};
}

BoundaryMethod method_panels(Plane& plane, const Dataset& dataset, const RunRecord& run) {
  const Config& config = run.config;
  const uint32_t seed = uint32_t(config.get<int64_t>("data.seed") ? config.get<int64_t>("data.seed") : 1);
  const nn::Epoch model = config.choice<nn::Epoch>("acquisition.model");
  BoundaryMethod method;
  for (const RoundRow& row : run.rounds) {
    BoundaryPanel panel;
    const double accuracy = model == nn::Epoch::best ? row.acc_best : row.acc_last;
    panel.title = fmt::format("{} labels", row.labels);
    if (std::isfinite(accuracy)) panel.title += fmt::format(": {:.1f} %", 100 * accuracy);
    panel.upper = plane.upper(run.path / weights_name(row.round, model));
    std::unordered_set<int64_t> known;
    const auto point = [&](int64_t item) {
      const MoonPoint p = moon_point(seed, MoonSplit::train, item, kMoonNoise);
      return Point{p.x, p.y};
    };
    for (const Label& label : run.labels) {
      if (label.round > row.round) continue;
      known.insert(label.item);
      panel.labeled.push_back(
          {point(label.item), int32_t(label.class_index), label.round == row.round && row.round > 0});
    }
    for (int64_t item = 0; item < dataset.train.count; ++item)
      if (!known.count(item)) panel.pool.push_back(point(item));
    method.panels.push_back(std::move(panel));
  }
  return method;
}

}  // namespace

BoundaryFigure boundary_figure(const std::vector<RunGroup>& groups) {
  BoundaryFigure figure;
  for (const RunGroup& group : groups) {
    const RunRecord& run = *group.runs.front();
    if (run.config.get<std::string>("data.name") != "two_moons")
      fail(ExitCode::config, fmt::format("{} was trained on {}; decision boundaries are drawn for two_moons alone",
                                         run.name, run.config.get<std::string>("data.name")));
    const Dataset dataset = load_dataset(run.config);
    Plane plane(run.config, dataset);
    figure.rows = plane.rows, figure.columns = plane.columns;
    figure.methods.push_back(method_panels(plane, dataset, run));
    figure.methods.back().name = group.name;
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
