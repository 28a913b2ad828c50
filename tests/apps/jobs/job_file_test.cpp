// The job files, dry: bash reads them, the schedulers' commands are small scripts that write down what they were asked
// for, and the tasks' program prints what it would train. tests/slurm.sh runs Slurm's on a Slurm.
#include "apps/jobs/job_file.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <regex>

#include "tests/apps/scratch_dir.h"

namespace crc::apps::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Three pools, four trials, two again.
const char* const kSmallSweep = R"(schema = 1
[acquisition]
initial = 50
budget = 50
rounds = 1
[sweep]
title = "A title
of two lines"
source = "nowhere"
trials = 2
initial_pools = 3
reconfirm = 1
[[sweep.block]]
name = "one"
[[sweep.block.method]]
name = "CRC"
set = ["acquisition.name=crc"]
paper = ["50.0±1.0*"]
[[sweep.block.method]]
name = "Random"
set = ["acquisition.name=random"]
)";

const Scheduler& called(const std::string& option) {
  for (const Scheduler* scheduler : schedulers())
    if (scheduler->option == option) return *scheduler;
  throw std::runtime_error(option);
}

class JobFiles : public ::testing::Test {
 protected:
  JobFiles() {
    fs::create_directories(dir / "bin");
    std::string recipe = kSmallSweep;
    recipe.replace(recipe.find("A title\nof"), 10, "A title\\nof");
    commit_file(dir / "my recipe.toml", recipe);
    // The id of a job is how many there were.
    const std::string note = "echo \"$(basename \"$0\") $CRC_PHASE [$CRC_TASKS] $*\" >> " + (dir / "calls").string() +
                             "\nid=$(wc -l < " + (dir / "calls").string() + ")\n";
    command("sbatch", note + "echo \"$id;cluster\"");
    command("qsub", note + "echo \"$id[].server\"");
    command("bsub", note + "cat > /dev/null; echo \"Job <$id> is submitted to default queue <normal>.\"");
    command("srun", "while [[ $1 == --* ]]; do shift; done\nexec \"$@\"");
    command("scontrol", note);
    command("squeue", "cat " + (dir / "state").string());
    command("says", "echo \"$@\"; echo threads $OMP_NUM_THREADS; pwd");
    command("ends75", "exit 75");
  }
  void command(const std::string& name, const std::string& text) const {
    commit_file(dir / ("bin/" + name), "#!/bin/bash\n" + text + "\n");
    fs::permissions(dir / ("bin/" + name), fs::perms::owner_all);
  }
  void write(const std::string& scheduler, const std::string& program, int64_t together = 1) {
    const Sweep sweep = Sweep::create(dir / "a b%c", {.recipe = (dir / "my recipe.toml").string(), .settings = {}});
    JobFile what{{}, program, dir.path(), together};
    for (const SweepCell& cell : sweep.cells()) what.cells.push_back(&cell);
    text = job_file(called(scheduler), sweep, what);
    commit_file(dir / "job.sh", text);
  }
  // `bash job.sh options` with these variables: its words; the calls it made are in `calls`.
  std::string bash(const std::string& variables, const std::string& options, int code = 0) {
    fs::remove(dir / "calls");
    const std::string line = "cd / && env -u OMP_NUM_THREADS PATH=" + (dir / "bin").string() + ":$PATH " + variables +
                             " bash " + (dir / "job.sh").string() + " " + options + " > " + (dir / "words").string() +
                             " 2>&1";
    const int status = std::system(line.c_str());
    const std::string words = read_file(dir / "words");
    EXPECT_EQ(WEXITSTATUS(status), code) << words;
    calls = fs::exists(dir / "calls") ? read_file(dir / "calls") : "";
    return words;
  }
  void done(const std::string& cell) const {
    fs::create_directories(dir / ("a b%c/" + cell));
    commit_file(dir / ("a b%c/" + cell + "/DONE"), "");
  }
  std::string out() const { return (dir / "a b%c").string(); }

  ScratchDir dir;
  std::string text, calls;
};

