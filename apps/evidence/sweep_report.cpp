#include "apps/evidence/sweep_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "apps/base/outputs.h"
#include "apps/evidence/differences.h"
#include "apps/evidence/paired_tables.h"
#include "apps/report/boundary.h"
#include "apps/report/figures.h"
#include "apps/report/report.h"
#include "apps/report/report_sections.h"
#include "data/text.h"

namespace crc::apps {
namespace {

constexpr size_t kImagesOfBlocks = 2'000'000;  // bytes of data URIs of all blocks

struct Figure {
  std::string name;  // figures/<name>.png
  LineChart chart;
  std::string caption;
};

// The trials of one block as groups in the recipe's order, named as the paper names the methods.
Groups groups_of(const Sweep& sweep, const std::vector<SweepRun>& runs, size_t block) {
  Groups groups;
  const std::vector<SweepMethod>& methods = sweep.spec().blocks[block].methods;
  for (size_t m = 0; m < methods.size(); ++m) {
    RunGroup group{.name = methods[m].name, .runs = {}, .ink = series_ink(int(m))};
    for (const SweepRun& run : runs)
      if (run.cell->phase == Phase::trial && run.cell->block == block && run.cell->method == m)
        group.runs.push_back(&run.record);
    if (!group.runs.empty()) groups.push_back(std::move(group));
  }
  return groups;
}

// Letters and digits of the block's name; a block whose name differs from an earlier one's in other characters alone
// has figures of its own.
std::string file_name(const SweepSpec& spec, size_t block, const char* kind) {
  const auto plain = [](const std::string& text) {
    std::string name;
    for (char c : text)
      if (std::isalnum(static_cast<unsigned char>(c))) name += char(std::tolower(static_cast<unsigned char>(c)));
    return name;
  };
  std::string name = plain(spec.blocks[block].name);
  const auto before = spec.blocks.begin() + ptrdiff_t(block);
  if (std::any_of(spec.blocks.begin(), before, [&](const SweepBlock& b) { return plain(b.name) == name; }))
    name += fmt::format("{}{}", name.empty() ? "block-" : "-", block + 1);
  return name.empty() ? kind : name + "-" + kind;
}

// The files of a report beside its figures.
std::vector<fs::path> page_files(const fs::path& out) {
  return {out / "report.html", out / "table.md", out / "table.csv", out / "pairs.csv"};
}

std::vector<Figure> figures_of(const Sweep& sweep, size_t block, const Groups& groups) {
  const SweepSpec& spec = sweep.spec();
  const Measure measure = spec.blocks[block].measure;
  std::vector<Figure> figures{{file_name(spec, block, "accuracy"), comparison_chart(sweep, block, groups),
                               fmt::format("Measure: {}. Thick: mean over trials; thin: single trials; band: one "
                                           "standard deviation; hollow dots: the paper's numbers.",
                                           word_of(measure))}};
  if (spec.figure == SweepFigure::transfer)
    figures.push_back({file_name(spec, block, "gains"), gains_chart(groups, measure_column(measure)),
                       "How much each query added to the round before."});
  RunList crc;
  for (const RunGroup& group : groups)
    if (is_crc(group.name)) crc.insert(crc.end(), group.runs.begin(), group.runs.end());
  if (crc.empty()) return figures;
  const LineChart horizon = horizon_chart(crc);
  if (!horizon.series.empty())
    figures.push_back({file_name(spec, block, "eigenvalue-horizon"), horizon,
                       "One dot per chosen group: its score, and the epochs that training on the enlarged labels then "
                       "took to its smallest test loss (the paper's Figure 3 a)."});
  const LineChart eigenvalues = eigenvalue_chart(crc);
  if (!eigenvalues.series.empty())
    figures.push_back({file_name(spec, block, "eigenvalues"), eigenvalues,
                       "All candidate groups of all trials (the paper's Figure 3 b)."});
  return figures;
}

// Section ids are unique in the page.
std::string with_prefix(std::string html, const std::string& prefix) {
  const std::string tag = "<section id=\"";
  const size_t at = html.find(tag);
  return at == html.npos ? html : html.insert(at + tag.size(), prefix);
}

std::string block_sections(const Sweep& sweep, const std::vector<SweepRun>& runs, size_t block, const Groups& groups,
                           const std::vector<Figure>& figures, const Study& study, const PairedBlock& pairs) {
  RunList list;
  for (const SweepRun& run : runs)
    if (run.cell->block == block) list.push_back(&run.record);
  if (list.empty()) return "";
  const std::string& name = sweep.spec().blocks[block].name;
  std::string html = name.empty() ? "" : "<h1>" + escape_xml(name) + "</h1>\n", drawn;
  for (const Figure& each : figures) drawn += chart_figure(each.chart, each.caption);
  std::vector<std::string> parts;
  if (!groups.empty())
    parts = {section("figures", "How good it is", drawn), pairs_section(pairs),
             section("differences", "What else differs", html_differences(study, pairs.name)), classes_section(groups)};
  parts.push_back(queries_section(list, kImagesOfBlocks / sweep.spec().blocks.size()));
  if (!groups.empty())
    for (std::string part :
         {scores_section(groups, /*eigenvalues=*/false), training_section(groups), cost_section(groups)})
      parts.push_back(std::move(part));
  parts.push_back(rounds_section(list));
  parts.push_back(runs_section(list));
  for (std::string& part : parts) html += with_prefix(std::move(part), fmt::format("b{}-", block));
  return html;
}

// "2 of 12 runs are not finished: a, b", or nothing.
std::string unfinished(const Sweep& sweep) {
  std::vector<std::string> names;
  for (const SweepCell& cell : sweep.cells())
    if (!sweep.done(cell)) names.push_back(cell.name);
  return names.empty() ? ""
                       : fmt::format("{} of {} runs are not finished: {}", names.size(), sweep.cells().size(),
                                     data::join_first(names, 8));
}

std::string test_line(const Study& study) {
  return study.test_words.empty() ? "" : paragraph("<strong>" + escape_xml(study.test_words) + "</strong>");
}

std::string overview(const Sweep& sweep, const Study& study, const std::vector<PairedBlock>& pairs,
                     const ResultTable& table, const std::string& missing) {
  const SweepSpec& spec = sweep.spec();
  std::string body = fmt::format("<h1>{}</h1>\n<p class=\"sub\">{} · recipe {} · {} runs</p>\n", escape_xml(spec.title),
                                 escape_xml(spec.source), escape_xml(sweep.recipe()), sweep.cells().size());
  if (!missing.empty()) body += paragraph(escape_xml(missing + "."));
  if (!study.rule.empty()) body += paragraph(escape_xml(study.rule));
  if (!spec.note.empty()) body += paragraph(escape_xml(spec.note));
  std::string tables = html(table), others;
  for (size_t k = 0; k < std::size(kMeasures); ++k) {
    const bool measured = std::ranges::any_of(table.rows, [&](const ResultRow& row) {
      return std::ranges::any_of(row.entries, [&](const ResultEntry& entry) { return entry.ours[k].count > 0; });
    });
    if (measured) others += details(fmt::format("All columns, {}", kMeasureWords[k]), html(table, k));
  }
  return body + section("table", "Table", tables + html_blocks(pairs) + others);
}

}  // namespace

std::string write_sweep_report(const Sweep& sweep, const fs::path& out, bool replace, int reload_s) {
  Outputs files(page_files(out), {.force = replace, .inputs = {}, .makes_folders = true});
  const std::vector<SweepRun> runs = load_runs(sweep);
  const ResultTable table = make_table(sweep, runs);
  const std::string missing = unfinished(sweep);
  const Study study = study_of(sweep, runs);
  const std::vector<PairedBlock> pairs = paired_blocks(study);
  std::string body = overview(sweep, study, pairs, table, missing);
  for (size_t block = 0; block < sweep.spec().blocks.size(); ++block) {
    const Groups groups = groups_of(sweep, runs, block);
    if (groups.empty()) continue;
    const std::vector<Figure> figures = figures_of(sweep, block, groups);
    for (const Figure& figure : figures) files.put(out / "figures" / (figure.name + ".png"), chart_png(figure.chart));
    if (sweep.spec().figure == SweepFigure::boundary) {
      const BoundaryFigure panels = boundary_figure(groups);
      files.put(out / "figures" / (file_name(sweep.spec(), block, "boundary") + ".png"), boundary_png(panels));
      body += section("boundary", "Decision boundary",
                      figure(boundary_svg(panels),
                             "What the model of each round predicts, and its test accuracy, for the first trial of "
                             "each method."));
    }
    body += block_sections(sweep, runs, block, groups, figures, study, pairs[block]);
  }
  if (!runs.empty()) body += settings_section({&runs.front().record});
  files.put(out / "report.html",
            html_page(sweep.spec().title, live_note(reload_s) + test_line(study) + with_contents(body), reload_s));
  std::string text = (study.test_words.empty() ? "" : study.test_words + "\n\n") + markdown(table), matrices;
  if (!study.rule.empty()) text += "\n" + study.rule + "\n";
  if (!missing.empty()) text += "\n" + missing + ".\n";
  for (const PairedBlock& block : pairs)
    text += markdown_areas(block), matrices += markdown_pairs(block) + markdown_sentences(block);
  files.put(out / "table.md", text + matrices);
  files.put(out / "table.csv", csv(table));
  files.put(out / "pairs.csv", csv(pairs));
  files.commit();
  return text;
}

}  // namespace crc::apps
