// The [sweep] table of a recipe: which runs make up a table or figure of the paper, and the paper's numbers for them.
//
//   [sweep]
//   title = "FixMatch on CIFAR-10"  # of the report
//   source = "paper, Table 6"
//   figure = ""            # "", "transfer" (Fig. 2), "eigenvalues" (Fig. 3), "boundary" (Fig. 1)
//   trials = 3             # runs per method, differing in run.seed
//   trial = "t"            # small letters before a trial's number in the name of its directory: crc-t0
//   initial_pools = 5      # start all from the pool and model of median accuracy; 0: no
//   reconfirm = 2          # runs on fixed labels for the paper's starred numbers; 0: none
//   measure = "best"       # best, last, median, validation; a block may have its own
//   controls = ["random"]  # acquisitions that every block has, besides its own methods; not given: kControls
//   note = "..."
//
//   [[sweep.block]]        # blocks stand side by side in the table
//   name = "Q=50"
//   set = ["acquisition.budget=50"]  # on top of the recipe's own settings
//   heads = ["100", "150"]           # column heads; none: the label counts
//
//   [[sweep.block.method]]
//   name = "CRC"
//   set = ["acquisition.name=crc"]
//   paper = ["78.41±3.16", "83.67±3.24*"]  # per query; "*": re-confirmed there
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/sweep/sweep_measure.h"

namespace crc::apps {

// What a comparison needs beside whatever it compares: chance, and the simplest uncertainty.
inline const std::vector<std::string> kControls{"random", "margin"};

// What a sweep draws besides its accuracies: the paper's figures 2, 3 and 1.
CRC_CHOICE(SweepFigure, transfer, eigenvalues, boundary)

struct SweepMethod {
  std::string name;
  std::vector<std::string> settings;  // "key=value"
  std::vector<std::string> paper;     // percent, "mean±std" with "*" behind where starred; per query
};

struct SweepBlock {
  std::string name;
  std::vector<std::string> settings;
  Measure measure;  // the sweep's unless the block names one
  std::vector<std::string> heads;
  std::vector<SweepMethod> methods;
};

struct SweepSpec {
  std::string title, source, note;
  std::optional<SweepFigure> figure;
  Measure measure = Measure::best;
  std::string trial = "t";
  int64_t trials = 3, initial_pools = 0, reconfirm = 0;
  std::optional<std::vector<std::string>> controls;
  std::vector<SweepBlock> blocks;
};

// Error 78 with the line for what is wrong in it. `name` stands for the file in messages.
SweepSpec parse_sweep(std::string_view toml, const std::string& name);  // also when there is no [sweep]
std::optional<SweepSpec> find_sweep(std::string_view toml, const std::string& name = "recipe");

// "78.41±3.16*" to {78.41, 3.16}; {NaN, NaN} when it holds no number.
struct PaperNumber {
  double mean, std;
  bool starred;
};
PaperNumber parse_paper_number(const std::string& text);

}  // namespace crc::apps