TEST_F(JobFiles, DirectivesAreOnesThatTheSchedulerKnows) {
  const std::pair<const char*, const char*> known[] = {
      {"slurm",
       "#SBATCH --(gres=gpu:[0-9]+|cpus-per-task=[0-9]+|time=[0-9]+:[0-9]{2}:[0-9]{2}|requeue|open-mode=append|"
       "signal=TERM@[0-9]+)"},
      {"pbs", "#PBS -(S /bin/bash|l select=1:ncpus=[0-9]+:ngpus=[0-9]+|l walltime=[0-9:]+|r y|j oe)"},
      {"lsf", "#BSUB -(n [0-9]+|R \"span\\[hosts=1\\]\"|gpu \"num=1\"|W [0-9]+:[0-9]+|r|Q \"75\"|wt [0-9]+|wa TERM)"}};
  ASSERT_EQ(schedulers().size(), std::size(known));
  for (const auto& [scheduler, directives] : known) {
    write(scheduler, "/opt/it's/crc_train");
    EXPECT_EQ(std::system(("bash -n " + (dir / "job.sh").string()).c_str()), 0) << text;
    EXPECT_THAT(text, HasSubstr("program=('/opt/it'\\''s/crc_train')"));
    EXPECT_THAT(text, HasSubstr("# A title of two lines (nowhere)\n"));
    // All of them stand before the first command, or they would not be read.
    std::istringstream lines(text);
    int count = 0;
    bool comments = true;
    for (std::string line; std::getline(lines, line);) {
      comments = comments && line.starts_with("#");
      if (!std::regex_search(line, std::regex("^#(SBATCH|PBS|BSUB)"))) continue;
      ++count;
      EXPECT_TRUE(comments) << line;
      EXPECT_TRUE(std::regex_match(line, std::regex(directives))) << line;
    }
    EXPECT_GE(count, 5) << scheduler;
  }
}

TEST_F(JobFiles, AnArrayForEachPhaseAfterTheOneBefore) {
  write("slurm", "says");
  const std::string job = (dir / "job.sh").string(), log = (dir / "a b%%c").string() + "/slurm-%A_%a.log";
  const auto sbatch = [&](const std::string& phase, const std::string& tasks, const std::string& array,
                          const std::string& after) {
    return "sbatch " + phase + " [" + tasks + "] --parsable --job-name=crc-my-recipe --output=" + log +
           " --array=" + array + " --export=ALL " +
           (after.empty() ? "" : "--kill-on-invalid-dep=yes --dependency=afterok:" + after + " ") + "--qos=low " + job +
           "\n";
  };
  EXPECT_THAT(bash("", "--qos=low"), HasSubstr("trial: job 2, tasks: 4\n"));
  EXPECT_EQ(calls, sbatch("pool", "0 1 2", "0-2", "") + sbatch("trial", "0 1 2 3", "0-3", "1") +
                       sbatch("reconfirm", "0 1", "0-1", "2"));

  write("pbs", "says");
  bash("", "-q gpu");
  EXPECT_EQ(calls, "qsub pool [0 1 2] -N crc-my-recipe -o " + out() + "/ -V -J 0-2 -q gpu " + job +
                       "\nqsub trial [0 1 2 3] -N crc-my-recipe -o " + out() +
                       "/ -V -J 0-3 -W depend=afterok:1[].server -q gpu " + job +
                       "\nqsub reconfirm [0 1] -N crc-my-recipe -o " + out() +
                       "/ -V -J 0-1 -W depend=afterok:2[].server -q gpu " + job + "\n");

  write("lsf", "says");
  bash("", "-q gpu");
  EXPECT_EQ(calls, "bsub pool [0 1 2] -J crc-my-recipe[1-3] -o " + out() +
                       "/lsf-%J_%I.log -q gpu\nbsub trial [0 1 2 3] -J crc-my-recipe[1-4] -o " + out() +
                       "/lsf-%J_%I.log -ti -w done(1) -q gpu\nbsub reconfirm [0 1] -J crc-my-recipe[1-2] -o " + out() +
                       "/lsf-%J_%I.log -ti -w done(2) -q gpu\n");
}

TEST_F(JobFiles, SubmitWhatIsNotDone) {
  for (const std::string scheduler : {"slurm", "pbs", "lsf"}) {
    fs::remove_all(out());
    write(scheduler, "says");
    for (const char* cell : {"pool-0", "pool-1", "pool-2", "crc-t0", "crc-t1", "random-t1"}) done(cell);
    bash("", "");
    EXPECT_THAT(calls, Not(HasSubstr(" pool ")));
    EXPECT_THAT(calls, HasSubstr(" trial [1] "));  // crc-t0, random-t0, crc-t1, random-t1
    EXPECT_THAT(calls, HasSubstr(" reconfirm [0 1] "));
    EXPECT_THAT(calls, Not(HasSubstr("-J 0-0"))) << "PBS refuses an array of one";
    write(scheduler, "says", 2);
    bash("", "");
    EXPECT_THAT(calls, HasSubstr(" trial [0] "));
    for (const char* cell : {"random-t0", "crc-t0-q1-again0", "crc-t1-q1-again0"}) done(cell);
    EXPECT_EQ(bash("", ""), "all runs are done\n");
    EXPECT_EQ(calls, "");
  }
}

