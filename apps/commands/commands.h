// The commands of crc_train. One file a command declares its options and its help, and runs it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "apps/base/command_line.h"

namespace crc::apps {

struct CommandCall {
  std::vector<std::string> arguments;  // argv
  int code = 0;                        // of the command that ran
};

#define CRC_COMMAND(name) void declare_##name(Command& program, CommandCall& call);
#include "apps/commands/commands.def"
#undef CRC_COMMAND

// Options that several have.
inline void add_settings(Command& command, std::vector<std::string>& settings) {
  command.option("--set", settings, "override one key of the configuration: key=value; may be repeated").repeated();
}
inline void add_force(Command& command, bool& force) {
  command.flag("--force", force, "replace output files that exist");
}

}  // namespace crc::apps
