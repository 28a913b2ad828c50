// Weights from outside: what a file says is believed, what it does not say is said, and nothing wrong comes in.
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "data/datasets/cifar10.h"
#include "data/png.h"
#include "nn/safetensors.h"
#include "tests/errors/outside.h"
#include "tests/write_file.h"

namespace crc::test {
namespace {

using nlohmann::json;

// One run of two short rounds, which all tests read and none changes.
class Weights : public Outside {
 protected:
  static void SetUpTestSuite() {
    char name[] = "/tmp/crc-test-XXXXXX";
    shared_ = mkdtemp(name);
    const Outcome made =
        shell(kTrain + " data make " + shared_ + "/data --set data.train_size=200 --set data.test_size=60");
    ASSERT_EQ(made.code, 0) << made.words;
    std::ofstream(shared_ + "/data/batches.meta.txt") << "zero\none\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\n";
    const Outcome ran = shell(kTrain + " run demo --out " + shared_ + "/run" + at(shared_ + "/data") + kShort +
                              " --set acquisition.rounds=1");
    ASSERT_EQ(ran.code, 0) << ran.words;
  }
  static void TearDownTestSuite() { fs::remove_all(shared_); }

  static std::string at(const std::string& data) {
    return " --set data.name=cifar10 --set data.profile= --set data.dir=" + data + " ";
  }
  std::string of_run(const std::string& file) const { return shared_ + "/run/rounds/01/" + file; }
  std::string eval(const std::string& weights, const std::string& more = "") const {
    return "eval --set run.device=cpu --weights " + weights + " --data " + shared_ + "/data " + more;
  }
  json eval_json(const std::string& arguments) const {
    const Outcome o = run(arguments + " --json");
    EXPECT_EQ(o.code, 0) << arguments << "\n" << o.words;
    return json::parse(o.words.substr(std::min(o.words.find('{'), o.words.size())), nullptr, false);  // after notes
  }
  // Of the run's last round, from rounds.csv.
  double measured(const std::string& column) const {
    std::istringstream text(read(shared_ + "/run/rounds.csv"));
    std::string header, line, last, cell, value;
    std::getline(text, header);
    while (std::getline(text, line)) last = line;
    std::istringstream names(header), cells(last);
    while (std::getline(names, cell, ',') && std::getline(cells, value, ','))
      if (cell == column) return std::stod(value);
    ADD_FAILURE() << "no column " << column;
    return NAN;
  }
  nn::TensorFile tensors(const std::string& file = "weights.safetensors") const {
    return nn::decode_safetensors(read(of_run(file)), file);
  }
  std::string write(const std::string& name, const nn::TensorFile& file) const {
    return write(name, nn::encode_safetensors(file));
  }
  std::string write(const std::string& name, const std::string& bytes) const {
    std::ofstream(folder + "/" + name, std::ios::binary) << bytes;
    return folder + "/" + name;
  }
  static void set_value(nn::TensorFile& file, const std::string& tensor, size_t index, float value) {
    for (nn::TensorEntry& t : file.tensors)
      if (t.name == tensor) std::memcpy(t.bytes.data() + 4 * index, &value, 4);
  }

  // A run that nothing but run.json vouches for.
  void as_of_an_earlier_version(const std::string& run) const {
    json facts = json::parse(read(run + "/run.json"));
    facts.erase("manifest");
    std::ofstream(run + "/run.json") << facts.dump(1) << "\n";
    for (const char* name : {"/manifest.json", "/manifest-copy.json"}) fs::remove(run + name);
  }

