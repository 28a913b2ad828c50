#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/draw/axes.h"
#include "apps/draw/html.h"
#include "apps/report/figures.h"
#include "apps/report/report_sections.h"

namespace crc::apps {
namespace {

std::string state_of(const RunRecord& run) {
  switch (run.marker) {
    case Marker::done:
      return "done";
    case Marker::preempted:
      return "preempted";
    case Marker::waiting:
      return "waiting for labels";
    default:
      return "running";
  }
}

}  // namespace

TableCell mean_cell(const MeanStd& fraction) {
  TableCell cell = TableCell::percent(fraction.mean);
  if (fraction.count > 1) cell.html += fmt::format(" <span class=\"pm\">± {:.2f}</span>", 100 * fraction.std);
  return cell;
}

TableCell group_cell(const RunGroup& group) {
  return {fmt::format("<span class=\"key\" style=\"background:var({})\"></span>{}", css_name(group.ink),
                      escape_xml(group.name))};
}

std::string runs_section(const RunList& runs) {
  std::vector<std::vector<TableCell>> rows;
  for (const RunRecord* const each : runs) {
    const RunRecord& run = *each;
    rows.push_back({TableCell::text(run.name), TableCell::text(run.acquisition), TableCell::integer(run.seed),
                    TableCell::text(state_of(run)), TableCell::integer(int64_t(run.labels.size())),
                    TableCell::percent(run.rounds.empty() ? kNone : run.rounds.back().acc_last),
                    TableCell::code(run.ledger_head), TableCell::text(run.determinism)});
  }
  return section(
      "runs", "Runs",
      table({"run", "acquisition", "seed", "state", "labels", "accuracy %", "ledger head", "determinism"}, rows) +
          "<p class=\"note\">The ledger head is the last hash of the chain in <code>labels.jsonl</code>: two "
          "runs with the same head used exactly the same labels in the same order.</p>\n");
}

std::string cross_validation_section(const RunList& runs) {
  std::vector<std::vector<TableCell>> rows;
  for (const RunRecord* const run : runs)
    for (const RoundRow& r : run->rounds)
      if (std::isfinite(r.acc_cv))
        rows.push_back({TableCell::text(run->name), TableCell::integer(r.round), TableCell::integer(r.labels),
                        TableCell::percent(r.acc_cv), TableCell::percent(r.acc_cv_low),
                        TableCell::percent(r.acc_cv_high)});
  if (rows.empty()) return "";
  return section(
      "cross-validation", "Cross-validated accuracy",
      table({"run", "round", "labels", "accuracy %", "from %", "to %"}, rows) +
          "<p class=\"note\">Every labelled item was judged by a network that was trained, as the round's was, "
          "on the labels of the other parts (<code>eval.cross_validation</code>); the interval is Wilson's at "
          "95 %. The items are those that were labelled, which the acquisition chose: on others the network "
          "may be better or worse. It learned from fewer labels than the round's own.</p>\n");
}

std::string rounds_section(const RunList& runs) {
  std::string html;
  for (const RunRecord* const each : runs) {
    const RunRecord& run = *each;
    std::vector<std::vector<TableCell>> rows;
    for (const RoundRow& r : run.rounds) {
      rows.push_back({TableCell::integer(r.round), TableCell::integer(r.labels), TableCell::percent(r.acc_last),
                      TableCell::percent(r.acc_median), TableCell::percent(r.acc_best), TableCell::percent(r.acc_val),
                      TableCell::percent(r.balanced_acc), TableCell::percent(r.pseudo_rate),
                      TableCell::percent(r.pseudo_acc), TableCell::real(r.ece, "{:.3f}"), TableCell::real(r.loss),
                      TableCell::real(r.lambda_min, "{:.2e}"), TableCell::integer(r.epochs),
                      TableCell::seconds(r.train_s), TableCell::seconds(r.query_s)});
    }
    html += details(run.name,
                    table({"round", "labels", "last %", "median %", "best %", "by validation %", "balanced %", "sure %",
                           "right of these %", "ECE", "loss", "λ min", "epochs", "training", "query"},
                          rows),
                    each == runs[0]);
  }
  return section("rounds", "Every round", html);
}

std::string cost_section(const Groups& groups) {
  std::vector<std::vector<TableCell>> rows;
  for (const RunGroup& group : groups) {
    std::vector<double> epochs, train, query;
    double total = 0;
    int64_t rounds = 0;
    for (const RunRecord* run : group.runs)
      for (const RoundRow& r : run->rounds) {
        ++rounds;
        epochs.push_back(double(r.epochs));
        train.push_back(r.train_s);
        query.push_back(r.query_s);
        for (double seconds : {r.train_s, r.query_s}) total += std::isfinite(seconds) ? seconds : 0;
      }
    rows.push_back({group_cell(group), TableCell::integer(int64_t(group.runs.size())), TableCell::integer(rounds),
                    TableCell::real(mean_std(epochs).mean, "{:.1f}"), TableCell::seconds(mean_std(train).mean),
                    TableCell::seconds(mean_std(query).mean), TableCell::seconds(total)});
  }
  return section("cost", "What it cost",
                 table({"method", "runs", "rounds", "epochs per round", "training per round", "query", "all"}, rows) +
                     "<p class=\"note\">Computing time on the machine named below; a round that was taken over from "
                     "another run costs nothing here.</p>\n");
}

std::string settings_section(const RunList& runs) {
  const RunRecord& run = *runs[0];
  std::vector<std::vector<TableCell>> machine;
  for (const auto& [key, value] : run.facts) {
    machine.push_back({TableCell::text(key), {.html = escape_xml(value), .wraps = true}});
  }
  std::string html = table({"", "first run"}, machine);
  for (const RunRecord* const each : runs) {
    html += details("config.toml of " + each->name, "<pre>" + escape_xml(each->config_text) + "</pre>\n");
    if (html.size() > 300'000) break;
  }
  return section("settings", "Settings and machine", html);
}

}  // namespace crc::apps
