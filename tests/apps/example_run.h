// A plausible finished run, written through RunDir: for tests of what reads runs.
#pragma once

#include <cmath>
#include <nlohmann/json.hpp>

#include "apps/draw/png.h"
#include "apps/rundir/run_record.h"
#include "kernels/core/random.h"

namespace crc::apps::test {

inline std::string example_image(uint32_t seed) {
  constexpr int kTile = 16, kColumns = 5, kRows = 2;
  std::vector<uint8_t> rgb(size_t(kTile * kColumns * kTile * kRows * 3));
  Draws draws(seed, Purpose::test, 7, 0);
  for (uint8_t& v : rgb) v = uint8_t(draws.below(256));
  return encode_png(rgb, kTile * kColumns, kTile * kRows);
}

// `curve`: accuracy per round. `config`: what else it was started with.
inline void write_example_run(const fs::path& path, const std::string& acquisition, int64_t seed,
                              const std::vector<double>& curve, int64_t epochs = 40, Config config = {}) {
  config.merge_setting("acquisition.name=" + acquisition);
  config.merge_setting("run.seed=" + std::to_string(seed));
  config.merge_setting("report.reference=100:78.4 150:83.7 200:85.7");
  config.merge_setting("report.reference_name=paper, CRC");
  const std::vector<std::string> classes = {"airplane", "automobile", "bird",    "cat",  "deer",
                                            "dog",      "frog",       "<horse>", "ship", "truck"};
  RunDir run = RunDir::create(path, config,
                              {.arguments = {"crc_train", "run", "configs/table6-q50.toml", "--set", "run.seed=1"},
                               .device = "cuda:0 NVIDIA H200 (sm_90, 132 multiprocessors)",
                               .libraries = {{"cudnn", "9.19"}, {"cublas", "13.0"}},
                               .determinism = "device",
                               .data_hash = "d474",
                               .limits = {.items = 50000, .classes = 10},
                               .class_names = classes});
  Draws draws(uint32_t(seed), Purpose::test, int64_t(acquisition.size()), 0);
  std::vector<RoundRow> rows;
  for (int64_t round = 0; round < int64_t(curve.size()); ++round) {
    std::vector<Answer> answers;
    while (answers.size() < 50) {
      const auto item = round * 10000 + int64_t(answers.size()) * 200 + int64_t(draws.below(200));
      const int64_t class_index = round == 0 ? int64_t(answers.size()) % 10 : int64_t(std::sqrt(draws.below(100)));
      answers.push_back({item, class_index});
    }
    run.ledger().record(round, round == 0 ? "initial" : "oracle", answers);
    const double top = curve[size_t(round)] + double(draws.uniform(-0.02f, 0.02f));
    for (int64_t epoch = 1; epoch <= epochs; ++epoch) {
      const double done = 1 - std::exp(-5.0 * double(epoch) / double(epochs)),
                   noise = double(draws.uniform(-0.01f, 0.01f));
      run.append_metrics({{"round", round},
                          {"epoch", epoch},
                          {"step", epoch * 1024},
                          {"test_acc", top * done + noise},
                          {"test_loss", 2.3 - 1.8 * done},
                          {"mask_rate", 0.9 * done + noise},
                          {"pseudo_acc", top + (1 - top) * 0.4 * done + noise},
                          {"pseudo_precision", std::vector<double>{top * done, std::nan(""), 0.5}},
                          {"pseudo_recall", std::vector<double>{top * done, 0.25, 0.5}},
                          {"unclaimed", 1 - 0.9 * done},
                          {"running.threshold", std::vector<double>{0.9 * done, 0.8 * done, 0.95 * done}}});
    }
    if (round > 0) {
      std::vector<double> scores(2000);
      for (double& s : scores)
        s = 1e-3 * std::exp(double(draws.uniform()) + double(draws.uniform()) + double(draws.uniform()));
      std::vector<int64_t> chosen(scores.size());
      for (size_t i = 0; i < chosen.size(); ++i) chosen[i] = int64_t(i);
      std::sort(chosen.begin(), chosen.end(),
                [&](int64_t a, int64_t b) { return scores[size_t(a)] > scores[size_t(b)]; });
      chosen.resize(10);
      const fs::path folder = run.path() / round_name(round, "");
      make_directories(folder);
      commit_file(folder / "scores.json", to_json(make_histogram(scores, chosen)));
      commit_file(folder / "query.png", example_image(uint32_t(seed * 10 + round)));
    }
    rows.push_back({.round = round,
                    .labels = run.ledger().size(),
                    .acc_last = top,
                    .acc_median = top - 0.002,
                    .acc_best = top + 0.004,
                    .balanced_acc = top - 0.01,
                    .ece = 0.08,
                    .loss = 0.5,
                    .lambda_min = 3.1e-2 / double(round + 1),
                    .epochs = epochs,
                    .train_s = 1800.0 + 60 * double(round),
                    .query_s = round ? 12.4 : kNone});
    run.write_rounds(rows);
  }
  run.mark(Marker::done, "all rounds finished");
}

}  // namespace crc::apps::test