  static inline const std::string kShort =
      "--set ssl.epochs=2 --set ssl.steps_per_epoch=20 --set run.threads=1 --set run.device=cpu --quiet";
  static inline const std::string kNet =
      "--set model.base_channels=8 --set model.first_stride=2 --set model.wiring=shared_act ";
  static inline std::string shared_;
};

TEST_F(Weights, SayTheirNetworkThemselves) {
  const json j = eval_json(eval(of_run("weights.safetensors")));
  EXPECT_DOUBLE_EQ(j.at("accuracy").get<double>(), measured("acc_last"));
  EXPECT_EQ(j.at("network").at("wiring"), "shared_act");
  EXPECT_EQ(j.at("network").at("first_stride"), "2");
  EXPECT_TRUE(j.at("assumed").empty());
  EXPECT_TRUE(j.at("notes").empty());
  const auto metadata = tensors("best.safetensors").metadata;
  EXPECT_EQ(metadata.at("crc.epoch"), "best");
  EXPECT_EQ(metadata.at("crc.model_kind"), "ema");
  EXPECT_EQ(metadata.at("crc.input"), "16 16");
  EXPECT_EQ(metadata.at("crc.precision"), "fp32");
  EXPECT_NE(metadata.at("crc.class_names").find("\"three\""), std::string::npos) << metadata.at("crc.class_names");
}

TEST_F(Weights, RefuseAnotherNetworkThanTheirs) {
  expect(eval(of_run("weights.safetensors"), "--set model.wiring=raw_x"), 78,
         "model.wiring = raw_x (--set), but " + of_run("weights.safetensors") +
             " is of a network with model.wiring = shared_act");
  expect(eval(of_run("weights.safetensors"), "--set model.depth=28"), 78, "model.depth = 10");
  expect(eval(of_run("weights.safetensors"), "--set data.normalize=half"), 65, "normalisation mean");
  expect(eval(of_run("weights.safetensors"), kNet), 0, "accuracy");
}

TEST_F(Weights, RefuseOtherClassesAndSizes) {
  fs::copy(shared_ + "/data", folder + "/data");
  std::ofstream(folder + "/data/batches.meta.txt") << "zero\none\ntwo\nfour\nthree\nfive\nsix\nseven\neight\nnine\n";
  const std::string there =
      "eval --set run.device=cpu --weights " + of_run("weights.safetensors") + " --data " + folder + "/data";
  const std::string said = expect(there, 65, "[zero, one, two, three, four");
  EXPECT_NE(said.find("[zero, one, two, four, three"), std::string::npos) << said;
  std::ofstream(folder + "/data/batches.meta.txt") << "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n";
  expect(there, 0, "note: classes are compared by number only");
  expect("data make " + folder + "/large --set data.train_size=50 --set data.test_size=20 --set data.profile=street", 0,
         "");
  expect("eval --set run.device=cpu --weights " + of_run("weights.safetensors") + " --data " + folder + "/large", 65,
         "images of 16x16 in the file");
}

// Half as bright: its own statistics would make up for that, and the accuracy would be one that nobody asked for.
TEST_F(Weights, BringTheirNormalisation) {
  data::Dataset dark = data::load({"cifar10", shared_ + "/data", {}});
  for (uint8_t& pixel : dark.train.pixels) pixel = uint8_t(pixel / 2);
  write_cifar10(folder + "/dark", dark);
  fs::copy(shared_ + "/data/test_batch.bin", folder + "/dark/test_batch.bin", fs::copy_options::overwrite_existing);
  const json j =
      eval_json("eval --set run.device=cpu --weights " + of_run("weights.safetensors") + " --data " + folder + "/dark");
  EXPECT_DOUBLE_EQ(j.at("accuracy").get<double>(), measured("acc_last"));
  EXPECT_DOUBLE_EQ(j.at("loss").get<double>(), measured("loss"));
}

TEST_F(Weights, OfARunAreTestedAsTheRunDid) {
  const std::string of = "eval --set run.device=cpu --run " + shared_ + "/run ";
  EXPECT_DOUBLE_EQ(eval_json(of).at("accuracy").get<double>(), measured("acc_last"));
  EXPECT_DOUBLE_EQ(eval_json(of).at("loss").get<double>(), measured("loss"));
  EXPECT_DOUBLE_EQ(eval_json(of + "--round 1 --model best").at("accuracy").get<double>(), measured("acc_best"));
  fs::copy(shared_ + "/data", folder + "/moved");
  EXPECT_DOUBLE_EQ(eval_json(of + "--data " + folder + "/moved").at("accuracy").get<double>(), measured("acc_last"));
  expect(of + "--round 7", 66, "has finished 2 rounds");
  expect(of + "--weights x", 64, "--weights excludes --run");
  expect("eval --model best", 64, "--model requires --run");
  expect("eval", 64, "--weights is required, or --run");
  expect(of + "--set ssl.mu=2", 78, "ssl.mu");
  std::string test = read(folder + "/moved/test_batch.bin");
  test[5] = char(test[5] ^ 1);
  std::ofstream(folder + "/moved/test_batch.bin", std::ios::binary) << test;
  expect(of + "--data " + folder + "/moved", 65, "fingerprint");
}

TEST_F(Weights, WithoutMetadataSayWhatIsAssumed) {
  nn::TensorFile file = tensors();
  file.metadata.clear();
  const std::string bare = write("bare.safetensors", file);
  const json guessed = eval_json(eval(bare));
  EXPECT_EQ(guessed.at("assumed").at("model.wiring"), "raw_x");
  EXPECT_EQ(guessed.at("assumed").at("model.slope"), "0.1");
  EXPECT_TRUE(guessed.at("assumed").contains("data.normalize"));
  EXPECT_FALSE(guessed.at("assumed").contains("model.depth"));  // the tensors' shapes say it
  EXPECT_NE(guessed.at("loss").get<double>(), measured("loss"));
  const std::string words = expect(eval(bare), 0, "assumed: data.normalize");
  EXPECT_NE(words.find("model.wiring = raw_x"), std::string::npos) << words;
  const json known = eval_json(eval(bare, kNet));
  EXPECT_DOUBLE_EQ(known.at("accuracy").get<double>(), measured("acc_last"));
  EXPECT_FALSE(known.at("assumed").contains("model.wiring"));
  expect(eval(bare, "--set model.depth=16"), 78, "is of a network with model.depth = 10");
  expect(eval(bare, "--set model.conv_bias=all"), 78, "model.conv_bias = none");
}

TEST_F(Weights, ExportKeepsWhatTheFileSays) {
  const std::string out = folder + "/perrying.safetensors", bare = folder + "/bare.safetensors";
  expect("export " + of_run("weights.safetensors") + " " + out + " --names perrying", 0,
         "wires such a network as preact, this one is shared_act");
  const json j = eval_json(eval(out));
  EXPECT_DOUBLE_EQ(j.at("accuracy").get<double>(), measured("acc_last"));
  EXPECT_TRUE(j.at("assumed").empty());
  nn::TensorFile file = tensors();
  file.metadata.clear();
  write("bare.safetensors", file);
  expect("export " + bare + " " + folder + "/named.safetensors --set model.wiring=shared_act", 0,
         "nothing says whether model.bn_eps = 1e-05");
  const auto metadata = nn::decode_safetensors(read(folder + "/named.safetensors"), "named").metadata;
  EXPECT_EQ(metadata.at("crc.model.wiring"), "shared_act");
  EXPECT_EQ(metadata.at("crc.model.depth"), "10");
  EXPECT_FALSE(metadata.count("crc.model.slope"));
}

TEST_F(Weights, AreRefusedWhenTheyAreNoNumbers) {
  nn::TensorFile file = tensors();
  set_value(file, "block2.layer.0.conv1.weight", 7, NAN);
  const std::string nan = write("nan.safetensors", file);
  expect(eval(nan), 76, "'block2.layer.0.conv1.weight' holds nan at index 7");
  expect("export " + nan + " " + folder + "/out.safetensors", 76, "block2.layer.0.conv1.weight");
  EXPECT_FALSE(fs::exists(folder + "/out.safetensors"));
  file = tensors();
  set_value(file, "bn1.running_var", 2, -0.5f);
  expect(eval(write("negative.safetensors", file)), 76, "'bn1.running_var' holds -0.500000 at index 2");
  file = tensors();
  set_value(file, "fc.bias", 3, INFINITY);
  expect(eval(write("inf.safetensors", file)), 76, "'fc.bias' holds inf");
  file = tensors();
  for (size_t i = 0; i < 10; ++i) set_value(file, "fc.weight", i, 3e38f);
  set_value(file, "fc.bias", 0, 3e38f);
  expect(eval(write("large.safetensors", file), "--logits " + folder + "/l.npy"), 76, "logit 0 of image");
  EXPECT_FALSE(fs::exists(folder + "/l.npy"));
}

TEST_F(Weights, OfAnotherRunAreCheckedBeforeTheyAreAdopted) {
  fs::copy(shared_ + "/run", folder + "/first", fs::copy_options::recursive);
  const auto start = [&](const std::string& more) {
    fs::remove_all(folder + "/second");
    return "run demo --out " + folder + "/second --set start.run=" + folder + "/first --set acquisition.rounds=0" +
           at(shared_ + "/data") + kShort + more;
  };
  expect(start(""), 0, "");
  expect(start(" --set model.wiring=raw_x"), 78, "model.wiring = shared_act in the file, raw_x here");
  expect(start(" --set data.normalize=half"), 78, "normalisation mean");
  const std::string file = folder + "/first/rounds/01/best.safetensors";
  nn::TensorFile damaged = tensors("best.safetensors");
  set_value(damaged, "conv1.weight", 1, NAN);
  std::ofstream(file, std::ios::binary) << nn::encode_safetensors(damaged);
  expect(start(""), 65, "best.safetensors");  // the manifest's word
  as_of_an_earlier_version(folder + "/first");
  expect(start(""), 76, "'conv1.weight' holds nan");
  damaged = tensors("best.safetensors");
  damaged.metadata["crc.model.slope"] = "0.25";
  std::ofstream(file, std::ios::binary) << nn::encode_safetensors(damaged);
  expect(start(""), 65, "model.slope = 0.25 in the file, 0.1 here");
  expect(eval(file), 0, "accuracy");  // alone it is a file like any other
}

TEST_F(Weights, OfHalfAndDoublePrecisionAndBehindPrefixesAreRead) {
  const double loss = measured("loss");
  nn::TensorFile wide;
  wide.metadata = tensors().metadata;
  for (const nn::TensorEntry& t : tensors().tensors) {
    if (t.dtype != Dtype::f32) continue;
    const std::vector<float> v = t.values<float>();
    wide.add("module._orig_mod." + t.name, t.shape, std::vector<double>(v.begin(), v.end()));
  }
  const json j = eval_json(eval(write("wide.safetensors", wide)));
  EXPECT_DOUBLE_EQ(j.at("loss").get<double>(), loss);
  EXPECT_NE(j.at("notes").dump().find("left out the prefix \\\"module._orig_mod.\\\""), std::string::npos) << j;
  EXPECT_NE(j.at("notes").dump().find("read its fp64 tensors as fp32"), std::string::npos) << j;

  nn::TensorFile both;
  for (const nn::TensorEntry& t : tensors().tensors)
    for (const char* prefix : {"ema_model.", "model."})
      both.tensors.push_back({prefix + t.name, t.dtype, t.shape, t.bytes});
  expect(eval(write("both.safetensors", both)), 65,
         "holds several networks, named \"ema_model....\" and \"model....\"");

  nn::TensorFile narrow;
  for (const nn::TensorEntry& t : tensors().tensors) {
    if (t.dtype != Dtype::f32) continue;
    std::vector<bf16> v;
    for (float value : t.values<float>()) v.push_back(bf16(value));
    narrow.add("ema." + t.name, t.shape, v);
  }
  narrow.metadata = wide.metadata;
  const json n = eval_json(eval(write("narrow.safetensors", narrow)));
  EXPECT_NEAR(n.at("loss").get<double>(), loss, 0.1);
  EXPECT_NE(n.at("notes").dump().find("read its bf16 tensors as fp32"), std::string::npos) << n;
}

TEST_F(Weights, OfOtherFormatsAreNamedWithTheWayOut) {
  using namespace std::string_literals;
  expect(
      eval(write("w.pt", "PK\x03\x04\x00\x00\x08\x08\x00\x00\x00\x00\x00\x00archive/data.pkl"s)), 65,
      "it is a ZIP archive, as torch.save writes; such files can run code and are not read. In Python: import torch");
  expect(eval(write("w.pth", "\x80\x02}q\x00."s)), 65, "a Python pickle, as torch.save writes");
  expect(eval(write("w.h5", "\x89HDF\r\n\x1a\n........"s)), 65, "an HDF5 file");
  expect("export " + write("w.npz", "PK\x03\x04.............................a.npy"s) + " " + folder + "/out", 65,
         "a NumPy .npz archive");
  expect(eval(write("w.txt", "version https://git-lfs.github.com/spec/v1\n")), 65, "a Git LFS pointer");
}

TEST_F(Weights, ThatClaimMuchMakeNothingOfThatSize) {
  const std::string header = R"({"fc.bias":{"dtype":"F32","shape":[8589934592,0],"data_offsets":[0,0]}})";
  const uint64_t n = header.size();
  const std::string file = write("claims.safetensors", std::string(reinterpret_cast<const char*>(&n), 8) + header);
  const Outcome o = shell("ulimit -v 3000000; " + kTrain + " export " + file + " " + folder + "/out");
  EXPECT_EQ(o.code, 65) << o.words;
  EXPECT_NE(o.words.find("does not fit any network"), std::string::npos) << o.words;
  nn::TensorFile bad = tensors();
  bad.metadata["crc.model.depth"] = "a lot";
  expect(eval(write("bad.safetensors", bad)), 65, "model.depth");
  bad.metadata["crc.model.depth"] = "10";
  bad.metadata["crc.normalize.mean"] = "1 2";
  expect(eval(write("bad2.safetensors", bad)), 65, "crc.normalize.mean = \"1 2\", expected three numbers");
}

// A folder of images as people bring it: none to test on, or none with a label.
TEST_F(Weights, WithoutTestImagesOrLabelsGiveNoAccuracy) {
  const data::Dataset digits = data::load({"cifar10", shared_ + "/data", {}});
  // The first image of each class with its label, and ten others without.
  std::string labelled, others;
  for (int32_t i = 0; i < 20; ++i) {
    const auto& labels = digits.train.labels;
    const int64_t at = i < 10 ? std::find(labels.begin(), labels.end(), i) - labels.begin() : i;
    const auto pixels = digits.train.image(at);
    const std::string name = std::to_string(i) + ".png";
    write_file(folder + "/" + name, data::encode_png({16, 16, {pixels.begin(), pixels.end()}}));
    (i < 10 ? labelled : others) += name + "," + (i < 10 ? std::to_string(i) : "") + (i < 10 ? ",SPLIT\n" : ",train\n");
  }
  const auto list = [&](const std::string& split) {
    std::string text = "path,label,split\n" + labelled + others;
    for (size_t found; (found = text.find("SPLIT")) != text.npos;) text.replace(found, 5, split);
    std::ofstream(folder + "/labels.csv") << text;
  };
  list("train");
  const std::string own = "eval --set run.device=cpu --weights " + of_run("weights.safetensors") +
                          " --set data.name=folder --data " + folder;
  expect(own, 66, "folder has no test images, so there is nothing to test; choose --split train");
  const json some = eval_json(own + " --split train");
  EXPECT_EQ(some.at("images"), 10);
  EXPECT_EQ(some.at("unlabeled"), 10);
  list("test");
  const json none = eval_json(own + " --split train");
  EXPECT_EQ(none.at("images"), 0);
  for (const char* key : {"accuracy", "balanced_accuracy", "loss", "ece"}) EXPECT_TRUE(none.at(key).is_null()) << key;
  int64_t predicted = 0;
  for (const json& count : none.at("predicted")) predicted += count.get<int64_t>();
  EXPECT_EQ(predicted, 10);
  EXPECT_NE(expect(own + " --split train", 0, "accuracy and loss are unknown").find("mean confidence"),
            std::string::npos);
}

// Own pictures in CIFAR's layout, without a file of class names: nothing but their pixels tells them from CIFAR-10.
TEST_F(Weights, OwnDataInCifarsLayoutIsMeasured) {
  data::Dataset own = data::load({"street_digits", "", {{"profile", "street"}, {"train", "300"}, {"test", "20"}}});
  for (uint8_t& pixel : own.train.pixels) pixel = uint8_t(pixel / 4);
  write_cifar10(folder + "/own", own);
  fs::remove(folder + "/own/batches.meta.txt");
  expect("data info" + at(folder + "/own"), 0,
         "from         measured on the training images, which are not CIFAR-10's");
}

}  // namespace
}  // namespace crc::test
