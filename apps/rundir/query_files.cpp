#include "apps/rundir/query_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "apps/base/json.h"
#include "apps/draw/contact_sheet.h"
#include "apps/draw/label_page.h"
#include "apps/draw/png.h"
#include "data/csv.h"
#include "data/image.h"
#include "data/jpeg.h"
#include "data/npz.h"
#include "data/png.h"
#include "kernels/core/error.h"

namespace crc::apps {

using json = nlohmann::ordered_json;

std::vector<int64_t> chosen_candidates(const select::Selection& selection) {
  std::unordered_multimap<int64_t, const select::Group*> by_first_item;
  for (const select::Group& group : selection.groups) by_first_item.emplace(group.items.front(), &group);
  std::vector<int64_t> chosen;
  const int64_t size = selection.group_size, count = int64_t(selection.candidates.size()) / size;
  for (int64_t k = 0; k < count && !by_first_item.empty(); ++k) {
    const int64_t* items = &selection.candidates[size_t(k * size)];
    const auto [begin, end] = by_first_item.equal_range(*items);
    const auto same = [&](const auto& entry) {
      return std::ranges::equal(entry.second->items, std::span(items, size_t(size)));
    };
    const auto found = std::find_if(begin, end, same);
    if (found == end) continue;
    chosen.push_back(k);
    by_first_item.erase(found);  // of equal candidates the first
  }
  return chosen;
}

std::string picks_csv(const select::Selection& selection, const std::vector<std::string>& names,
                      const std::map<int64_t, select::Standing>& standings) {
  std::vector<std::string> heading{"item", "group", "score"};
  if (!names.empty()) heading.emplace_back("file");
  if (!standings.empty()) heading.insert(heading.end(), {"stands_for", "mean_distance", "largest_distance"});
  data::CsvWriter csv(heading);
  for (size_t g = 0; g < selection.groups.size(); ++g)
    for (int64_t item : selection.groups[g].items) {
      csv.number(item).number(int64_t(g)).number(fmt::format("{:.17g}", selection.groups[g].score));
      if (!names.empty()) csv.text(names[size_t(item)]);
      if (!standings.empty()) {
        const select::Standing& s = standings.at(item);
        csv.number(s.items).number(fmt::format("{:.9g}", s.mean)).number(fmt::format("{:.9g}", s.largest));
      }
      csv.end_row();
    }
  return csv.str();
}

std::vector<NamedFile> query_files(const std::string& folder, const select::Selection& selection,
                                   const data::Images& images, int64_t shown) {
  std::vector<NamedFile> files;
  const auto add = [&](const char* name, const auto& content, bool for_people = false) {
    files.push_back({folder + "/" + name, std::string(content.begin(), content.end()), for_people});
  };
  add("query.csv", picks_csv(selection, images.names), /*for_people=*/true);

  std::vector<std::span<const uint8_t>> tiles;
  if (images.embedded()) shown = 0;
  for (size_t i = 0; i < std::min(selection.picks.size(), size_t(shown)); ++i)
    tiles.push_back(images.image(selection.picks[i]));
  if (!tiles.empty())
    add("query.png",
        data::encode_png(contact_sheet(tiles, images.height, images.width, {.scale = sheet_scale(images.height)})));

  data::NpzWriter scores;
  const int64_t count = int64_t(selection.scores.size());
  scores.add<double>("scores", selection.scores, std::vector<int64_t>{count});
  scores.add<int64_t>("candidates", selection.candidates, std::vector<int64_t>{count, selection.group_size});
  scores.add<int64_t>("picks", selection.picks, std::vector<int64_t>{int64_t(selection.picks.size())});
  add("scores.npz", scores.finish());
  add("scores.json", to_json(make_histogram(selection.scores, chosen_candidates(selection))));
  return files;
}

namespace {

// Pictures of a page, each once.
class Pictures {
 public:
  Pictures(const data::Images& images, std::vector<std::string>& pictures) : images_(images), pictures_(pictures) {}
  size_t of(int64_t item) {
    const auto [at, added] = places_.emplace(item, pictures_.size());
    if (added) pictures_.push_back(encode_png(images_.image(item), int(images_.width), int(images_.height)));
    return at->second;
  }

