// Runs on frozen embeddings from outside: the same loop with rows instead of images; cold starts; what is refused
// before anything is made; a run that was killed ends with the same bits.
#include "tests/errors/embedding_runs.h"

namespace crc::test {
namespace {

TEST_F(EmbeddingRuns, EveryMethodAndEveryAcquisitionGoesThroughTheLoop) {
  const std::string run_ = "run embeddings" + kEmbeddings + data();
  for (const std::string method : {"supervised", "fixmatch", "pi_model", "mean_teacher", "label_propagation"}) {
    expect(run_ + "--set ssl.method=" + method + " --set ssl.mu=2 --out " + out(method), 0, "with 18 labels");
    EXPECT_GT(accuracy(out(method)), 0.6) << method;
    expect("verify " + out(method), 0, "");
    expect("eval --run " + out(method), 0, "accuracy");
    expect("eval --split train --limit 7 --run " + out(method), 0, "images             7");
  }
  for (const std::string name :
       {"crc", "badge", "egl", "crc_layers --set acquisition.layers=all", "margin", "uherding"})
    expect(run_ + "--set model.name=mlp --set model.depth=1 --set model.width=8 --set acquisition.name=" + name +
               " --out " + out(name.substr(0, 5)),
           0, "with 18 labels");
  for (const std::string name : {"crc", "margin", "badge"})
    expect(run_ + "--set ssl.method=label_propagation --set acquisition.name=" + name + " --out " + out("lp" + name), 0,
           "with 18 labels");
}

TEST_F(EmbeddingRuns, ViewsTakeTheNoisesPlace) {
  clouds("second", 120, 1);
  const std::string run_ = "run embeddings" + kEmbeddings + data() + "--set ssl.method=fixmatch --set ssl.mu=2 ";
  expect(run_ + "--set data.view2=second.npy --set ssl.strong_noise=9 --out " + out("a"), 0, "with 18 labels");
  expect(run_ + "--set data.view2=second.npy --set ssl.strong_noise=1 --out " + out("b"), 0, "with 18 labels");
  EXPECT_EQ(read(out("a/rounds/00/query.csv")), read(out("b/rounds/00/query.csv")));
}

TEST_F(EmbeddingRuns, AKilledRunEndsWithTheSameBits) {
  for (const std::string method : {"supervised", "label_propagation"}) {
    const std::string run_ = "run embeddings" + kEmbeddings + data() + "--set ssl.method=" + method;
    expect(run_ + " --out " + out("whole" + method), 0, "");
    for (int at = 1; at < 100; at += 9) {
      fs::remove_all(out());
      shell("CRC_FAULT=rename:" + std::to_string(at) + ":kill " + kTrain + " " + run_ + " --out " + out());
      if (!fs::exists(out() + "/run.json")) continue;  // nothing has begun
      const bool finished = fs::exists(out() + "/DONE");
      expect("resume " + out(), 0, "");
      for (const char* file : {"/rounds/02/weights.safetensors", "/rounds/01/query.csv", "/labels.jsonl"})
        EXPECT_TRUE(read(out() + file) == read(out("whole" + method) + file)) << file << " " << at;
      if (finished) break;
    }
  }
}

// Scaled by all rows, of which the pool is a part.
TEST_F(EmbeddingRuns, ARunOnAPartOfTheRowsGoesOn) {
  for (const std::string part : {"data.limit_train=90", "data.imbalance=0.5"}) {
    const std::string run_ = "run embeddings" + kEmbeddings + data() + "--set " + part + " --out ";
    expect(run_ + out("whole" + part), 0, "");
    expect("eval --split train --run " + out("whole" + part), 0, "accuracy");
    shell("CRC_FAULT=rename:20:kill " + kTrain + " " + run_ + out(part));
    ASSERT_FALSE(fs::exists(out(part) + "/DONE"));
    expect("resume " + out(part), 0, "");
    EXPECT_TRUE(read(out(part) + "/labels.jsonl") == read(out("whole" + part) + "/labels.jsonl"));
  }
}

TEST_F(EmbeddingRuns, FirstLabelsComeFromEmbeddings) {
  const std::string words = "first labels by the embeddings: ";
  for (const std::string first :
       {"typiclust", "maxherding", "rdss", "kmeans", "coreset", "probcover", "facility_location"})
    expect("run embeddings --dry-run" + kEmbeddings + data() + "--set acquisition.first=" + first, 0,
           "by " + first + " on the embeddings");
  expect("run embeddings" + kEmbeddings + data() + "--set acquisition.first=kmeans --out " + out("k"), 0,
         words + "kmeans");
  expect("run embeddings --dry-run" + kEmbeddings + data() + "--set acquisition.first=margin", 78, "acquisition.first");
}

TEST_F(EmbeddingRuns, ASweepOfAllAcquisitionsPairedByTrial) {
  const std::string sweep = "sweep embeddings --trials 2" + kEmbeddings + data();
  expect(sweep + "--dry-run", 0, "as-the-recipe-alone-typiclust-t1");  // every cell is one that can run
  expect(sweep + "--quiet --only '^linear-10-to|recipe-alone|cold.*-(random-t|kmeans)' --out " + out(), 0,
         "| Linear, 10 to 100 | Area (%) | Interquartile mean | Median | Rank | Trials | Against random |");
  // The same first labels for all but the cold start's.
  const auto first = [&](const std::string& cell) {
    std::istringstream ledger(read(out(cell) + "/labels.jsonl"));
    std::string line, labels;
    for (int i = 0; i < 6 && std::getline(ledger, line); ++i) labels += line.substr(0, line.find("\"hash\"")) + "\n";
    return labels;
  };
  EXPECT_EQ(first("run/linear-10-to-100-random-t0"), first("run/linear-10-to-100-crc-t0"));
  EXPECT_NE(first("run/linear-10-to-100-random-t0"), first("run/linear-10-to-100-random-t1"));
  EXPECT_NE(first("run/cold-start-10-to-100-random-t0"), first("run/cold-start-10-to-100-kmeans-t0"));
  const std::string pairs = read(out() + "/pairs.csv");
  EXPECT_EQ(std::count(pairs.begin(), pairs.end(), '\n'), 1 + 19 * 18 / 2 + 1 + 3)
      << "with margin as the recipe's control";
  EXPECT_NE(read(out() + "/table.md").find("| Linear, 10 to 100: row - column | 1 | 2 |"), std::string::npos);
  // `run embeddings` is one of its cells, and says nothing of the sweep.
  EXPECT_EQ(shell(kTrain + " run embeddings --dry-run" + kEmbeddings + data()).words.find("is a sweep"),
            std::string::npos);
}

const std::string kImages =
    "run --set run.device=cpu --set run.threads=1 --set data.name=street_digits --set model.depth=10"
    " --set data.train_size=120 --set data.test_size=20 --set model.width=1 --set ssl.batch=4"
    " --set model.base_channels=2 --set model.first_stride=2 --set ssl.mu=1 --set ssl.epochs=1"
    " --set ssl.steps_per_epoch=2 --set acquisition.initial=10 --set acquisition.budget=10"
    " --set acquisition.rounds=1 --set acquisition.name=coreset --set acquisition.first=typiclust ";

TEST_F(EmbeddingRuns, ImagesStartFromTheirEmbeddingsToo) {
  const std::string beside = "--set data.embeddings=" + folder + "/train.npy ";
  expect(kImages + beside + "--out " + out("network"), 0, "first labels by the embeddings: typiclust");
  expect(kImages + beside + "--set acquisition.features=embeddings --out " + out("rows"), 0, "with 20 labels");
  EXPECT_NE(read(out("network/rounds/00/query.csv")), read(out("rows/rounds/00/query.csv")));
  expect(kImages + beside + "--set data.validation_size=20 --out " + out("held"), 0, "with 20 labels");
  expect(kImages + "--dry-run", 78, "acquisition.first = \"typiclust\" needs embeddings; set data.embeddings");
  expect(kImages + "--dry-run --set data.embeddings=" + folder + "/test.npy", 65,
         "test.npy is [60,8], and street_digits");
  expect(kImages + "--dry-run --set acquisition.first=random --set acquisition.features=embeddings", 78,
         "acquisition.features = \"embeddings\" needs embeddings");
  clouds("train", 120, 9);
  fs::remove(out("network/DONE"));
  expect("resume " + out("network"), 65, "not the one this run began with");
}

TEST_F(EmbeddingRuns, PeopleAreAskedFromTheFirstLabelOn) {
  const std::string rows = "--set data.features=" + folder + "/train.npy --set data.classes=3 ";
  expect("run embeddings" + kEmbeddings + rows + "--out " + out(), 10, "crc_train label");
  expect("run embeddings --dry-run" + kEmbeddings + rows, 0, "120 have none");
}

TEST_F(EmbeddingRuns, LabelsCalibrateWhatIsPropagatedFromThem) {
  const std::string run_ = "run embeddings" + kEmbeddings + data() +
                           "--set acquisition.first=random --set acquisition.calibrate=cross_validation ";
  const std::string propagates = "--set ssl.method=label_propagation --set acquisition.name=margin ";
  expect(run_ + propagates + "--set acquisition.initial=12 --out " + out(), 0,
         "fitted to 12 labels, each predicted without those of its fold (of 5)");
  expect(run_ + propagates + "--set acquisition.initial=3 --out " + out("three"), 0,
         "no class has two labels: probabilities are not calibrated");
  expect(
      run_ + "--set ssl.method=supervised --out " + out("refused"), 78,
      "acquisition.calibrate = \"cross_validation\" would train every round's network once more for each fold of its "
      "labels");
  EXPECT_FALSE(fs::exists(out("refused")));
}

TEST_F(EmbeddingRuns, WhatCannotWorkIsSaidBefore) {
  const std::string dry = "run embeddings --dry-run" + kEmbeddings + data();
  expect(dry + "--set model.name=wrn", 78, "takes images, and the items are embeddings");
  expect(dry + "--set ssl.method=label_propagation --set model.name=mlp", 78, "label_propagation");
  expect(dry + "--set ssl.method=label_propagation --set acquisition.name=egl", 78, "label_propagation has no network");
  expect(kImages + "--set acquisition.first=random --dry-run --set ssl.method=label_propagation", 78, "data.name");
  expect(dry + "--set data.features=nowhere.npy", 66, "nowhere.npy");
  expect(dry + "--set data.classes=2", 65, "0 to 1, or -1");
  expect(dry + "--set data.embeddings=" + folder + "/train.npy", 78, "embeddings already");
  put<float>("narrow.npy", {1, 2, 3}, {1, 3});
  expect(dry + "--set data.test_features=narrow.npy", 65, "the widths must agree");
  expect("data preview x.png --set data.name=embeddings" + data(), 78, "no images");
  expect("data info --set data.name=embeddings" + data(), 0, "8 features");
}

// As pandas writes the numbers of a column with gaps: names of their own, which the test items do not have.
TEST_F(EmbeddingRuns, ClassesAreWrittenInOneWay) {
  std::string csv = "label\n";
  for (int64_t i = 0; i < 120; ++i) csv += std::to_string(i % 3) + ".0\n";
  write_file(folder + "/floats.csv", csv);
  const std::string dry = "run embeddings --dry-run" + kEmbeddings + data();
  expect(dry + "--set data.labels=floats.csv", 65,
         "training labels are of 0.0, 1.0, 2.0, labels of the held-out items of 0, 1, 2, and no class is in both");
  expect(dry + "--set data.labels=floats.csv --set data.classes=3", 65, "has 6 names of classes (\"0\", \"0.0\",");
  write_file(folder + "/index.csv", "item,class_index\n0,1\n1,2\n2,0\n3,0\n");
  const std::string some = "--set data.labels=index.csv --set data.classes=3 ";
  const std::string unused = "4 of 120 items have a label in the data, and the first query asks for whatever it picks";
  expect(dry + some + "--set acquisition.first=typiclust", 0, unused);
  EXPECT_EQ(expect(dry + some + "--set acquisition.first=given", 0, "").find(unused), std::string::npos);
}

TEST_F(EmbeddingRuns, NeighboursAreKeptInAFile) {
  const std::string run_ = "run embeddings" + kEmbeddings + data() +
                           "--set ssl.method=label_propagation "
                           "--set ssl.graph.file=" +
                           folder + "/graph.safetensors ";
  expect(run_ + "--out " + out("a"), 0, "");
  expect(run_ + "--out " + out("b"), 0, "");
  EXPECT_EQ(read(out("a/rounds/01/query.csv")), read(out("b/rounds/01/query.csv")));
  expect(run_ + "--set ssl.graph.neighbors=3 --out " + out("c"), 65, "of other data or another graph");
  fs::resize_file(folder + "/graph.safetensors", 100);
  expect(run_ + "--out " + out("c"), 65, "name another file, or delete this one, and it is made again");
  fs::remove(folder + "/graph.safetensors");
  expect(run_ + "--out " + out("c"), 0, "");
}

// CIFAR-10 through an ImageNet network, where it is there.
TEST_F(EmbeddingRuns, RealEmbeddingsAreLearnt) {
  const char* given = std::getenv("CRC_EMBEDDINGS");
  const std::string cifar = given ? given : CRC_SOURCE_DIR "/../shared/data/cifar10-embeddings";
  if (!fs::exists(cifar + "/train.npy")) GTEST_SKIP() << "no cifar10-embeddings";
  expect(
      "run embeddings --set run.device=cpu --set acquisition.first=random --set acquisition.initial=100"
      " --set acquisition.rounds=0 --set data.dir=" +
          cifar + " --out " + out(),
      0, "with 100 labels");
  EXPECT_GT(accuracy(out()), 0.5);
}

}  // namespace
}  // namespace crc::test
