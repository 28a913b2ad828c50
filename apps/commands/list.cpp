// crc_train list
#include <fmt/format.h>

#include <algorithm>

#include "apps/base/terminal.h"
#include "apps/commands/commands.h"
#include "apps/config/presets.h"
#include "apps/config/recipes.h"
#include "apps/sweep/sweep_spec.h"
#include "crc/acquisition.h"
#include "data/dataset.h"
#include "kernels/augment/apply.h"
#include "ssl/method.h"

namespace crc::apps {
namespace {

void row(const std::string& name, const std::string& description, const std::string& source) {
  print("  {:<24} {}{}\n", name, description, source.empty() ? "" : "  [" + source + "]");
}

int command_list() {
  print("Methods (ssl.method)\n");
  for (const ssl::MethodEntry& m : ssl::methods()) row(m.name, m.description, m.source);
  print("\nAcquisitions (acquisition.name)\n");
  for (const select::Acquisition& a : select::acquisitions()) row(a.name, a.description, a.source);
  print("\nData sets (data.name)\n");
  for (const data::DatasetEntry* d : data::dataset_registry()) {
    row(d->name, d->description, d->source);
    if (d->options != std::string("none")) row("", std::string("data.options: ") + d->options, "");
  }
  print("\nAugmentation policies (ssl.strong)\n");
#define CRC_AUGMENT_POLICY(name, description, source) row(#name, description, source);
#include "kernels/augment/policies.def"
#undef CRC_AUGMENT_POLICY
  print("\nAugmentation operations\n");
  for (const augment::OpInfo& op : augment::names()) row(op.name, op.parameter.meaning, "");
  print("\nPresets (preset = \"NAME\")\n");
  for (const Preset& p : presets()) row(p.name, comment_of(p.text, 0), comment_of(p.text, 1));
  print("\nRecipes (crc_train run NAME; of a table or figure: crc_train sweep NAME)\n");
  for (const Recipe& r : recipes())
    row(r.name, comment_of(r.text, 0), find_sweep(r.text, "recipe " + r.name).value_or(SweepSpec()).source);
  return 0;
}

}  // namespace

void declare_list(Command& program, CommandCall& call) {
  Command list = program.command("list", "methods, acquisitions, data sets, augmentations and recipes");
  list.examples(
      "  crc_train list                  everything, with a line for each\n"
      "  crc_train list | grep -i badge  what one of them is\n");
  list.run([&call] { call.code = command_list(); });
}

}  // namespace crc::apps
