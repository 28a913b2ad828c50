#include "apps/report/mistakes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/draw/html.h"
#include "apps/report/report_sections.h"
#include "data/csv.h"
#include "data/png.h"

namespace crc::apps {
namespace {

constexpr size_t kMostPictures = 60, kMostPictureBytes = 3'000'000, kMostRunPictureBytes = 900'000, kMostNamed = 40;

using Names = std::vector<std::string>;

std::string one_digit(double share) { return std::isfinite(share) ? fmt::format("{:.1f}", 100 * share) : "–"; }

// "83.3" and, small, its interval.
TableCell share_cell(int64_t hits, int64_t of) {
  if (of == 0) return {"–", true};
  const auto [low, high] = wilson(hits, of);
  return {fmt::format("{} <span class=\"pm\">{}–{}</span>", one_digit(double(hits) / double(of)), one_digit(low),
                      one_digit(high)),
          true};
}

std::string classes_table(const Names& class_names, const std::vector<int64_t>& confusion) {
  const size_t classes = class_names.size();
  std::vector<std::vector<TableCell>> rows;
  for (size_t c = 0; c < classes; ++c) {
    int64_t labelled = 0, predicted = 0;
    for (size_t k = 0; k < classes; ++k)
      labelled += confusion[c * classes + k], predicted += confusion[k * classes + c];
    rows.push_back({TableCell::text(class_names[c]), TableCell::integer(labelled),
                    share_cell(confusion[c * classes + c], labelled),
                    share_cell(confusion[c * classes + c], predicted)});
  }
  return table({"class", "images", "recall (%)", "precision (%)"}, rows);
}

// Rows are true classes; a cell is the darker the larger its share of the row.
std::string confusion_table(const Names& class_names, const std::vector<int64_t>& confusion) {
  const size_t classes = class_names.size();
  if (classes > kMostNamed) return paragraph(fmt::format("{} classes are too many for a matrix here.", classes));
  std::string html = "<div class=\"scroll\"><table class=\"confusion\">\n<thead><tr><th>is \\ said</th>";
  for (const std::string& name : class_names) html += fmt::format("<th class=\"n\">{}</th>", escape_xml(name));
  html += "</tr></thead>\n<tbody>\n";
  for (size_t c = 0; c < classes; ++c) {
    const int64_t* row = &confusion[c * classes];
    int64_t total = 0;
    for (size_t k = 0; k < classes; ++k) total += row[k];
    html += fmt::format("<tr><th>{}</th>", escape_xml(class_names[c]));
    for (size_t k = 0; k < classes; ++k)
      html += fmt::format(
          "<td class=\"n\" style=\"background:rgba({},{:.2f})\" title=\"{} said to be {}: {} of {}\">{}</td>",
          k == c ? "46,139,87" : "205,60,50", total > 0 ? 0.75 * double(row[k]) / double(total) : 0.0,
          escape_xml(class_names[c]), escape_xml(class_names[k]), row[k], total,
          row[k] > 0 ? std::to_string(row[k]) : "");
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

// One wrong image for people; `picture` is an <img>, or nothing.
std::string mistake_figure(const std::string& picture, const std::string& name, const Mistake& m, const Names& names) {
  return fmt::format(
      "<figure>{}<figcaption>{}<br/>labelled <b>{}</b> ({} %)<br/>said <b>{}</b> ({} %)</figcaption></figure>\n",
      picture, escape_xml(name), escape_xml(names[size_t(m.label)]), one_digit(m.given),
      escape_xml(names[size_t(m.predicted)]), one_digit(m.confidence));
}

std::string mistake_grid(const std::string& figures, size_t shown, size_t of, const char* where) {
  if (figures.empty()) return paragraph("None.");
  const std::string note = shown < of ? paragraph(fmt::format("The first {} of {}; {}.", shown, of, where)) : "";
  return "<div class=\"pictures mistakes\">\n" + figures + "</div>\n" + note;
}

std::string pictures_of(const PageSubject& subject, const std::vector<Mistake>& mistakes) {
  const data::Images& images = subject.images;
  std::string figures;
  size_t shown = 0;
  for (const Mistake& m : mistakes) {
    if (shown == kMostPictures || figures.size() > kMostPictureBytes) break;
    ++shown;
    std::string picture;
    if (!images.embedded()) {
      const auto pixels = images.image(m.item);
      picture = image_tag({images.height, images.width, {pixels.begin(), pixels.end()}});
    }
    const std::string name = images.names.empty() ? std::to_string(m.item) : images.names[size_t(m.item)];
    figures += mistake_figure(picture, name, m, subject.class_names);
  }
  return mistake_grid(figures, shown, mistakes.size(), "all are in the table");
}

constexpr const char* kWhatItMeans =
    "Small: 95 % intervals (Wilson). Recall: of the images of a class, those recognised; precision: of those said to "
    "be "
    "of it, those that are.";

}  // namespace

std::string mistakes_csv(const std::vector<Mistake>& mistakes, const data::Images& images,
                         const std::vector<std::string>& class_names) {
  data::CsvWriter csv({"item", "file", "class", "predicted", "probability_of_class", "probability"});
  for (const Mistake& m : mistakes) {
    csv.number(m.item).text(images.names.empty() ? "" : images.names[size_t(m.item)]);
    csv.text(class_names[size_t(m.label)]).text(class_names[size_t(m.predicted)]);
    csv.number(fmt::format("{:.9g}", m.given)).number(fmt::format("{:.9g}", m.confidence)).end_row();
  }
  return csv.str();
}

std::string mistakes_page(const PageSubject& subject, const ssl::Evaluation& e, const std::vector<Mistake>& mistakes) {
  int64_t right = 0;
  for (size_t c = 0; c < subject.class_names.size(); ++c) right += e.confusion[c * subject.class_names.size() + c];
  const auto tile = [](const std::string& value, const std::string& what) {
    return fmt::format("<div class=\"tile\"><b>{}</b><span>{}</span></div>\n", value, what);
  };
  std::string body =
      fmt::format("<h1>{}</h1>\n<p class=\"sub\">{}</p>\n", escape_xml(subject.title), escape_xml(subject.what));
  if (e.images == 0) return html_page(subject.title, body + paragraph("No image has a label: nothing was measured."));
  const auto [low, high] = wilson(right, e.images);
  body += "<div class=\"tiles\">\n" +
          tile(one_digit(e.accuracy) + " %", fmt::format("accuracy; 95 %: {} to {}", one_digit(low), one_digit(high))) +
          tile(one_digit(e.balanced_accuracy) + " %", "balanced accuracy") + tile(std::to_string(e.images), "images") +
          tile(std::to_string(mistakes.size()), "mistakes") + "</div>\n";
  body += section("classes", "Classes", classes_table(subject.class_names, e.confusion) + paragraph(kWhatItMeans));
  body += section("confusion", "What is taken for what", confusion_table(subject.class_names, e.confusion));
  body += section("mistakes", "Most certain mistakes, or wrong labels", pictures_of(subject, mistakes));
  return html_page(subject.title, body);
}

std::string mistakes_section(const RunRecord& run) {
  if (!run.mistakes || run.mistakes->images == 0) return "";
  const RoundMistakes& wrong = *run.mistakes;
  Names names = run.class_names;
  for (int64_t c = int64_t(names.size()); c < wrong.classes; ++c) names.push_back(std::to_string(c));
  names.resize(size_t(wrong.classes));
  std::string figures;
  size_t shown = 0;
  const std::vector<data::RgbImage> tiles = tiles_in(wrong.png, int64_t(wrong.surest.size()));
  for (size_t i = 0; i < wrong.surest.size() && figures.size() < kMostRunPictureBytes; ++i, ++shown) {
    const Mistake& m = wrong.surest[i];
    figures += mistake_figure(i < tiles.size() ? image_tag(tiles[i]) : "",
                              i < wrong.names.size() ? wrong.names[i] : fmt::format("#{}", m.item), m, names);
  }
  const std::string where = fmt::format("all: crc_train eval --run {} --page mistakes.html", run.path.string());
  return section(
      "mistakes", "What goes wrong",
      paragraph(fmt::format("Of {} test images {} are taken for another class by the model of the last epoch.",
                            wrong.images, wrong.mistakes)) +
          classes_table(names, wrong.confusion) + paragraph(kWhatItMeans) + "<h3>What is taken for what</h3>\n" +
          confusion_table(names, wrong.confusion) + "<h3>Most certain mistakes, or wrong labels</h3>\n" +
          mistake_grid(figures, shown, size_t(wrong.mistakes), escape_xml(where).c_str()));
}

}  // namespace crc::apps
