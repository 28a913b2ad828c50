// Which 5 of 1000 embeddings to label next: crc/select.h in one page.
#include <crc/select.h>

#include <cmath>
#include <cstdio>
#include <vector>

int main() {
  constexpr int64_t kItems = 1000, kWidth = 16;
  std::vector<float> features(kItems * kWidth);  // yours: the input of a network's last layer
  for (size_t k = 0; k < features.size(); ++k) features[k] = float(std::sin(double(k) * double(k)) * 4);
  const std::vector<int64_t> labeled{3, 141, 592};

  crc_active::Problem problem;
  problem.features = {crc_active::rows(features.data(), kItems, kWidth)};
  problem.labeled = labeled;
  crc_active::Options options{.budget = 5};
  options.progress = [](const char* what, int64_t done, int64_t total) {
    std::fprintf(stderr, "%s: %lld of %lld\n", what, (long long)done, (long long)total);
  };
  try {
    const crc_active::Selection found = crc_active::select(problem, options);
    for (const crc_active::Group& group : found.groups)
      std::printf("item %lld, score %.6g\n", (long long)group.items[0], group.score);
    std::printf("%s\n", found.summary.c_str());
    problem.labeled = found.picks;
    options.budget = 5000;  // more than there is
    crc_active::select(problem, options);
  } catch (const crc_active::Error& error) {
    std::printf("%d: %s\n", error.exit_code(), error.what());
  }
}
