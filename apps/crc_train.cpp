// crc_train: active semi-supervised learning from the command line. The commands are in apps/commands/, a file each.
#include "apps/base/command_line.h"
#include "apps/base/program.h"
#include "apps/commands/commands.h"

namespace {

using namespace crc::apps;

constexpr const char* kExamples =
    "\nExamples\n"
    "  crc_train demo                                         CRC against random on built-in data, a few minutes\n"
    "  crc_train run cifar10 --set data.dir=DIR --out runs/a  CIFAR-10, the queries of the paper\n"
    "  crc_train run my.toml --set ssl.epochs=20 --dry-run    what would happen, and where each value comes from\n"
    "  crc_train resume runs/a                                go on after a kill, with the same bits on the CPU\n"
    "  crc_train label runs/a labels.csv                      answer its query; then resume\n"
    "  crc_train eval --weights W.safetensors --data DIR --logits L.npy\n"
    "  crc_train eval --run runs/a --round 2 --model best    what a run's network is worth\n"
    "  crc_train predict runs/a photos/ --out p.csv          its classes and probabilities for other images\n"
    "\nExit codes: 0 done, 10 waiting for labels, 64 usage, 65 corrupt data, 66 input missing, 69 device unavailable,\n"
    "71 out of memory, 73 output exists or is locked, 74 I/O error or disk full, 75 preempted, 76 numerical, 78 "
    "config.\n";

int parse_and_run(int argc, char** argv) {
  CommandLine line("crc_train", "active semi-supervised learning with few labels", kExamples);
  line.top().needs_command();
  CommandCall call{.arguments = {argv, argv + argc}};
#define CRC_COMMAND(name) declare_##name(line.top(), call);
#include "apps/commands/commands.def"
#undef CRC_COMMAND
  line.parse(argc, argv);
  return call.code;
}

}  // namespace

int main(int argc, char** argv) {
  return run_program("crc_train", [&] { return parse_and_run(argc, argv); });
}
