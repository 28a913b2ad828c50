// crc_select: the selection alone, for people who bring their own embeddings. Arrays come and go as .npy files.
#include <fmt/format.h>

#include "apps/base/command_line.h"
#include "apps/base/program.h"
#include "apps/base/terminal.h"
#include "apps/ranks/together.h"
#include "apps/select/job.h"
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

void declare(apps::Command& program, apps::SelectJob& job) {
  select::Config& c = job.config;
  program.option(
      "--features", job.features,
      "input of the last linear layer [items,D], .npy; several files are its rows one range after the other");
  program.option("--logits", job.logits, "logits [items,C], .npy, in one file or several");
  program.option("--dtype", job.dtype, "bf16: what arrays of uint16 hold, of features and of logits").one_of({"bf16"});
  program.option("--samples", job.model.samples, "logits of several stochastic passes [passes,items,C], .npy");
  program.option("--head", job.model.head, "weight of the last linear layer [C,D], .npy");
  program.option("--bias", job.model.bias, "its bias [C], .npy");
  program.option("--labels", job.model.labels,
                 "classes of labelled items: integers [items], -1 unknown (.npy), a CSV with columns item and class, a "
                 "ledger or run directory");
  program
      .option("--classes", job.classes, "number of classes; scales the scores of crc (default: columns of the logits)")
      .in(1, apps::kMaxCount);
  program.option(
      "--labeled", job.labeled,
      "what is labelled: item numbers or a mask (.npy), a list (text, CSV), a ledger or run directory; several "
      "files add up");
  program.option("--unlabeled", job.unlabeled, "items to choose from, in the same forms (default: all others)");
  program.option("--budget", c.budget, "items to pick (Q)").required().in(0, apps::kMaxCount);
  program.option("--group", c.group_size, "items per candidate group (G)").in(1, apps::kMaxCount).shows_default();
  program.option("--acquisition", c.name, "crc_train list names them").shows_default();
  program.choice("--search", c.search, "how groups are found; given: by --candidates");
  program.option("--draws", c.candidates, "independent: groups to draw (default: items / G)").in(1, apps::kMaxCount);
  program.option("--candidates", job.candidates, "candidate groups of item numbers [groups,G], .npy: no search");
  program
      .option(
          "--radius", c.radius,
          "of the balls of probcover and dcom or the kernels of maxherding, uherding and rdss (default: its own rule)")
      .between(1e-30, 1e30);
  program
      .option(
          "--bait-top", c.bait_top,
          "bait: over so many of an item's likeliest classes, which costs less memory and time (default: all, exact)")
      .in(1, apps::kMaxCount);
  program
      .option(
          "--partitions", c.partitions,
          "probcover, maxherding, uherding, facility_location: pick from so many random parts of the pool, then from "
          "what they picked: for pools of which all pairs are too many")
      .in(1, apps::kMaxCount)
      .shows_default();
  program.choice("--solver", c.solver, "eigenvalue solver of crc");
  program.option("--class-weights", job.class_weights,
                 "what each class counts, by the class that the logits predict: 1,1,5 or a CSV of class_index,weight");
  program.option("--quota", job.quota, "at most so many picks of each predicted class, or of each cluster")
      .in(1, apps::kMaxCount);
  program
      .option("--per-cluster", job.per_cluster,
              "quotas are of so many k-means clusters (quota by default: an equal "
              "share)")
      .in(1, apps::kMaxCount);
  program.option("--seed", c.seed, "key of the random draws").in(0, UINT32_MAX).shows_default();
  program.option("--round", c.round, "number of this query: another round draws other numbers")
      .in(0, 100000)
      .shows_default();
  program.option("--device", job.device, "auto, cpu, cuda or cuda:N").shows_default();
  program.option("--threads", job.threads, "of the CPU; 0: all cores").in(0, kMostThreads).shows_default();
  program.option(
      "--checkpoint", job.checkpoint,
      "a folder of its own: keep there what completed passes brought, and go on from it when the same selection "
      "is started again, in any number of processes; removed with the last output");
  program.option("--out", job.out, "picks with their scores, .csv").required();
  program.option("--scores", job.scores, "write the scores of all candidates, .npy");
  program.option("--groups", job.groups, "write the items of all candidates [groups,G] in the order of --scores, .npy");
  program.option("--represents", job.represents, "write the labelled or picked item that each one is nearest to, .csv");
  program.option("--summary", job.summary, "write one page about the selection, .html");
  program.option("--images", job.images, "PNG files of the items: a list, one path a line, or a folder");
  program.option("--sheet", job.sheet, "write the picked images with their item numbers, .png");
  program.flag("--force", job.force, "replace output files that exist");
}

void parse_and_run(int argc, char** argv, Ranks& ranks) {
  apps::CommandLine line("crc_select", "which items to label next, from features and logits", kExamples);
  apps::SelectJob job;
  declare(line.top(), job);
  if (!line.parse(argc, argv)) return;
  job.command = apps::shell_words({argv, size_t(argc)});
  apps::print_message(apps::run_select(job, ranks));
}

}  // namespace

int main(int argc, char** argv) {
  constexpr const char* kProgram = "crc_select";
  return apps::run_program(
      kProgram, [&] { return apps::run_together(kProgram, [&](Ranks& ranks) { parse_and_run(argc, argv, ranks); }); });
}
