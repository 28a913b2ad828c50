#include "apps/session/starter.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "apps/base/progress.h"
#include "apps/config/recipes.h"
#include "apps/session/step_time.h"
#include "apps/train/checks.h"
#include "apps/train/experiment.h"
#include "data/datasets/folder_files.h"
#include "data/image.h"
#include "data/png.h"

namespace crc::apps {
namespace {

using Settings = std::vector<std::pair<std::string, std::string>>;  // key, value

// Sizes of some of the images.
struct Sizes {
  std::map<std::pair<int64_t, int64_t>, int64_t> counts;
  std::vector<int64_t> shorter;  // sides
  bool png = true;               // all of them
};

Sizes look_at(const std::vector<fs::path>& files) {
  constexpr size_t kLooked = 100;
  Sizes sizes;
  const size_t step = std::max<size_t>(1, files.size() / kLooked);
  for (size_t i = 0; i < files.size(); i += step) try {
      const data::RgbImage image = data::decode_image(data::read_file(files[i], data::kMostPngBytes), files[i]);
      ++sizes.counts[{image.height, image.width}];
      sizes.shorter.push_back(std::min(image.height, image.width));
      sizes.png &= data::kind_of_name(files[i]) == data::ImageKind::png;
    } catch (const Error& error) {
      if (error.code() != ExitCode::corrupt_data) throw;  // loading says which files those are
    }
  std::ranges::sort(sizes.shorter);
  return sizes;
}

// Of the squares that images become; 0: they are of one size that is small enough, and PNG files.
int64_t side_of(const Sizes& sizes) {
  constexpr int64_t kSmall = 64;  // what an hour of a CPU is enough for
  if (sizes.shorter.empty()) return kSmall;
  if (sizes.counts.size() == 1 && sizes.png && sizes.counts.begin()->first.first <= kSmall &&
      sizes.counts.begin()->first.second <= kSmall)
    return 0;
  const int64_t middle = sizes.shorter[sizes.shorter.size() / 2];
  return middle >= kSmall ? kSmall : middle >= 48 ? 48 : 32;
}

// A configuration as a TOML file for people.
class Commented {
 public:
  explicit Commented(const Config& config) : config_(config) {}

  void line(const std::string& text) { toml_ += text + "\n"; }
  void section(const std::string& name) { toml_ += "\n[" + name + "]\n", section_ = name + "."; }
  void key(const std::string& name, const std::string& why = "") {
    const std::string path = section_ + name;
    toml_ += name + " = " + to_text(config_.value(path)) + (why.empty() ? "" : "  # " + why) + "\n";
    written_.push_back(path);
  }
  // Of the section, what a person set beside those.
  void others() {
    for (const ConfigKey& key : config_schema())
      if (key.path.starts_with(section_) && config_.origin(key.path) == "--set" &&
          std::ranges::count(written_, key.path) == 0)
        this->key(key.path.substr(section_.size()));
  }
  // Of all other sections.
  void other_sections() {
    for (const ConfigKey& key : config_schema())
      if (config_.origin(key.path) == "--set" && std::ranges::count(written_, key.path) == 0) {
        section(key.path.substr(0, key.path.find('.')));
        others();
      }
  }
  const std::string& str() const { return toml_; }

