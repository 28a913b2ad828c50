#include "apps/report/mistakes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/draw/html.h"
#include "data/csv.h"
#include "data/png.h"
#include "kernels/core/host_softmax.h"

namespace crc::apps {
namespace {

constexpr size_t kMostPictures = 60, kMostPictureBytes = 3'000'000, kMostClasses = 40;

std::string percent(double share) { return std::isfinite(share) ? fmt::format("{:.1f}", 100 * share) : "–"; }

// "83.3" and, small, its interval.
TableCell share_cell(int64_t hits, int64_t of) {
  if (of == 0) return {"–", true};
  const auto [low, high] = wilson(hits, of);
  return {fmt::format("{} <span class=\"pm\">{}–{}</span>", percent(double(hits) / double(of)), percent(low),
                      percent(high)),
          true};
}

std::string classes_table(const PageSubject& subject, const std::vector<int64_t>& confusion) {
  const size_t classes = subject.class_names.size();
  std::vector<std::vector<TableCell>> rows;
  for (size_t c = 0; c < classes; ++c) {
    int64_t labelled = 0, predicted = 0;
    for (size_t k = 0; k < classes; ++k)
      labelled += confusion[c * classes + k], predicted += confusion[k * classes + c];
    rows.push_back({TableCell::text(subject.class_names[c]), TableCell::integer(labelled),
                    share_cell(confusion[c * classes + c], labelled),
                    share_cell(confusion[c * classes + c], predicted)});
  }
  return table({"class", "images", "recall (%)", "precision (%)"}, rows);
}

// Rows are true classes; a cell is the darker the larger its share of the row.
std::string confusion_table(const PageSubject& subject, const std::vector<int64_t>& confusion) {
  const size_t classes = subject.class_names.size();
  if (classes > kMostClasses) return paragraph(fmt::format("{} classes are too many for a matrix here.", classes));
  std::string html = "<div class=\"scroll\"><table class=\"confusion\">\n<thead><tr><th>is \\ said</th>";
  for (const std::string& name : subject.class_names) html += fmt::format("<th class=\"n\">{}</th>", escape_xml(name));
  html += "</tr></thead>\n<tbody>\n";
  for (size_t c = 0; c < classes; ++c) {
    const int64_t* row = &confusion[c * classes];
    int64_t total = 0;
    for (size_t k = 0; k < classes; ++k) total += row[k];
    html += fmt::format("<tr><th>{}</th>", escape_xml(subject.class_names[c]));
    for (size_t k = 0; k < classes; ++k)
      html += fmt::format(
          "<td class=\"n\" style=\"background:rgba({},{:.2f})\" title=\"{} said to be {}: {} of {}\">{}</td>",
          k == c ? "46,139,87" : "205,60,50", total > 0 ? 0.75 * double(row[k]) / double(total) : 0.0,
          escape_xml(subject.class_names[c]), escape_xml(subject.class_names[k]), row[k], total,
          row[k] > 0 ? std::to_string(row[k]) : "");
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

std::string name_of(const data::Images& images, int64_t item) {
  return images.names.empty() ? std::to_string(item) : images.names[size_t(item)];
}

std::string pictures(const PageSubject& subject, const std::vector<Mistake>& mistakes) {
  const data::Images& images = subject.images;
  std::string html;
  size_t shown = 0;
  for (const Mistake& m : mistakes) {
    if (shown == kMostPictures || html.size() > kMostPictureBytes) break;
    ++shown;
    std::string picture;
    if (!images.embedded()) {
      const auto pixels = images.image(m.item);
      const data::Bytes png = data::encode_png({images.height, images.width, {pixels.begin(), pixels.end()}});
      picture = fmt::format("<img src=\"{}\" alt=\"\"/>",
                            data_uri_png({reinterpret_cast<const char*>(png.data()), png.size()}));
    }
    html += fmt::format(
        "<figure>{}<figcaption>{}<br/>labelled <b>{}</b> ({} %)<br/>said <b>{}</b> ({} %)</figcaption></figure>\n",
        picture, escape_xml(name_of(images, m.item)), escape_xml(subject.class_names[size_t(m.label)]),
        percent(m.given), escape_xml(subject.class_names[size_t(m.predicted)]), percent(m.confidence));
  }
  if (html.empty()) return paragraph("None.");
  const std::string note =
      shown < mistakes.size()
          ? paragraph(fmt::format("The first {} of {}; all are in the table.", shown, mistakes.size()))
          : "";
  return "<div class=\"mistakes\">\n" + html + "</div>\n" + note;
}

constexpr const char* kStyle =
    "<style>.mistakes{display:grid;grid-template-columns:repeat(auto-fill,minmax(130px,1fr));gap:14px}"
    ".mistakes figure{margin:0;overflow-wrap:anywhere}.mistakes "
    "img{width:100%;image-rendering:pixelated;border-radius:6px}"
    ".confusion th,.confusion td{padding:4px 8px}</style>\n";

}  // namespace

std::vector<Mistake> find_mistakes(const std::vector<float>& logits, const std::vector<int32_t>& labels,
                                   int64_t classes) {
  std::vector<Mistake> mistakes;
  for (size_t i = 0; i < labels.size() && i * size_t(classes) < logits.size(); ++i) {
    if (labels[i] < 0) continue;
    const std::span<const float> row = std::span(logits).subspan(i * size_t(classes), size_t(classes));
    const HostSoftmax softmax(row);
    if (softmax.argmax() != labels[i])
      mistakes.push_back({int64_t(i), labels[i], int32_t(softmax.argmax()), softmax.p(double(row[size_t(labels[i])])),
                          softmax.largest()});
  }
  std::ranges::stable_sort(mistakes, {}, &Mistake::given);
  return mistakes;
}

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

Share wilson(int64_t hits, int64_t of) {
  constexpr double z = 1.959963984540054;  // of the normal distribution, 97.5 %
  const double n = double(of), p = double(hits) / n, scale = 1 / (1 + z * z / n);
  const double middle = scale * (p + z * z / (2 * n)),
               half = scale * z * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  return {std::max(0.0, middle - half), std::min(1.0, middle + half)};
}

std::string mistakes_page(const PageSubject& subject, const ssl::Evaluation& e, const std::vector<Mistake>& mistakes) {
  int64_t right = 0;
  for (size_t c = 0; c < subject.class_names.size(); ++c) right += e.confusion[c * subject.class_names.size() + c];
  const auto tile = [](const std::string& value, const std::string& what) {
    return fmt::format("<div class=\"tile\"><b>{}</b><span>{}</span></div>\n", value, what);
  };
  std::string body = kStyle + fmt::format("<h1>{}</h1>\n<p class=\"sub\">{}</p>\n", escape_xml(subject.title),
                                          escape_xml(subject.what));
  if (e.images == 0) return html_page(subject.title, body + paragraph("No image has a label: nothing was measured."));
  const auto [low, high] = wilson(right, e.images);
  body += "<div class=\"tiles\">\n" +
          tile(percent(e.accuracy) + " %", fmt::format("accuracy; 95 %: {} to {}", percent(low), percent(high))) +
          tile(percent(e.balanced_accuracy) + " %", "balanced accuracy") + tile(std::to_string(e.images), "images") +
          tile(std::to_string(mistakes.size()), "mistakes") + "</div>\n";
  body += section("classes", "Classes",
                  classes_table(subject, e.confusion) +
                      paragraph("Small: 95 % intervals (Wilson). Recall: of the images of a class, those "
                                "recognised; precision: of those said to be of it, those that are."));
  body += section("confusion", "What is taken for what", confusion_table(subject, e.confusion));
  body += section("mistakes", "Most certain mistakes, or wrong labels", pictures(subject, mistakes));
  return html_page(subject.title, body);
}

}  // namespace crc::apps
