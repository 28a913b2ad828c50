// crc_select: the selection alone, for people who bring their own embeddings. Arrays come and go as .npy files.
#include <fmt/format.h>

#include "apps/command_line.h"
#include "apps/program.h"
#include "apps/select/job.h"
#include "apps/terminal.h"
#include "apps/version.h"
#include "crc/score.h"
#include "kernels/core/threads.h"

namespace {

using namespace crc;

constexpr const char* kExamples =
    "\nRow i of every array is item i. Features and logits: float16, 32 or 64. An acquisition says what it misses.\n"
    "  crc_select --features H.npy --labeled idx.npy --budget 50 --group 5 --classes 10 --out picks.csv\n"
    "  crc_select --features H.npy --logits P.npy --labeled idx.npy --budget 50 --acquisition badge --out picks.csv\n"
    "  crc_select --features H.npy --labeled idx.npy picks.csv --budget 50 --group 5 --round 1 --out picks1.csv\n"
    "\nExit codes: 0 done, 64 usage, 65 wrong array, list or image, 66 file missing, 71 out of memory, 73 output "
    "exists,\n"
    "74 disk full, 75 stopped by a signal, 76 not finite, 78 impossible request.\n";

void declare(CLI::App& app, apps::SelectJob& job) {
  select::Config& c = job.config;
  app.add_option("--features", job.features, "input of the last linear layer [items,D], .npy");
  app.add_option("--logits", job.logits, "logits [items,C], .npy");
  app.add_option("--classes", job.classes,
                 "number of classes; scales the scores of crc (default: columns of the logits)")
      ->check(apps::whole_number(1, apps::kMaxCount));
  app.add_option(
      "--labeled", job.labeled,
      "what is labelled: item numbers or a mask (.npy), a list (text, CSV), a ledger or run directory; several "
      "files add up");
  app.add_option("--unlabeled", job.unlabeled, "items to choose from, in the same forms (default: all others)");
  app.add_option("--budget", c.budget, "items to pick (Q)")->required()->check(apps::whole_number(0, apps::kMaxCount));
  app.add_option("--group", c.group_size, "items per candidate group (G)")
      ->check(apps::whole_number(1, apps::kMaxCount))
      ->capture_default_str();
  app.add_option("--acquisition", c.name, "crc_train list names them")->capture_default_str();
  app.add_option("--search", c.search, "how groups are found: partition, independent, greedy or exchange")
      ->capture_default_str();
  app.add_option("--draws", c.candidates, "independent: groups to draw (default: items / G)")
      ->check(apps::whole_number(1, apps::kMaxCount));
  app.add_option("--candidates", job.candidates, "candidate groups of item numbers [groups,G], .npy: no search");
  std::string solvers;
  for (const select::Solver& solver : select::solvers())
    solvers += std::string(solvers.empty() ? "" : ", ") + solver.name;
  app.add_option("--solver", c.solver, "eigenvalue solver of crc: " + solvers)->capture_default_str();
  app.add_option("--seed", c.seed, "key of the random draws")
      ->check(apps::whole_number(0, UINT32_MAX))
      ->capture_default_str();
  app.add_option("--round", c.round, "number of this query: another round draws other numbers")
      ->check(apps::whole_number(0, 100000))
      ->capture_default_str();
  app.add_option("--device", job.device, "auto, cpu, cuda or cuda:N")->capture_default_str();
  app.add_option("--threads", job.threads, "of the CPU; 0: all cores")
      ->check(apps::whole_number(0, kMostThreads))
      ->capture_default_str();
  app.add_option("--out", job.out, "picks with their scores, .csv")->required();
  app.add_option("--scores", job.scores, "write the scores of all candidates, .npy");
  app.add_option("--groups", job.groups, "write the items of all candidates [groups,G] in the order of --scores, .npy");
  app.add_option("--summary", job.summary, "write one page about the selection, .html");
  app.add_option("--images", job.images, "PNG files of the items: a list, one path a line, or a folder");
  app.add_option("--sheet", job.sheet, "write the picked images with their item numbers, .png");
  app.add_flag("--force", job.force, "replace output files that exist");
}

int parse_and_run(int argc, char** argv) {
  CLI::App app("crc_select: which items to label next, from features and logits", "crc_select");
  app.footer(kExamples);
  app.set_version_flag("--version", [] {
    return "crc_select " + apps::version() + " (" + apps::commit() + ", " + apps::compiler() + ")";
  });
  apps::SelectJob job;
  declare(app, job);
  try {
    apps::parse_command_line(app, argc, argv);
  } catch (const CLI::Success& e) {
    return apps::print_answer(app, e);  // --help, --version
  }
  job.command = apps::shell_words({argv, size_t(argc)});
  apps::print_message(apps::run_select(job));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return apps::run_program("crc_select", [&] { return parse_and_run(argc, argv); });
}
