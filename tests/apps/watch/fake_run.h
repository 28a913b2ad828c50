// A run that takes its time on a synthetic clock: what its files say at any moment, written as a run writes them.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <fstream>
#include <vector>

#include "apps/config/config.h"
#include "apps/rundir/rounds.h"

namespace crc::apps::test {

struct FakeRun {
  fs::path directory = {};
  int64_t rounds = 3, epochs = 10, best = 10;  // of every round; the epoch that stays the best
  double epoch_s = 60, query_s = 0;
  double start_s = 0, save_s = 0;  // before the first epoch, and after each: what no record says
  int64_t steps_per_epoch = 100;

  double seconds() const {
    return start_s + double(rounds * epochs) * (epoch_s + save_s) + double(rounds - 1) * query_s;
  }

  // From what they say at `before` seconds of it to what they say at `now`.
  void write(double before, double now) const {
    fs::create_directories(directory);
    double at = start_s;
    std::vector<RoundRow> rows;
    const auto is_new = [&](double time) { return before < time && time <= now; };
    bool row_is_new = false;
    for (int64_t round = 0; round < rounds; ++round) {
      for (int64_t epoch = 1; epoch <= epochs; ++epoch) {
        at += epoch_s;
        if (is_new(at)) append(round, epoch);
        at += save_s;
      }
      if (at > now) break;
      rows.push_back(
          {.round = round, .labels = 50 * (round + 1), .epochs = epochs, .train_s = double(epochs) * epoch_s});
      row_is_new = row_is_new || is_new(at);
      if (round + 1 == rounds) break;
      at += query_s;
      if (at > now) break;
      rows.back().query_s = query_s;
      row_is_new = row_is_new || is_new(at);
    }
    if (row_is_new) std::ofstream(directory / "rounds.csv") << rounds_to_csv(rows);
    if (is_new(seconds())) std::ofstream(directory / "DONE") << "done\n";
  }

 private:
  void append(int64_t round, int64_t epoch) const {
    std::ofstream(directory / "metrics.jsonl", std::ios::app) << fmt::format(
        "{{\"seq\":0,\"round\":{},\"epoch\":{},\"step\":{},\"labels\":{},\"test_acc\":{},\"seconds\":{}}}\n", round,
        epoch, epoch * steps_per_epoch, 50 * (round + 1), epoch <= best ? 0.5 + 0.01 * double(epoch) : 0.5,
        double(epoch) * epoch_s);
  }
};

}  // namespace crc::apps::test