 private:
  const Config& config_;
  std::string toml_, section_;
  std::vector<std::string> written_;  // paths
};

struct Counts {
  int64_t images = 0, labelled = 0, classes = 0, least = 0;  // least: labelled images of the rarest class
};

Counts count(const data::Dataset& dataset) {
  Counts counts{.images = dataset.train.count, .labelled = 0, .classes = dataset.classes(), .least = 0};
  std::vector<int64_t> of(size_t(counts.classes));
  for (const int32_t label : dataset.train.labels)
    if (label >= 0) ++of[size_t(label)], ++counts.labelled;
  counts.least = *std::ranges::min_element(of);
  return counts;
}

// Of labelled images, to measure by where there is no test set: a fifth, where every class has enough for both.
int64_t held_out_of(const Counts& counts) {
  constexpr int64_t kLeast = 10;  // of the rarest class
  return counts.least >= kLeast ? counts.labelled / 5 : 0;
}

// What fits that many images and classes; `side` of the images.
void choose(Settings& settings, const Counts& counts, int64_t side, bool has_test) {
  const auto set = [&](const std::string& key, const auto& value) {
    settings.emplace_back(key, fmt::to_string(value));
  };
  constexpr int64_t kGroup = 5;
  const int64_t free = counts.images - counts.labelled;
  const int64_t wanted = std::max<int64_t>(10, 2 * counts.classes), most = std::max<int64_t>(1, free / 6);
  const int64_t budget = std::min(wanted, most) >= kGroup ? std::min(wanted, most) / kGroup * kGroup : 1;
  const bool given = counts.least > 0;
  set("model.depth", 10);
  set("model.width", 2);
  set("model.first_stride", side >= 64 ? 2 : 1);
  set("model.bn_momentum", 0.01);
  set("ssl.batch", 16);
  set("ssl.mu", 3);
  set("ssl.steps_per_epoch", 100);
  set("ssl.ema_decay", 0.99);
  if (!has_test) set("ssl.patience_epochs", 0);
  if (const int64_t held_out = held_out_of(counts); !has_test && held_out > 0) set("data.validation_size", held_out);
  set("acquisition.first", given ? "given" : "model");
  const int64_t group = budget % kGroup == 0 ? kGroup : 1;
  const int64_t initial = std::min(std::max(budget, 2 * counts.classes), std::max<int64_t>(1, free / 2));
  if (!given) set("acquisition.initial", std::max(group, initial / group * group));
  set("acquisition.budget", budget);
  set("acquisition.group_size", group);
  set("acquisition.rounds",
      budget > 0 && free > 0 ? std::min<int64_t>(5, std::max<int64_t>(1, free / (2 * budget))) : 0);
}

Config resolved(const Settings& settings, const std::vector<std::string>& more) {
  std::vector<std::string> all;
  for (const auto& [key, value] : settings) all.push_back(key + "=" + value);
  all.insert(all.end(), more.begin(), more.end());
  return resolve_recipe("", all);
}

std::string written(const Config& config, const StarterAsk& ask, const Counts& counts, double step, bool has_test) {
  Commented file(config);
  const std::string where = ask.dir;
  file.line(fmt::format("# {}: {} images, {} of them labelled, {} classes",
                        fs::path(where).lexically_normal().filename().string(), counts.images, counts.labelled,
                        counts.classes));
  file.line("# crc_train run THIS --out runs/mine; every key: docs/config.md");
  file.line("schema = 2");
  file.section("data");
  file.key("name");
  file.key("dir");
  if (!ask.classes.empty()) file.key("class_names", "in this order");
  file.key("resize", "squares of so many pixels; larger ones show more and take longer; 0: as they are");
  file.key("crop", "\"stretch\" or \"pad\" where the edges of images matter");
  file.key("unreadable", "\"refuse\": end with an error instead");
  if (config.get<int64_t>("data.validation_size") > 0)
    file.key("validation_size", "labelled images to measure by, of which none is trained on: crc_train eval --run RUN");
  file.others();
  file.section("model");
  file.key("depth", "16 or 28 on a GPU");
  file.key("width");
  file.key("first_stride");
  file.key("bn_momentum", "short trainings need faster statistics");
  file.others();
  file.section("ssl");
  file.key("method");
  file.key("batch", "labelled images a step, and mu times as many without");
  file.key("mu");
  file.key("steps_per_epoch");
  file.key("epochs", step > 0 ? fmt::format("{:.2g} s a step here: {} of training for all rounds", step,
                                            duration(training_seconds(config, step)))
                              : "");
  file.key("ema_decay");
  file.key("patience_epochs", has_test ? "" : "there are no test images to be patient by");
  file.key("weak.flip", "false where left and right differ, as in text");
  file.others();
  file.section("acquisition");
  file.key("name", "crc_train list names the others");
  file.key("first", config.get<std::string>("acquisition.first") == "given"
                        ? "the labels that the images have"
                        : "you are asked, by a network that knows nothing yet");
  if (config.get<std::string>("acquisition.first") != "given") file.key("initial", "images of the first question");
  file.key("budget", "images of each later question");
  file.key("group_size");
  file.key("rounds", "later questions");
  file.others();
  file.other_sections();
  return file.str();
}

}  // namespace

Starter make_starter(const StarterAsk& ask) {
  if (!data::is_folder(ask.dir)) fail(ExitCode::input_missing, ask.dir + " is not a folder");
  const std::vector<fs::path> files = data::image_tree(ask.dir);
  if (files.empty()) fail(ExitCode::input_missing, "no PNG or JPEG file lies below " + ask.dir);
  const Sizes sizes = look_at(files);
  Settings settings{{"data.name", "folder"},
                    {"data.dir", fs::absolute(ask.dir).lexically_normal().string()},
                    {"data.unreadable", "skip"},
                    {"data.resize", fmt::to_string(side_of(sizes))}};
  if (!ask.classes.empty()) settings.emplace_back("data.class_names", ask.classes);
  const data::Dataset dataset = load_dataset(resolved(settings, ask.settings));
  const Counts counts = count(dataset);
  if (counts.classes < 2)
    fail(ExitCode::config,
         fmt::format("there is one class ({}); name all of them: --classes cat,dog", dataset.class_names[0]));
  const bool has_test = data::has_labels(dataset.test);
  choose(settings, counts, dataset.train.height, has_test);
  Config config = resolved(settings, ask.settings);
  Context context = make_context(config);
  const double step = step_seconds(context, config, dataset);
  if (step > 0 && config.origin("ssl.epochs") == "default") {
    const double epoch = step * double(config.get<int64_t>("ssl.steps_per_epoch"));
    const double rounds = double(config.get<int64_t>("acquisition.rounds") + 1);
    settings.emplace_back("ssl.epochs",
                          fmt::to_string(std::clamp<int64_t>(int64_t(3600 * ask.hours / rounds / epoch), 1, 100)));
    config = resolved(settings, ask.settings);
  }
  check_experiment(config, dataset);
  Starter starter{.toml = written(config, ask, counts, step, has_test),
                  .found = {},
                  .notes = dataset.notes,
                  .asks_first = counts.least == 0};
  starter.found.push_back(fmt::format("{}, {} of them labelled, in {} classes: {}",
                                      data::counted(counts.images, "image", "images"), counts.labelled, counts.classes,
                                      data::join_first(dataset.class_names, 10)));
  if (!sizes.shorter.empty())
    starter.found.push_back(fmt::format("shorter sides from {} to {} pixels, half of them {} or less",
                                        sizes.shorter.front(), sizes.shorter.back(),
                                        sizes.shorter[sizes.shorter.size() / 2]));
  return starter;
}

}  // namespace crc::apps