TEST_F(JobFiles, ASchedulerThatRefusesEndsTheFile) {
  for (const auto& [scheduler, program] : {std::pair{"slurm", "sbatch"}, {"pbs", "qsub"}, {"lsf", "bsub"}}) {
    write(scheduler, "says");
    command(program, "echo no such queue >&2; exit 3");
    EXPECT_EQ(bash("", "", 3), "no such queue\n");
  }
}

TEST_F(JobFiles, ATaskTrainsItsCellsInTheFolderOfTheSweep) {
  const std::string cells = "sweep --out " + out() + " --cell=crc-t1 --cell=random-t1\n";
  const std::tuple<const char*, const char*> places[] = {
      {"slurm", "SLURM_ARRAY_TASK_ID=1 SLURM_CPUS_PER_TASK=3"},
      {"pbs", "PBS_ARRAY_INDEX=1 NCPUS=3"},
      {"lsf", "LSB_JOBINDEX=2 LSB_DJOB_NUMPROC=3"},
  };
  for (const auto& [scheduler, place] : places) {
    write(scheduler, "says", 2);
    EXPECT_EQ(bash(std::string("CRC_PHASE=trial CRC_TASKS='0 1' ") + place, ""),
              cells + "threads 3\n" + fs::canonical(dir.path()).string() + "\n");
    EXPECT_THAT(bash(std::string("CRC_PHASE=trial CRC_TASKS='0 1' OMP_NUM_THREADS=1 ") + place, ""),
                HasSubstr("threads 1\n"));
  }
  write("pbs", "says");  // no array: the only one
  EXPECT_THAT(bash("CRC_PHASE=trial CRC_TASKS=2", ""), HasSubstr("--cell=crc-t1\n"));
}

// By Slurm's job file, unless it was cancelled or Slurm does it; LSF does it by its directives; PBS lets nobody.
TEST_F(JobFiles, AStoppedTaskIsQueuedAgain) {
  const std::string task = "CRC_PHASE=trial CRC_TASKS='0 3' ";
  write("slurm", "ends75");
  for (const char* state : {"RUNNING", "COMPLETING", ""}) {
    commit_file(dir / "state", state);
    bash(task + "SLURM_ARRAY_TASK_ID=1 SLURM_ARRAY_JOB_ID=17", "", 75);
    EXPECT_THAT(calls, std::string(state) == "RUNNING" ? "scontrol trial [0 3] requeue 17_1\n" : "");
    fs::remove(dir / "state");
  }
  write("pbs", "ends75");
  EXPECT_THAT(bash(task + "PBS_ARRAY_INDEX=1", "", 75), HasSubstr("submit the job file once more"));
  write("lsf", "ends75");
  bash(task + "LSB_JOBINDEX=1", "", 75);
}

TEST_F(JobFiles, ArraysOfAThousandTasksAtMost) {
  const Sweep sweep = Sweep::create(dir / "a b%c", {.recipe = (dir / "my recipe.toml").string(), .settings = {}});
  std::vector<SweepCell> many(1201, {.name = "x", .phase = Phase::pool});
  many.push_back({.name = "y", .phase = Phase::trial});
  JobFile what{{}, "says", dir.path()};
  for (const SweepCell& cell : many) what.cells.push_back(&cell);
  const std::pair<const char*, const char*> after[] = {
      {"slurm", "afterok:1:2"}, {"pbs", "afterok:1[].server:2[].server"}, {"lsf", "done(1) && done(2)"}};
  for (const auto& [scheduler, words] : after) {
    commit_file(dir / "job.sh", job_file(called(scheduler), sweep, what));
    EXPECT_THAT(bash("", ""), ::testing::ContainsRegex("pool: job 2.*, tasks: 201\ntrial: job 3.*, tasks: 1\n"));
    EXPECT_THAT(calls, HasSubstr(words));
  }
}

}  // namespace
}  // namespace crc::apps::test
