#include "tests/fuzz/readers.h"

#include <fstream>
#include <sstream>
#include <stdexcept>

#include "apps/config/config.h"
#include "apps/config/recipes.h"
#include "apps/config/reference.h"
#include "apps/label/formats.h"
#include "apps/report/summary.h"
#include "apps/rundir/checkpoints.h"
#include "apps/rundir/ledger.h"
#include "apps/rundir/query_files.h"
#include "apps/rundir/rounds.h"
#include "apps/rundir/run_dir.h"
#include "apps/select/items.h"
#include "apps/sweep/sweep.h"
#include "apps/sweep/sweep_spec.h"
#include "apps/train/experiment.h"
#include "apps/train/weights_file.h"
#include "data/dataset.h"
#include "data/item_list.h"
#include "data/npy.h"
#include "data/png.h"
#include "kernels/core/error.h"
#include "nn/mlp.h"
#include "nn/safetensors.h"
#include "nn/weights_io.h"
#include "tests/write_file.h"

namespace crc::fuzz {
namespace {

namespace fs = std::filesystem;
using namespace crc::apps;

std::string_view text_of(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

fs::path put(const fs::path& folder, const std::string& name, std::string_view text) {
  test::write_file(folder / name, text);
  return folder / name;
}

std::string whole(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}
std::string golden(const char* name) { return whole(fs::path(CRC_SOURCE_DIR) / "tests/golden" / name); }

std::string as_text(const data::Bytes& bytes) { return {bytes.begin(), bytes.end()}; }

std::string image_png(int64_t height, int64_t width) {
  data::RgbImage image{height, width, std::vector<uint8_t>(size_t(height * width * 3))};
  for (size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = uint8_t(i * 7);
  return as_text(data::encode_png(image));
}

// A data set in `folder` of which one file is the input.
void load_set(const char* name, const fs::path& folder) { data::load({.name = name, .dir = folder, .options = {}}); }

std::vector<std::string> npy_seeds() {
  const std::vector<float> f{1, 2, 3, 4, 5, 6};
  const std::vector<int64_t> i{3, 1, 2};
  return {as_text(data::encode_npy<float>(f, std::vector<int64_t>{2, 3})),
          as_text(data::encode_npy<int64_t>(i, std::vector<int64_t>{3}))};
}

void read_npy(Bytes bytes, const fs::path&) {
  const data::NpyArray array = data::decode_npy(bytes, "input.npy");
  if (array.shape.empty() || array.shape.size() > 2 || array.size() > 1 << 20) return;
  std::vector<double> numbers(size_t(array.size()));
  array.read_rows(0, array.shape[0], numbers.data());
  if (!data::is_integer(array.type)) return;
  std::vector<int64_t> integers(size_t(array.size()));
  array.read_rows(0, array.shape[0], integers.data());
}

std::vector<std::string> safetensors_seeds() {
  nn::TensorFile file;
  file.add("conv1.weight", {2, 3, 1, 1}, std::vector<float>(6, 1.5f));
  file.add("steps", {}, std::vector<int64_t>{7});
  file.metadata["format"] = "pt";
  return {nn::encode_safetensors(file)};
}

// As `crc_train export` reads them.
void read_weights(Bytes bytes, const fs::path&) {
  const WeightsFile file = decode_weights(text_of(bytes), "input.safetensors");
  Config config;
  adopt_network(config, file);
  const data::Dataset data = data_shape(file);
  nn::read_weights(make_net(config, data)->layout(), file.tensors, file.source);
}

std::vector<std::string> weights_seeds() {
  Context context = Context::cpu();
  const auto net = nn::make_mlp({.inputs = 3, .hidden = {2, 2}, .classes = 2});
  const nn::WeightBuffers weights(context, net->layout(), "weights");
  nn::TensorFile file = nn::export_weights(context, net->layout(), weights.weights(), nn::Names::kekmodel);
  const std::string bare = nn::encode_safetensors(file);
  nn::WeightsInfo info;
  info.model = {{"name", "mlp"}, {"depth", "2"}, {"width", "2"}, {"slope", "0.1"}};
  info.class_names = {"cat", "dog"};
  info.height = info.width = 1;
  info.normalize = NormalizeConfig{};
  info.precision = "fp32", info.averaged = "ema", info.epoch = "last", info.version = "0.1.0";
  file.metadata = nn::to_metadata(info);
  return {bare, nn::encode_safetensors(file)};
}

std::vector<std::string> config_seeds() {
  std::vector<std::string> seeds{Config().to_toml(), "schema = 1\n[ssl]\nmu = 3\nweak.flip = false\n"};
  for (const Recipe& recipe : recipes())
    if (!find_sweep(recipe.text)) seeds.push_back(recipe.text);
  return seeds;
}
std::vector<std::string> sweep_seeds() {
  std::vector<std::string> seeds;
  for (const Recipe& recipe : recipes())
    if (find_sweep(recipe.text)) seeds.push_back(recipe.text);
  return seeds;
}

std::vector<std::string> ledger_seeds() {
  char name[] = "/tmp/crc-ledger-XXXXXX";
  const fs::path folder = mkdtemp(name);
  Ledger ledger = Ledger::create(folder / "labels.jsonl", {100, 10});
  const Answer first[] = {{4, 1}, {7, 2}}, second[] = {{9, 0}};
  ledger.record(0, "initial", first);
  ledger.record(1, "oracle", second);
  const Answer said[] = {{4, 3}, {7}, {120, 1}};
  ledger.grow(1, 130, std::string(32, 'a'), said);
  const std::string text = whole(folder / "labels.jsonl");
  fs::remove_all(folder);
  return {text, ""};
}

std::vector<std::string> rounds_seeds() {
  return {rounds_to_csv({{.round = 0, .labels = 10, .acc_last = 0.5}, {.round = 1, .labels = 20, .loss = 0.25}})};
}

std::vector<std::string> histogram_seeds() {
  const std::vector<double> scores{0.1, 0.2, 0.3, 1e-9};
  const std::vector<int64_t> chosen{2};
  return {to_json(make_histogram(scores, chosen))};
}

std::string big_endian(std::initializer_list<uint32_t> words) {
  std::string text;
  for (uint32_t word : words)
    for (int shift = 24; shift >= 0; shift -= 8) text.push_back(char(word >> shift));
  return text;
}

const std::vector<std::string> kClassNames{"01", "02", "cat, tabby", "dog \"Rex\""};

std::vector<Reader> all() {
  return {
      {"npy", read_npy, npy_seeds},
      {"png", [](Bytes b, const fs::path&) { data::decode_png(b, "input.png"); },
       [] {
         return std::vector<std::string>{image_png(5, 3), image_png(1, 1)};
       }},
      {"safetensors", [](Bytes b, const fs::path&) { nn::decode_safetensors(text_of(b), "input.safetensors"); },
       safetensors_seeds},
      {"weights", read_weights, weights_seeds},
      {"mat",
       [](Bytes b, const fs::path& folder) {
         put(folder, "train_32x32.mat", text_of(b));
         put(folder, "test_32x32.mat", golden("data/svhn_uint8_labels.mat"));
         load_set("svhn", folder);
       },
       [] {
         return std::vector{golden("data/svhn_compressed.mat"), golden("data/svhn_uint8_labels.mat")};
       }},
      {"idx",
       [](Bytes b, const fs::path& folder) {
         put(folder, "train-images-idx3-ubyte", text_of(b));
         put(folder, "train-labels-idx1-ubyte", big_endian({0x801, 2}) + std::string("\1\2", 2));
         put(folder, "t10k-images-idx3-ubyte", big_endian({0x803, 1, 2, 2}) + "abcd");
         put(folder, "t10k-labels-idx1-ubyte", big_endian({0x801, 1}) + std::string("\3", 1));
         load_set("mnist", folder);
       },
       [] {
         return std::vector{big_endian({0x803, 2, 2, 2}) + "abcdefgh"};
       }},
      {"image_list",
       [](Bytes b, const fs::path& folder) {
         static const std::string png = image_png(4, 4);
         for (const char* name : {"a.png", "b.png", "c d.png"}) put(folder, name, png);
         put(folder, "labels.csv", text_of(b));
         load_set("folder", folder);
       },
       [] {
         return std::vector<std::string>{"path,label,split\na.png,cat,train\nb.png,dog,train\nc d.png,,train\n",
                                         "a.png,cat\nb.png,dog\n"};
       }},
      {"config", [](Bytes b, const fs::path&) { Config().merge_toml(text_of(b), "input.toml"); }, config_seeds},
      {"sweep", [](Bytes b, const fs::path&) { parse_sweep(text_of(b), "input.toml"); }, sweep_seeds},
      {"pool_list", [](Bytes b, const fs::path&) { (void)data::ItemList::parse(text_of(b), "list"); },
       [] {
         return std::vector<std::string>{
             "split,file,content,label\ntrain,\"a, b.png\",0123456789abcdef,cat\ntest,c.png,0123456789abcdef,\n"};
       }},
      {"ledger",
       [](Bytes b, const fs::path& folder) {
         load_ledger(put(folder, "labels.jsonl", text_of(b)), {100, 10});
       },
       ledger_seeds},
      {"rounds", [](Bytes b, const fs::path&) { rounds_from_csv(text_of(b), "rounds.csv"); }, rounds_seeds},
      {"histogram", [](Bytes b, const fs::path&) { histogram_from_json(text_of(b), "scores.json"); }, histogram_seeds},
      {"label_file",
       [](Bytes b, const fs::path&) {
         static const std::vector<std::string> kFiles{"a.png", "b/c.png", "d.png", "e.png", "f.png", "g.png"};
         read_labels(text_of(b), "labels.csv", {kClassNames, 6, kFiles}, Disagreement::last);
       },
       [] {
         return std::vector<std::string>{
             "item,class\n3,01\n4,\"cat, tabby\"\n5,\"dog \"\"Rex\"\"\"\n",
             "item,group,score,class\n3,0,0.5,02\n",
             "item,file,class,remark,who,when\n1.0,b/c.png,,unsure,ann,now\n2,d.png,01,,,\n",
             R"([{"id":1,"data":{"item":1},"annotations":[{"completed_by":{"email":"a@b"},)"
             R"("result":[{"type":"choices","value":{"choices":["01"]}}]}]},{"item":2,)"
             R"("class":"02","annotator":3}])",
             R"({"classes":["02","unsure"],"labels":{"a":0,"b/c":1,"d":null}})",
             "<?xml version=\"1.0\"?><annotations><image id=\"0\" name=\"a.png\"><tag "
             "label=\"01\"/></image></annotations>"};
       }},
      {"item_list",
       [](Bytes b, const fs::path& folder) {
         const fs::path file[] = {put(folder, "items", text_of(b))};
         read_item_lists(file, 130);
       },
       [] {
         std::vector<std::string> seeds{"1\n2\n3\n", "item,score\n4,0.5\n"};
         const std::vector<int64_t> items{3, 1, 2};
         seeds.push_back(as_text(data::encode_npy<int64_t>(items, std::vector<int64_t>{3})));
         seeds.push_back(ledger_seeds()[0]);
         return seeds;
       }},
      {"reference", [](Bytes b, const fs::path&) { parse_reference(std::string(text_of(b))); },
       [] { return std::vector<std::string>{"100:78.4 150:83.7"}; }},
      {"setting", [](Bytes b, const fs::path&) { Config().merge_setting(text_of(b)); },
       [] {
         return std::vector<std::string>{"ssl.mu=7", "data.dir=/tmp/x", "ssl.weak.flip=true", "ssl.lr=1e-3"};
       }},
      {"run_json",
       [](Bytes b, const fs::path& folder) {
         put(folder, "run.json", text_of(b));
         read_run_json(folder);
       },
       [] { return std::vector<std::string>{R"({"schema":1,"items":10,"classes":2,"class_names":["a","b"]})"}; }},
      {"checkpoint_index",
       [](Bytes b, const fs::path& folder) {
         put(folder, "index.json", text_of(b));
         Checkpoints checkpoints(folder);
         std::vector<std::string> notes;
         checkpoints.load_newest(notes);
       },
       [] { return std::vector<std::string>{R"({"schema":1,"checkpoints":[]})"}; }},
  };
}

}  // namespace

const std::vector<Reader>& readers() {
  static const std::vector<Reader> list = all();
  return list;
}

Verdict run(const Reader& reader, Bytes bytes, const fs::path& folder) {
  for (const auto& entry : fs::directory_iterator(folder)) fs::remove_all(entry);
  try {
    reader.read(bytes, folder);
    return Verdict::accepted;
  } catch (const Error& error) {
    if (error.code() == ExitCode::internal) throw std::runtime_error(std::string("internal error: ") + error.what());
    return Verdict::refused;
  } catch (const std::exception& error) {
    throw std::runtime_error(std::string("an exception that is no crc::Error: ") + error.what());
  }
}

}  // namespace crc::fuzz
