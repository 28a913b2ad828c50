// crc_train: active semi-supervised learning from the command line. This file only parses; the commands are in
// apps/commands/.
#include "apps/command_line.h"
#include "apps/commands/commands.h"
#include "apps/program.h"
#include "apps/terminal.h"
#include "apps/version.h"
#include "kernels/core/error.h"
#include "kernels/core/threads.h"

namespace {

using namespace crc::apps;

constexpr const char* kExamples =
    "\nExamples\n"
    "  crc_train demo                                         CRC against random on built-in data, about two minutes\n"
    "  crc_train run cifar10 --set data.dir=DIR --out runs/a  CIFAR-10, the queries of the paper\n"
    "  crc_train run my.toml --set ssl.epochs=20 --dry-run    what would happen, and where each value comes from\n"
    "  crc_train resume runs/a                                go on after a kill, with the same bits on the CPU\n"
    "  crc_train label runs/a labels.csv                      answer its query; then resume\n"
    "  crc_train eval --weights W.safetensors --data DIR --logits L.npy\n"
    "  crc_train eval --run runs/a --round 2 --model best    what a run's network is worth\n"
    "\nExit codes: 0 done, 10 waiting for labels, 64 usage, 65 corrupt data, 66 input missing, 69 device unavailable,\n"
    "71 out of memory, 73 output exists or is locked, 74 I/O error or disk full, 75 preempted, 76 numerical, 78 "
    "config.\n";

void add_settings(CLI::App* command, std::vector<std::string>& settings) {
  command->add_option("--set", settings, "override one key of the configuration: key=value; may be repeated")
      ->allow_extra_args(false)
      ->take_all();
}

void add_force(CLI::App* command, bool& force) {
  command->add_flag("--force", force, "replace output files that exist");
}

struct Parsed {
  RunOptions run;
  DemoOptions demo;
  SweepCommandOptions sweep;
  ReportOptions report;
  EvalOptions eval;
  DataOptions data;
  ConvertOptions convert;
  RankBarrierOptions barrier;
  std::string directory, labels, device;
  std::vector<std::string> settings;  // of resume and label
  bool quiet = false;
};

// Declares all commands; each callback runs its command and stores the exit code.
void declare(CLI::App& app, Parsed& p, int& code, const std::vector<std::string>& arguments) {
  CLI::App* run = app.add_subcommand("run", "train, score, query, label, train again");
  run->add_option("config", p.run.config, "TOML file or built-in recipe (crc_train list)");
  add_settings(run, p.run.settings);
  run->add_option("--out", p.run.out, "run directory, must not exist");
  CLI::Option* dry_run = run->add_flag("--dry-run", p.run.dry_run, "print the resolved plan and stop");
  run->add_flag("--memory", p.run.memory, "in the plan: every array of a training step, and when it is alive")
      ->needs(dry_run);
  run->add_flag("--quiet,-q", p.run.quiet, "no progress, only errors");
  run->callback([&] { code = command_run(p.run, arguments); });

  CLI::App* demo = app.add_subcommand("demo", "CRC against random and entropy on built-in data");
  demo->add_option("--out", p.demo.out, "directory of the demo's runs")->capture_default_str();
  demo->add_option("--seeds", p.demo.seeds, "curves per acquisition")
      ->check(whole_number(1, 1000))
      ->capture_default_str();
  demo->add_option("--jobs", p.demo.jobs, "curves trained at a time; 0: one per core")
      ->check(whole_number(0, crc::kMostThreads))
      ->capture_default_str();
  demo->add_flag("--fresh", p.demo.fresh, "train again although the results are there");
  add_settings(demo, p.demo.settings);
  demo->callback([&] { code = command_demo(p.demo); });

  CLI::App* resume = app.add_subcommand("resume", "continue a run that was stopped or killed");
  resume->add_option("directory", p.directory, "run directory")->required();
  add_settings(resume, p.settings);
  resume->add_flag("--quiet,-q", p.quiet, "no progress, only errors");
  resume->callback([&] { code = command_resume(p.directory, p.settings, p.quiet); });

  CLI::App* label = app.add_subcommand("label", "give a run that waits the labels it asked for");
  label->add_option("directory", p.directory, "run directory")->required();
  label->add_option("labels", p.labels, "CSV with columns item and class: its rounds/NN/query.csv and a column more")
      ->required();
  add_settings(label, p.settings);
  label->callback([&] { code = command_label(p.directory, p.labels, p.settings); });

  CLI::App* sweep =
      app.add_subcommand("sweep", "all runs of a table or figure: method x block x trial; resumes what is there");
  sweep->add_option("recipe", p.sweep.recipe, "recipe with a [sweep] (crc_train list), or a TOML file");
  sweep->add_option("--out", p.sweep.out, "directory of the runs")->required();
  add_settings(sweep, p.sweep.settings);
  sweep->add_option("--trials", p.sweep.trials, "runs per method instead of the recipe's")
      ->check(whole_number(1, 1000));
  sweep->add_option("--pools", p.sweep.pools, "initial pools instead of the recipe's; 0: each trial draws its own")
      ->check(whole_number(0, 1000));
  sweep->add_option("--only", p.sweep.only, "only runs whose names match this regular expression");
  sweep->add_option("--jobs", p.sweep.jobs, "processes at a time")->check(whole_number(1, 4096))->capture_default_str();
  sweep->add_option("--together", p.sweep.together, "runs per process, a thread each: small nets then share one GPU")
      ->check(whole_number(1, 256))
      ->capture_default_str();
  sweep->add_option("--slurm", p.sweep.slurm, "write a Slurm job file instead of running");
  add_force(sweep, p.sweep.force);
  sweep->add_option("--cell", p.sweep.cells, "run this cell of a sweep that exists, in this process; may be repeated")
      ->allow_extra_args(false)
      ->take_all();
  sweep->add_flag("--dry-run", p.sweep.dry_run, "list the runs and stop");
  sweep->add_flag("--quiet,-q", p.sweep.quiet, "no progress, only errors");
  sweep->callback([&] {
    if (p.sweep.recipe.empty() && p.sweep.cells.empty())
      crc::fail(crc::ExitCode::usage, "sweep needs a recipe's name; see crc_train list");
    code = command_sweep(p.sweep);
  });

  CLI::App* report = app.add_subcommand("report", "tables and figures of runs and sweeps");
  report->add_option("directories", p.report.directories, "run or sweep directories")->required();
  report->add_option("--out", p.report.out, "where to; default: the directory itself, or report/ for several runs");
  add_force(report, p.report.force);
  report->callback([&] { code = command_report(p.report); });

  CLI::App* verify = app.add_subcommand("verify", "compare every file of runs and sweeps with what the runs recorded");
  verify->add_option("directories", p.report.directories, "run or sweep directories")->required();
  verify->callback([&] { code = command_verify(p.report.directories); });

  CLI::App* eval = app.add_subcommand("eval", "test a network's weights on a data set's images");
  CLI::Option* weights = eval->add_option("--weights", p.eval.weights,
                                          "safetensors file, any port's tensor names; says its network itself");
  CLI::Option* of_run = eval->add_option("--run", p.eval.run, "a run directory: its network, data and normalisation");
  of_run->excludes(weights);
  eval->add_option("--round", p.eval.round, "its round; default: the last finished one")
      ->needs(of_run)
      ->check(whole_number(0, 100000));
  eval->add_option("--model", p.eval.model, "last or best epoch of that round")
      ->needs(of_run)
      ->check(CLI::IsMember({"last", "best"}))
      ->capture_default_str();
  eval->add_option("--data", p.eval.data, "directory of the data set; its kind is data.name (default cifar10)");
  eval->add_option("--split", p.eval.split, "test, or train: the pool, item by item, for crc_select")
      ->check(CLI::IsMember({"train", "test"}))
      ->capture_default_str();
  eval->add_option("--limit", p.eval.limit, "only the first N images")->check(whole_number(0, kMaxCount));
  eval->add_option("--logits", p.eval.logits, "write the logits [N,C] to this .npy file");
  eval->add_option("--features", p.eval.features, "write the features [N,D] to this .npy file");
  add_force(eval, p.eval.force);
  eval->add_flag("--json", p.eval.json, "print one JSON object");
  add_settings(eval, p.eval.settings);
  eval->callback([&] {
    if (p.eval.weights.empty() && p.eval.run.empty())
      crc::fail(crc::ExitCode::usage, "--weights is required, or --run; see crc_train eval --help");
    code = command_eval(p.eval);
  });

  app.add_subcommand("list", "methods, acquisitions, data sets, augmentations and recipes")->callback([&] {
    code = command_list();
  });

  CLI::App* data = app.add_subcommand("data", "make, describe and look at data sets");
  data->require_subcommand(1);
  const auto data_command = [&](const char* name, const char* description, int (*command)(const DataOptions&)) {
    CLI::App* sub = data->add_subcommand(name, description);
    add_settings(sub, p.data.settings);
    sub->callback([&, command] { code = command(p.data); });
    return sub;
  };
  CLI::App* make =
      data_command("make", "write the built-in street-digits set in the CIFAR binary layout", command_data_make);
  make->add_option("directory", p.data.out, "where to")->required();
  add_force(make, p.data.force);
  data_command("info", "sizes, classes, statistics and checksum of a data set", command_data_info);
  CLI::App* preview =
      data_command("preview", "a labelled grid of images with their weak and strong views", command_data_preview);
  preview->add_option("png", p.data.out, "PNG file to write")->required();
  add_force(preview, p.data.force);
  preview->add_option("--count", p.data.count, "images")->check(whole_number(1, 1000))->capture_default_str();

  CLI::App* augment = data->add_subcommand("augment", "one augmentation operation on one PNG, as training does it");
  augment->add_option("--op", p.data.op, "operation (crc_train list)")->required();
  augment->add_option("--value", p.data.value, "the operation's own parameter: factor, bits, threshold, degrees, ...");
  augment->add_option("in", p.data.in, "PNG file to read")->required();
  augment->add_option("out", p.data.out, "PNG file to write")->required();
  add_force(augment, p.data.force);
  augment->callback([&] { code = command_data_augment(p.data); });

  CLI::App* barrier = app.add_subcommand(
      "rank-barrier",
      "plot how well \"the smallest positive eigenvalue\" in fp32 ranks groups, beside the exact score");
  barrier->add_option("--features", p.barrier.features, "[items,D], .npy (default: synthetic, D = 128)");
  barrier->add_option("--labeled", p.barrier.labeled, "sizes of the labelled set")
      ->delimiter(',')
      ->check(whole_number(1, 20000));
  barrier->add_option("--group", p.barrier.group, "items per group (G)")
      ->check(whole_number(1, 1000))
      ->capture_default_str();
  barrier->add_option("--groups", p.barrier.groups, "groups to rank")
      ->check(whole_number(10, 100000))
      ->capture_default_str();
  barrier->add_option("--seed", p.barrier.seed, "key of the random draws")
      ->check(whole_number(0, UINT32_MAX))
      ->capture_default_str();
  barrier->add_option("--device", p.barrier.device, "auto, cpu, cuda or cuda:N")->default_str("auto");
  barrier->add_option("--out", p.barrier.out, "plot to write, .png or .svg")->required();
  add_force(barrier, p.barrier.force);
  barrier->callback([&] { code = command_rank_barrier(p.barrier); });

  CLI::App* doctor = app.add_subcommand("doctor", "device, libraries, threads and a self-test");
  doctor->add_option("--device", p.device, "auto, cpu, cuda or cuda:N")->default_str("auto");
  doctor->callback([&] { code = command_doctor(p.device); });

  CLI::App* exporter = app.add_subcommand("export", "write a run's weights under a port's tensor names");
  exporter->add_option("weights", p.convert.from, "safetensors file")->required();
  exporter->add_option("out", p.convert.to, "file to write")->required();
  exporter->add_option("--names", p.convert.names, "kekmodel, lee, perrying, torchssl or usb")->capture_default_str();
  add_force(exporter, p.convert.force);
  add_settings(exporter, p.convert.settings);
  exporter->callback([&] { code = command_export(p.convert); });
}

int parse_and_run(int argc, char** argv) {
  CLI::App app("crc_train: active semi-supervised learning with few labels", "crc_train");
  app.footer(kExamples);
  app.set_version_flag("--version",
                       [] { return "crc_train " + version() + " (" + commit() + ", " + compiler() + ")"; });
  app.require_subcommand(1);
  app.fallthrough(false);
  Parsed parsed;
  int code = 0;
  const std::vector<std::string> arguments(argv, argv + argc);
  declare(app, parsed, code, arguments);
  try {
    parse_command_line(app, argc, argv);
  } catch (const CLI::Success& e) {
    return print_answer(app, e);  // --help, --version
  }
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  return run_program("crc_train", [&] { return parse_and_run(argc, argv); });
}
