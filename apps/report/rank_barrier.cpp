#include "apps/report/rank_barrier.h"

#include <fmt/format.h>

#include <algorithm>

namespace crc::apps {

using select::Barrier, select::BarrierPoint;

LineChart barrier_chart(const Barrier& barrier) {
  const auto series = [](std::string name, Ink ink) {
    LineSeries s;
    s.name = std::move(name);
    s.ink = ink;
    return s;
  };
  LineSeries exact = series("exact, items renumbered", series_ink(2)),
             naive = series("fp32 against exact", series_ink(0)),
             again = series("fp32, items renumbered", series_ink(1)),
             wall = series(fmt::format("|L| + G = rank {}", barrier.rank), Ink::muted);
  naive.emphasized = true;
  again.dashed = wall.dashed = true;
  wall.points = false;
  double low = -0.4;
  for (const BarrierPoint& p : barrier.points) {
    const auto x = double(p.labeled);
    exact.mean.push_back({x, p.exact_itself});
    naive.mean.push_back({x, p.against_exact});
    again.mean.push_back({x, p.against_itself});
    if (std::min(p.against_exact, p.against_itself) < low) low = -1.1;
  }
  const auto place = double(barrier.rank - barrier.group);
  wall.mean = {{place, low}, {place, 1.1}};
  LineChart chart;
  chart.title = fmt::format("Scores of {} groups of {}: rank correlation", barrier.groups, barrier.group);
  chart.x_label = "labelled items |L|";
  chart.y_label = "Spearman's rho";
  chart.description = fmt::format(
      "Rank correlation, by the number of labelled items, of the smallest positive eigenvalue in fp32 with the exact "
      "score, and of both with themselves after the items were renumbered; the rank is {}",
      barrier.rank);
  chart.series = {naive, wall, again, exact};
  chart.y_range = {low, 1.1};
  return chart;
}

std::string barrier_table(const Barrier& barrier) {
  std::string text = fmt::format(
      "rank {}, groups of {}; rank correlation, and how many of the 10 best groups are the same\n\n"
      "{:>4} {:>6} {:>18} {:>20} {:>20}\n{:>4} {:>6} {:>18} {:>20} {:>20}\n",
      barrier.rank, barrier.group, "", "", "fp32", "fp32", "exact", "|L|", "|L|+G", "against exact", "renumbered",
      "renumbered");
  for (const BarrierPoint& p : barrier.points)
    text +=
        fmt::format("{:>4} {:>6} {:>+14.3f} {:>3} {:>+16.3f} {:>3} {:>+20.3f}\n", p.labeled, p.labeled + barrier.group,
                    p.against_exact, p.same_best, p.against_itself, p.same_best_again, p.exact_itself);
  return text;
}

}  // namespace crc::apps
