#include "apps/commands/commands.h"

namespace crc::apps {

void add_settings(Command& command, std::vector<std::string>& settings) {
  command.option("--set", settings, "override one key of the configuration: key=value; may be repeated").repeated();
}

void add_force(Command& command, bool& force) { command.flag("--force", force, "replace output files that exist"); }

}  // namespace crc::apps
