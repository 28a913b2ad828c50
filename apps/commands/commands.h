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

void declare_run(Command& program, CommandCall& call);
void declare_demo(Command& program, CommandCall& call);
void declare_resume(Command& program, CommandCall& call);
void declare_label(Command& program, CommandCall& call);
void declare_sweep(Command& program, CommandCall& call);
void declare_report(Command& program, CommandCall& call);
void declare_verify(Command& program, CommandCall& call);
void declare_eval(Command& program, CommandCall& call);
void declare_list(Command& program, CommandCall& call);
void declare_data(Command& program, CommandCall& call);
void declare_rank_barrier(Command& program, CommandCall& call);
void declare_doctor(Command& program, CommandCall& call);
void declare_export(Command& program, CommandCall& call);

// Options that several have.
void add_settings(Command& command, std::vector<std::string>& settings);
void add_force(Command& command, bool& force);

}  // namespace crc::apps
