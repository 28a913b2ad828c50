// crc_train init
#include <fmt/format.h>

#include "apps/base/outputs.h"
#include "apps/base/terminal.h"
#include "apps/commands/commands.h"
#include "apps/session/starter.h"
#include "data/text.h"

namespace crc::apps {
namespace {

struct InitOptions {
  StarterAsk ask;
  std::string out;
  bool force = false;
};

int command_init(InitOptions options) {
  const fs::path folder = fs::path(options.ask.dir).lexically_normal();
  const std::string name = (folder.has_filename() ? folder : folder.parent_path()).filename().string();
  if (options.out.empty()) options.out = (name.empty() || name == "." || name == ".." ? "images" : name) + ".toml";
  Outputs outputs({options.out}, {.force = options.force, .inputs = {options.ask.dir}});
  const Starter starter = make_starter(options.ask);
  outputs.put(options.out, starter.toml);
  outputs.commit();
  for (const std::string& line : starter.found) print("{}\n", line);
  for (const std::string& note : starter.notes) print("note: {}\n", note);
  print("\nwrote {}; look at it, then\n  crc_train run {} --out runs/{}{}\n", options.out, options.out, name,
        starter.asks_first ? "   # asks for the first labels: rounds/first/label.html" : "");
  return 0;
}

}  // namespace

void declare_init(Command& program, CommandCall& call) {
  const auto o = std::make_shared<InitOptions>();
  Command init = program.command("init", "look at a folder of images and write a configuration that fits it");
  init.examples(
      "  crc_train init photos --classes ripe,unripe    photos without labels: the run asks for the first ones\n"
      "  crc_train init photos --hours 8                classes by the folder's labels, a night of training\n"
      "  crc_train init photos --set run.seed=7         with a setting of your own\n");
  init.option("folder", o->ask.dir, "images: PNG and JPEG, any sizes, labelled or not (docs/data.md)").required();
  init.option("--classes", o->ask.classes,
              "what there is to tell apart: cat,dog; default: what the folder's labels say");
  init.option("--hours", o->ask.hours, "that training may take on this machine").between(0.01, 10000);
  init.option("--out", o->out, "the file; default: the folder's name and .toml");
  add_settings(init, o->ask.settings);
  add_force(init, o->force);
  init.run([o, &call] { call.code = command_init(*o); });
}

}  // namespace crc::apps