 private:
  const data::Images& images_;
  std::vector<std::string>& pictures_;
  std::map<int64_t, size_t> places_;
};

// At a size to look at; nothing: the file shows no more than the image, or cannot be read now.
std::optional<LabelPhoto> photo_of(const Photographs& photographs, const data::Images& images, int64_t item) {
  constexpr int64_t kLongest = 720;
  constexpr int kQuality = 82;
  if (photographs.folder.empty() || images.names.empty()) return std::nullopt;
  const fs::path path = photographs.folder / images.names[size_t(item)];
  try {
    data::RgbImage photo = data::decode_image(data::read_file(path, data::kMostPngBytes), path, kLongest / 2);
    if (photo.height <= images.height && photo.width <= images.width) return std::nullopt;
    LabelPhoto seen;
    if (data::crop_called(photographs.crop) == data::Crop::center) {
      const double h = double(photo.height), w = double(photo.width), side = std::min(h, w);
      seen.left = (w - side) / 2 / w, seen.top = (h - side) / 2 / h, seen.width = side / w, seen.height = side / h;
    }
    const data::Bytes jpeg = data::encode_jpeg(data::fit_within(std::move(photo), kLongest), kQuality);
    seen.jpeg.assign(jpeg.begin(), jpeg.end());
    return seen;
  } catch (const Error&) {  // the page can do without
    return std::nullopt;
  }
}

// Another query, also of a run of the same name, has other answers in the browser.
std::string key_of(const Query& query, const data::Dataset& dataset) {
  data::Fingerprint key;
  key.add(dataset.fingerprint);
  for (const std::string& name : dataset.class_names) key.add(name);
  for (const int64_t item : query.items) key.add(std::to_string(item));
  return key.hex();
}

}  // namespace

Photographs photographs_of(const Config& config) {
  if (config.get<std::string>("data.name") != "folder" || config.get<int64_t>("data.resize") == 0) return {};
  return {config.get<std::string>("data.dir"), config.get<std::string>("data.crop")};
}

NamedFile label_page_file(const fs::path& run, const Query& query, const data::Dataset& dataset,
                          const std::vector<LabelHint>& hints, const std::map<int64_t, int64_t>& classes,
                          bool show_guesses, const Photographs& photographs) {
  const data::Images& images = dataset.train;
  const std::string name = fs::absolute(run).lexically_normal().filename().string();
  LabelTask task{
      .title = fmt::format("{}: {} to label{}", name, data::counted(int64_t(query.items.size()), "image", "images"),
                           query.round > 0 ? fmt::format(", query {}", query.round) : ""),
      .key = fmt::format("crc {} {} {}", name, query.folder, key_of(query, dataset)),
      .classes = dataset.class_names,
      .pictures = {},
      .items = {},
      .width = images.width,
      .show_guesses = show_guesses,
      .then = fmt::format("Then, beside the run's directory: crc_train label {0} labels.csv && crc_train resume {0}",
                          name)};
  Pictures pictures(images, task.pictures);
  for (size_t i = 0; i < query.items.size(); ++i) {
    const int64_t item = query.items[i];
    LabelItem entry{.item = item,
                    .file = images.names.empty() ? "" : images.names[size_t(item)],
                    .picture = pictures.of(item),
                    .photo = photo_of(photographs, images, item)};
    if (i < hints.size()) {
      for (const auto& [index, probability] : hints[i].guess) entry.guess.push_back({index, probability});
      for (const int64_t other : hints[i].nearest) entry.nearest.push_back({pictures.of(other), classes.at(other)});
    }
    task.items.push_back(std::move(entry));
  }
  return {query.folder + "/label.html", label_page(task), /*for_people=*/true};
}

ScoreHistogram make_histogram(std::span<const double> scores, std::span<const int64_t> chosen, int bins) {
  ScoreHistogram h;
  h.counts.assign(size_t(bins), 0);
  bool any = false;
  for (double score : scores) {
    if (!std::isfinite(score)) {
      ++h.not_finite;
      continue;
    }
    h.low = any ? std::min(h.low, score) : score;
    h.high = any ? std::max(h.high, score) : score;
    any = true;
  }
  const double width = (h.high - h.low) / bins;
  for (double score : scores) {
    if (!std::isfinite(score)) continue;
    if (score > 0) ++h.decades[int64_t(std::floor(kBinsPerDecade * std::log10(score)))];
    ++h.counts[width > 0 && std::isfinite(width) ? std::min(size_t(bins - 1), size_t((score - h.low) / width)) : 0];
  }
  for (int64_t i : chosen) h.chosen.push_back(scores[size_t(i)]);
  return h;
}

std::string to_json(const ScoreHistogram& h) {
  json decades = json::array();
  for (const auto& [bin, count] : h.decades) decades.push_back({bin, count});
  return json_text(json{{"schema", 1},
                        {"low", h.low},
                        {"high", h.high},
                        {"counts", h.counts},
                        {"chosen", h.chosen},
                        {"not_finite", h.not_finite},
                        {"decades", decades}}) +
         "\n";
}

ScoreHistogram histogram_from_json(std::string_view text, const std::string& name) {
  const json object = parse_json(text, name);
  try {
    ScoreHistogram h;
    h.low = object.at("low").get<double>();
    h.high = object.at("high").get<double>();
    h.counts = object.at("counts").get<std::vector<int64_t>>();
    for (const json& value : object.at("chosen")) {
      if (value.is_number()) h.chosen.push_back(value.get<double>());  // null: a score that was not finite
    }
    h.not_finite = object.at("not_finite").get<int64_t>();
    for (const json& bin : object.value("decades", json::array()))
      h.decades[bin.at(0).get<int64_t>()] = bin.at(1).get<int64_t>();
    return h;
  } catch (const std::exception& error) {
    fail(ExitCode::corrupt_data, fmt::format("{} is damaged: {}; remove it to leave it out", name, error.what()));
  }
}

std::vector<NamedFile> mistake_files(const std::string& folder, const ssl::Evaluation& evaluation,
                                     const std::vector<ssl::Mistake>& mistakes, const data::Images& images) {
  constexpr size_t kMost = 40;
  const int64_t classes = int64_t(evaluation.predicted.size());
  json confusion = json::array(), surest = json::array();
  for (int64_t k = 0; k < int64_t(evaluation.confusion.size()); ++k)  // many classes leave most of it empty
    if (const int64_t count = evaluation.confusion[size_t(k)]; count > 0)
      confusion.push_back({k / classes, k % classes, count});
  std::vector<std::span<const uint8_t>> tiles;
  for (const ssl::Mistake& m : std::span(mistakes).first(std::min(kMost, mistakes.size()))) {
    json entry = {{"item", m.item},
                  {"label", m.label},
                  {"predicted", m.predicted},
                  {"given", m.given},
                  {"confidence", m.confidence}};
    if (!images.names.empty()) entry["name"] = images.names[size_t(m.item)];
    surest.push_back(std::move(entry));
    if (!images.embedded()) tiles.push_back(images.image(m.item));
  }
  std::vector<NamedFile> files{{folder + "/mistakes.json", json_text(json{{"schema", 1},
                                                                          {"classes", classes},
                                                                          {"images", evaluation.images},
                                                                          {"mistakes", mistakes.size()},
                                                                          {"confusion", confusion},
                                                                          {"surest", surest}}) +
                                                               "\n"}};
  if (tiles.empty()) return files;
  const data::Bytes png =
      data::encode_png(contact_sheet(tiles, images.height, images.width, {.scale = sheet_scale(images.height)}));
  files.push_back({folder + "/mistakes.png", std::string(png.begin(), png.end())});
  return files;
}

RoundMistakes mistakes_from_json(std::string_view text, const std::string& name) {
  const json object = parse_json(text, name);
  try {
    RoundMistakes found;
    found.classes = object.at("classes").get<int64_t>();
    found.images = object.at("images").get<int64_t>();
    found.mistakes = object.at("mistakes").get<int64_t>();
    if (found.classes < 1 || found.classes > 10'000) throw std::runtime_error("so many classes there are not");
    const auto class_at = [&](const json& value) {
      const auto index = value.get<int64_t>();
      if (index < 0 || index >= found.classes) throw std::runtime_error("a class that there is not");
      return index;
    };
    found.confusion.assign(size_t(found.classes * found.classes), 0);
    for (const json& cell : object.at("confusion"))
      found.confusion[size_t(class_at(cell.at(0)) * found.classes + class_at(cell.at(1)))] = cell.at(2).get<int64_t>();
    for (const json& m : object.at("surest")) {
      found.surest.push_back({m.at("item").get<int64_t>(), int32_t(class_at(m.at("label"))),
                              int32_t(class_at(m.at("predicted"))), m.at("given").get<double>(),
                              m.at("confidence").get<double>()});
      if (m.contains("name")) found.names.push_back(m.at("name").get<std::string>());
    }
    return found;
  } catch (const std::exception& error) {
    fail(ExitCode::corrupt_data, fmt::format("{} is damaged: {}; remove it to leave it out", name, error.what()));
  }
}

}  // namespace crc::apps
