#include "data/datasets/street_digits.h"

#include <fmt/format.h>

#include "data/datasets/digit_scene.h"

namespace crc::data {
namespace {

// Enters the fingerprint: raise it with every change of the pictures.
constexpr int kGeneratorVersion = 1;
// For each digit one that looks like it.
constexpr int kLookalike[10] = {6, 7, 7, 8, 9, 6, 5, 1, 3, 4};

enum Split : uint32_t { kTrain, kTest };
// Independent streams of random numbers of one item.
enum Stream : uint32_t { kPlan, kContent, kVariation, kNoise };
constexpr uint32_t kStreams = 4;

struct Plan {
  int64_t original = -1;  // of a copy
  bool exact = false;
};

struct Item {
  int32_t label;
  ItemNote note;
};

class Generator {
 public:
  Generator(const StreetDigits& config, Split split)
      : config_(config), split_(split), styles_(config.street ? street_styles() : easy_styles()) {}

  int size() const { return config_.street ? 32 : 16; }

  Item make(int64_t item, uint8_t* pixels) const {
    const Plan plan = plan_of(item);
    const int64_t content = plan.original >= 0 ? plan.original : item;
    const bool varied = plan.original >= 0 && !plan.exact;
    Draws draws = stream(content, kContent);
    const int digit = int(draws.below(10));
    const int style = style_from(draws.uniform());
    Scene scene =
        config_.street ? street_scene(draws, styles_[style], digit) : easy_scene(draws, styles_[style], digit);
    if (split_ == kTrain && draws.uniform() < config_.ambiguous) {
      scene.blended = kLookalike[digit];
      scene.blend = draws.uniform(0.4f, 0.6f);
    }
    if (varied) vary(scene, item);
    Draws noise = stream(varied ? item : content, kNoise);
    render(scene, glyphs_, noise, size(), pixels);
    const float contrast =
        (scene.ink[0] - scene.paper[0] + scene.ink[1] - scene.paper[1] + scene.ink[2] - scene.paper[2]) / 3;
    return {digit, {style, plan.original, varied, scene.blended >= 0, scene.rotation, contrast}};
  }

 private:
  Draws stream(int64_t item, Stream stream) const {
    return Draws(config_.seed, Purpose::dataset, item, uint32_t(split_) * kStreams + uint32_t(stream));
  }

  // A copy of a copy is a copy of its original; every step goes to a smaller item.
  Plan plan_of(int64_t item) const {
    Plan plan;
    for (int64_t i = item; split_ == kTrain && i > 0;) {
      Draws draws = stream(i, kPlan);
      const double u = draws.uniform();
      if (u >= config_.duplicates + config_.near_duplicates) break;
      const bool exact = u < config_.duplicates;
      plan.exact = i == item ? exact : plan.exact && exact;
      plan.original = i = draws.below(uint32_t(i));
    }
    return plan;
  }

  int style_from(float u) const {
    int style = 0;
    for (; style + 1 < int(styles_.size()) && u >= styles_[style].frequency; ++style) u -= styles_[style].frequency;
    return style;
  }

  void vary(Scene& scene, int64_t item) const {
    Draws draws = stream(item, kVariation);
    const float dx = draws.uniform(-0.8f, 0.8f), dy = draws.uniform(-0.8f, 0.8f), light = draws.uniform(-0.05f, 0.05f);
    for (PlacedDigit& placed : scene.digits) placed.pose.tx += dx, placed.pose.ty += dy;
    for (int c = 0; c < 3; ++c) scene.ink[c] += light, scene.paper[c] += light;
  }

  StreetDigits config_;
  Split split_;
  std::span<const Style> styles_;
  Glyphs glyphs_;
};

Images generate(const StreetDigits& config, Split split, int64_t count, std::vector<ItemNote>& notes) {
  const Generator generator(config, split);
  Images images{count, generator.size(), generator.size(), {}, std::vector<int32_t>(count)};
  images.pixels.resize(size_t(count) * images.bytes_per_image());
  notes.resize(count);
#pragma omp parallel for schedule(static)
  for (int64_t i = 0; i < count; ++i) {
    const Item item = generator.make(i, images.pixels.data() + i * images.bytes_per_image());
    images.labels[i] = item.label;
    notes[i] = item.note;
  }
  return images;
}

// "hard" are the scenes of "street", with five times as many copies and ambiguous pictures.
StreetDigits profile(const std::string& name) {
  constexpr int64_t kTrain = 20000, kTest = 5000;
  if (name == "easy") return {};
  const double more = name == "hard" ? 5 : 1;
  return {.street = true,
          .train = kTrain,
          .test = kTest,
          .duplicates = 0.02 * more,
          .near_duplicates = 0.03 * more,
          .ambiguous = 0.02 * more};
}

Dataset load_street_digits(const Source&, Options& options) {
  constexpr int64_t kMost = 10'000'000;
  StreetDigits config = profile(options.choice("profile", {"easy", "street", "hard"}));
  config.train = options.integer("train", config.train, 1, kMost);
  config.test = options.integer("test", config.test, 0, kMost);
  config.seed = uint32_t(options.integer("seed", config.seed, 0, UINT32_MAX));
  config.duplicates = options.fraction("duplicates", config.duplicates);
  config.near_duplicates = options.fraction("near_duplicates", config.near_duplicates);
  config.ambiguous = options.fraction("ambiguous", config.ambiguous);
  return make_street_digits(config);
}

}  // namespace

Dataset make_street_digits(const StreetDigits& config) {
  Dataset dataset;
  dataset.name = "street_digits";
  for (int digit = 0; digit < 10; ++digit) dataset.class_names.push_back(std::to_string(digit));
  for (const Style& style : config.street ? street_styles() : easy_styles()) dataset.side.styles.push_back(style.name);
  dataset.train = generate(config, kTrain, config.train, dataset.side.train);
  dataset.test = generate(config, kTest, config.test, dataset.side.test);
  dataset.normalize = measure(dataset.train);
  Fingerprint fingerprint;
  fingerprint.add(
      fmt::format("street_digits version={} profile={} train={} test={} seed={} duplicates={} near={} ambiguous={}",
                  kGeneratorVersion, config.street ? "street" : "easy", config.train, config.test, config.seed,
                  config.duplicates, config.near_duplicates, config.ambiguous));
  dataset.fingerprint = fingerprint.hex();
  return dataset;
}

namespace datasets {
const DatasetEntry street_digits = {
    "street_digits",
    "built-in digits with hidden styles: easy (16x16 grey), street (32x32 colour) or hard (street, more copies)",
    "generated, no download",
    "none",
    "profile=easy|street|hard train=5000|20000|20000 test=1500|5000|5000 seed=1 duplicates=0|0.02|0.1 "
    "near_duplicates=0|0.03|0.15 ambiguous=0|0.02|0.1",
    load_street_digits,
};
}  // namespace datasets

}  // namespace crc::data
