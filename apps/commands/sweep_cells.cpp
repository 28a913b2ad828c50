#include "apps/commands/sweep_cells.h"

#include <fmt/format.h>
#include <omp.h>

#include <algorithm>
#include <thread>

#include "apps/base/program.h"
#include "apps/base/signals.h"
#include "apps/commands/train.h"
#include "apps/sweep/child.h"
#include "apps/sweep/sweep.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

const SweepCell& cell_called(const Sweep& sweep, const std::string& name) {
  const auto cell = std::ranges::find(sweep.cells(), name, &SweepCell::name);
  if (cell == sweep.cells().end())
    fail(ExitCode::usage, fmt::format("{} has no cell \"{}\"; --dry-run lists them", sweep.directory().string(), name));
  return *cell;
}

int train_cell(const Sweep& sweep, const SweepCell& cell, bool quiet, const std::string& name) {
  const std::vector<std::string> arguments = sweep.arguments(cell);
  std::vector<std::string> settings;
  for (size_t i = 2; i + 1 < arguments.size(); ++i)
    if (arguments[i] == "--set") settings.push_back(arguments[++i]);
  if (arguments[0] == "resume") return train_on(arguments[1], settings, quiet, name);
  return train_new({.config = arguments[1], .settings = settings, .out = sweep.path(cell).string(), .quiet = quiet},
                   arguments, name);
}

// A failure counts more than an interruption: whoever continues must look at it.
int worst(const std::vector<int>& codes) {
  int worst = 0;
  for (int code : codes)
    if (code != 0 && (worst == 0 || worst == int(ExitCode::preempted))) worst = code;
  return worst;
}

}  // namespace

int train_cells(const Sweep& sweep, const std::vector<std::string>& names, bool quiet) {
  std::vector<const SweepCell*> cells;
  for (const std::string& name : names) cells.push_back(&cell_called(sweep, name));
  end_with_parent();
  if (cells.size() == 1) return train_cell(sweep, *cells[0], quiet, {});
  const int cores = std::max(1, omp_get_max_threads() / int(cells.size()));
  std::vector<int> codes(cells.size());
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < cells.size(); ++i)
      threads.emplace_back([&, i] {
        omp_set_num_threads(cores);  // of this thread: what run.threads = 0 means in it
        codes[i] = guarded_main("crc_train: " + sweep.path(*cells[i]).string(),
                                [&] { return train_cell(sweep, *cells[i], quiet, cells[i]->name); });
        if (codes[i] != 0 && codes[i] != int(ExitCode::preempted)) stop_with(codes[i]);
        stop_if_asked();
      });
  }
  return worst(codes);
}

}  // namespace crc::apps
