// crc_train resume
#include "apps/base/program.h"
#include "apps/commands/commands.h"
#include "apps/session/crew.h"
#include "apps/session/training.h"

namespace crc::apps {
namespace {

struct ResumeOptions {
  std::string directory;
  std::vector<std::string> settings;  // those keys that do not decide the result
  bool quiet = false;
};

}  // namespace

void declare_resume(Command& program, CommandCall& call) {
  const auto o = std::make_shared<ResumeOptions>();
  Command resume = program.command("resume", "continue a run that was stopped or killed");
  resume.examples(
      "  crc_train resume runs/a                       after a kill, or after its query was labelled\n"
      "  crc_train resume runs/a --set data.dir=DIR    the images lie elsewhere now\n"
      "  crc_train resume runs/a --set run.device=cpu  on another device\n");
  resume.option("directory", o->directory, "run directory").required();
  add_settings(resume, o->settings);
  resume.flag("--quiet,-q", o->quiet, "no progress, only errors");
  resume.run([o, &call] {
    end_with_parent();
    const Config config = config_to_resume(o->directory, o->settings);
    call.code = train_together(config, call.arguments, [&](Ranks* ranks) {
      return continue_run(o->directory, o->settings, ProgressOptions::for_stderr(o->quiet, 0, {}), 0, ranks);
    });
  });
}

}  // namespace crc::apps
