// crc_select: the selection alone, for people who bring their own embeddings. Arrays come and go as .npy files.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "apps/errors.h"
#include "apps/files.h"
#include "apps/version.h"
#include "crc/acquisition.h"
#include "data/npy.h"
#include "kernels/core/tensor.h"

namespace {

using namespace crc;
using apps::fs::path;

constexpr const char* kExamples =
    "\nRow i of every array is item i. An acquisition says what it misses.\n"
    "  crc_select --features H.npy --labeled idx.npy --budget 50 --group 5 --classes 10 --out picks.csv\n"
    "  crc_select --features H.npy --logits P.npy --labeled idx.npy --budget 50 --acquisition badge --out picks.csv\n"
    "\nExit codes: 0 done, 64 usage, 65 wrong array, 66 file missing, 73 output exists, 76 not finite, 78 impossible "
    "request.\n";

struct Options {
  path features, logits, labeled, unlabeled, candidates, out, scores;
  std::string device = "auto";
  int threads = 0;
  bool force = false;
  select::Config select;
  int64_t classes = 0;
};

[[noreturn]] void wrong_shape(const path& file, const data::NpyArray& array, const std::string& expected) {
  std::string shape;
  for (int64_t n : array.shape) shape += (shape.empty() ? "" : ",") + std::to_string(n);
  fail(ExitCode::corrupt_data, fmt::format("{} holds an array of shape [{}] and type {}; expected {}", file.string(),
                                           shape, data::npy_descr(array.type), expected));
}

// [N,columns] in fp32; empty if no file is named.
Tensor read_rows(Context& context, const path& file, const char* name) {
  if (file.empty()) return Tensor(context, {0, 0}, Dtype::f32, name);
  const data::NpyArray array = data::read_npy(file);
  const bool floats = array.type == data::NpyType::f32, doubles = array.type == data::NpyType::f64;
  if (array.shape.size() != 2 || array.size() == 0 || !(floats || doubles))
    wrong_shape(file, array, fmt::format("{} as numbers [items,columns] of type <f4 or <f8", name));
  if (floats) return Tensor::from_host(context, array.shape, array.as<float>().data(), name);
  const auto wide = array.as<double>();
  const std::vector<float> rows(wide.begin(), wide.end());
  return Tensor::from_host(context, array.shape, rows.data(), name);
}

std::vector<int64_t> integers(const path& file, const data::NpyArray& array, const std::string& expected) {
  if (array.type == data::NpyType::i64) return {array.as<int64_t>().begin(), array.as<int64_t>().end()};
  if (array.type == data::NpyType::i32) return {array.as<int32_t>().begin(), array.as<int32_t>().end()};
  wrong_shape(file, array, expected);
}

std::vector<int64_t> read_items(const path& file) {
  if (file.empty()) return {};
  const data::NpyArray array = data::read_npy(file);
  const std::string expected = "item numbers [n] of type <i8 or <i4";
  if (array.shape.size() != 1) wrong_shape(file, array, expected);
  return integers(file, array, expected);
}

// Candidate groups [K,G] take the place of a search.
void read_candidates(const path& file, select::Config& config) {
  if (file.empty()) return;
  const data::NpyArray array = data::read_npy(file);
  const std::string expected = "candidate groups [groups,G] of type <i8 or <i4";
  if (array.shape.size() != 2 || array.size() == 0) wrong_shape(file, array, expected);
  config.given = integers(file, array, expected);
  config.group_size = array.shape[1];
  config.search = "given";
}

// All items that are not labeled. An item outside the arrays is select's to refuse.
std::vector<int64_t> the_others(int64_t items, const std::vector<int64_t>& labeled) {
  std::vector<bool> taken(size_t(items), false);
  for (int64_t item : labeled)
    if (item >= 0 && item < items) taken[size_t(item)] = true;
  std::vector<int64_t> others;
  for (int64_t item = 0; item < items; ++item)
    if (!taken[size_t(item)]) others.push_back(item);
  return others;
}

void check_output(const path& file, bool force) {
  if (!file.empty() && !force && apps::fs::exists(file))
    fail(ExitCode::output_refused,
         fmt::format("{} exists; name another file, or give --force to replace it", file.string()));
}

int run(Options& o) {
  for (const path& file : {o.out, o.scores}) check_output(file, o.force);
  Context context = o.device == "cpu" ? Context::cpu(o.threads) : Context::from_name(o.device);
  const Tensor features = read_rows(context, o.features, "features"), logits = read_rows(context, o.logits, "logits");
  if (features.size() > 0 && logits.size() > 0 && features.shape()[0] != logits.shape()[0])
    fail(ExitCode::corrupt_data,
         fmt::format("{} has {} rows and {} has {}; row i of both must be item i", o.features.string(),
                     features.shape()[0], o.logits.string(), logits.shape()[0]));
  read_candidates(o.candidates, o.select);
  const std::vector<int64_t> labeled = read_items(o.labeled);
  const std::vector<int64_t> unlabeled = o.unlabeled.empty()
                                             ? the_others(std::max(features.shape()[0], logits.shape()[0]), labeled)
                                             : read_items(o.unlabeled);
  if (o.classes == 0) o.classes = std::max<int64_t>(1, logits.shape()[1]);
  const select::Selection selection = select::select(context,
                                                     {.features = features.view<const float, 2>(),
                                                      .logits = logits.view<const float, 2>(),
                                                      .labeled = labeled,
                                                      .unlabeled = unlabeled,
                                                      .classes = o.classes},
                                                     o.select);

  std::string csv = "item,group,score\n";
  for (size_t g = 0; g < selection.groups.size(); ++g)
    for (int64_t item : selection.groups[g].items)
      csv += fmt::format("{},{},{:.17g}\n", item, g, selection.groups[g].score);
  apps::commit_file(o.out, csv);
  if (!o.scores.empty()) {
    const std::vector<int64_t> shape{int64_t(selection.scores.size())};
    apps::commit_file(o.scores, data::encode_npy<double>(selection.scores, shape));
  }
  fmt::print(stderr, "{}\n", selection.summary);
  return 0;
}

int parse_and_run(int argc, char** argv) {
  CLI::App app("crc_select: which items to label next, from features and logits", "crc_select");
  app.footer(kExamples);
  app.set_version_flag("--version", [] {
    return "crc_select " + apps::version() + " (" + apps::commit() + ", " + apps::compiler() + ")";
  });
  Options o;
  app.add_option("--features", o.features, "input of the last linear layer [items,D], .npy");
  app.add_option("--logits", o.logits, "logits [items,C], .npy");
  app.add_option("--classes", o.classes,
                 "number of classes; scales the scores of crc (default: columns of the logits)");
  app.add_option("--labeled", o.labeled, "item numbers of the labelled [n], .npy; none if not given");
  app.add_option("--unlabeled", o.unlabeled, "item numbers to choose from, .npy (default: all others)");
  app.add_option("--budget", o.select.budget, "items to pick (Q)")->required();
  app.add_option("--group", o.select.group_size, "items per candidate group (G)")->capture_default_str();
  app.add_option("--acquisition", o.select.name, "crc_train list names them")->capture_default_str();
  app.add_option("--search", o.select.search, "partition or independent")->capture_default_str();
  app.add_option("--draws", o.select.candidates, "independent: groups to draw (default: items / G)");
  app.add_option("--candidates", o.candidates, "candidate groups of item numbers [groups,G], .npy: no search");
  app.add_option("--solver", o.select.solver, "eigenvalue solver of crc")->capture_default_str();
  app.add_option("--seed", o.select.seed, "key of the random draws")->capture_default_str();
  app.add_option("--round", o.select.round, "number of this query: another round draws other numbers")
      ->capture_default_str();
  app.add_option("--device", o.device, "auto, cpu, cuda or cuda:N")->capture_default_str();
  app.add_option("--threads", o.threads, "of the CPU; 0: all cores")->capture_default_str();
  app.add_option("--out", o.out, "picks with their scores, .csv")->required();
  app.add_option("--scores", o.scores, "scores of all candidates, in their order, .npy");
  app.add_flag("--force", o.force, "replace output files that exist");
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& e) {
    return app.exit(e);  // --help, --version
  } catch (const CLI::ParseError& e) {
    fail(ExitCode::usage, std::string(e.what()) + "; see crc_select --help");
  }
  return run(o);
}

}  // namespace

int main(int argc, char** argv) {
  apps::ignore_write_signals();
  return apps::guarded_main("crc_select", [&] { return parse_and_run(argc, argv); });
}
