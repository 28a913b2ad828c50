// Runs on frozen embeddings of three clouds, from outside.
#pragma once

#include <cstdlib>

#include "data/npy.h"
#include "tests/errors/outside.h"
#include "tests/write_file.h"

namespace crc::test {

inline const std::string kEmbeddings =
    " --set run.device=cpu --set run.threads=1 --set ssl.epochs=2 --set ssl.steps_per_epoch=10 --set ssl.lr=0.03"
    " --set acquisition.initial=6 --set acquisition.budget=6 --set acquisition.group_size=3"
    " --set acquisition.rounds=2 --set ssl.weight_decay=0.01 ";

class EmbeddingRuns : public Outside {
 protected:
  // Three clouds of `n` rows in eight dimensions.
  void SetUp() override {
    clouds("train", 120, 1);
    clouds("test", 60, 2);
  }
  void clouds(const std::string& split, int64_t n, int seed) {
    std::vector<float> rows;
    std::vector<int32_t> labels;
    srand(unsigned(seed));
    for (int64_t i = 0; i < n; ++i) {
      labels.push_back(int32_t(rand() % 3));
      for (int64_t d = 0; d < 8; ++d) rows.push_back(float(rand() % 1000) / 1000 + (d == labels.back() ? 0.8f : 0));
    }
    put(split + ".npy", rows, {n, 8});
    put(split + "_labels.npy", labels, {n});
  }
  template <class T> void put(const std::string& name, const std::vector<T>& values, std::vector<int64_t> shape) {
    write_file(folder + "/" + name, data::encode_npy<T>(std::span<const T>(values), shape));
  }
  std::string data() const { return " --set data.dir=" + folder + " "; }
  std::string out(const std::string& name = "run") const { return folder + "/" + name; }
  double accuracy(const std::string& run) const {  // of the last round's last epoch
    std::istringstream rows(read(run + "/rounds.csv"));
    std::string line, last, cell;
    while (std::getline(rows, line)) last = line;
    std::istringstream cells(last);
    for (int k = 0; k < 3; ++k) std::getline(cells, cell, ',');
    return std::stod(cell);
  }
};

}  // namespace crc::test
