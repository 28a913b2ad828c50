#include "apps/session/crew.h"

#include <fmt/format.h>

#include <memory>
#include <optional>

#include "apps/base/signals.h"
#include "apps/ranks/orders.h"
#include "apps/ranks/together.h"
#include "apps/rundir/run_dir.h"
#include "apps/train/experiment.h"
#include "ssl/trainer.h"

namespace crc::apps {
namespace {

// What a process that does not lead holds of the training.
struct Hand {
  Hand(TrainingData told, Ranks& all)
      : ranks(all),
        config(Config::of_run(told.config, "what process 0 told")),
        dataset(std::move(told.dataset)),
        context(make_context(config, {}, Announce::no)),
        net(make_training_net(config, dataset)),
        images(upload(context, dataset.train, dataset.train.labels)) {
    check_precision(context, config);
    check_processes(config, context, &ranks);
  }
  void begin(int64_t round, const std::vector<int64_t>& labeled, const std::vector<int64_t>& unlabeled,
             const std::vector<int32_t>& labels) {
    trainer.reset();
    images.set_labels(context, labels);
    context.for_each_scratch([](Arena& arena) { arena.clear(); });
    trainer = std::make_unique<ssl::Trainer>(context, *net, images, labeled, unlabeled,
                                             train_config(config, dataset, round), &ranks);
  }

  Ranks& ranks;
  Config config;
  data::Dataset dataset;
  Context context;
  std::unique_ptr<nn::Net> net;
  ssl::ImageSet images;
  std::unique_ptr<ssl::Trainer> trainer;
};

// To the end that rank 0 orders. A stop is rank 0's to make (take_order).
ExitCode follow(Ranks& ranks) {
  const FinishFirst until_the_end;
  std::unique_ptr<Hand> hand;
  for (;;) {
    const TakenOrder taken = take_order(ranks);
    switch (taken.order) {
      case Order::data:
        hand.reset();
        hand = std::make_unique<Hand>(training_data(taken.with), ranks);
        break;
      case Order::trainer:
        hand->begin(taken.number(), taken.list("labeled"), taken.list("unlabeled"), taken.labels());
        break;
      case Order::restore: {
        const std::string source = "the checkpoint of process 0";
        hand->trainer->restore(nn::decode_safetensors(taken.with.at("checkpoint", source).bytes, source), source);
        break;
      }
      case Order::train:
        hand->trainer->train(taken.number());
        break;
      case Order::end:
        return ExitCode(taken.number());
    }
  }
}

// Whoever is lost here is named by the exchange that ends all (run_together).
void end_crew(Ranks& ranks, ExitCode code) try { order_end(&ranks, code); } catch (const Error&) {
}

}  // namespace

void check_processes(const Config& config, int size) {
  const int64_t asked = config.get<int64_t>("run.ranks"), shards = config.get<int64_t>("run.shards");
  if (asked > 1 && shards == 0)
    fail(ExitCode::config, fmt::format("run.ranks = {}: what processes share are the shards of a step's batch, and "
                                       "run.shards = 0; set it, to 8, say (the result depends on it), or run.ranks = 1",
                                       asked));
  if (asked > 1 && size == 1)
    fail(ExitCode::config, fmt::format("run.ranks = {}: it is crc_train run and crc_train resume that start further "
                                       "processes; set run.ranks = 1 here",
                                       asked));
  if (size > 1 && shards % size != 0) {
    std::string several;
    for (int64_t n = 1; n <= shards; n *= 2) several += fmt::format("{}{}", n == 1 ? "" : ", ", n);
    fail(ExitCode::config,
         fmt::format("{} processes cannot have equal parts of run.shards = {}; take one of {} (mpirun "
                     "-n, run.ranks)",
                     size, shards, several));
  }
}

void check_processes(const Config& config, const Context& context, const Ranks* ranks) {
  const int size = ranks ? ranks->size() : 1;
  check_processes(config, size);
  if (size > 1 && context.device().kind == DeviceKind::cuda)
    fail(ExitCode::config,
         fmt::format("{} processes share this training, and that is for CPUs alone so far: between GPUs it needs NCCL, "
                     "which is not used here; set run.device = \"cpu\", or train in one process on {}",
                     size, to_string(context.device())));
  if (config.get<int64_t>("run.shards") > 1 && context.device().kind == DeviceKind::cuda &&
      config.choice<ssl::BatchStatistics>("run.batch_statistics") == ssl::BatchStatistics::synchronized)
    fail(ExitCode::config,
         fmt::format(
             "run.batch_statistics = \"synchronized\": the layers of shards meet in host memory, and this run is "
             "on {}; set run.device = \"cpu\", or run.shards = 0, one pass with statistics of the whole batch",
             to_string(context.device())));
}

int train_together(const Config& config, const std::vector<std::string>& command_line,
                   const std::function<ExitCode(Ranks*)>& lead) {
  const int64_t here = config.get<int64_t>("run.ranks");
  if (config.get<int64_t>("run.shards") == 0) {
    check_processes(config, int(here));
    if (!launched_by_mpi()) return int(lead(nullptr));
    return run_together("crc_train", [](Ranks& ranks) {
      fail(ExitCode::config,
           fmt::format("one of {} processes that mpirun started, and run.shards = 0: they have nothing "
                       "to share; set run.shards, to 8, say (the result depends on it), or start one "
                       "process; CRC_RANKS=off, if each has a run of its own",
                       ranks.size()));
    });
  }
  if (here > 1) check_processes(config, int(here));
  ExitCode code = ExitCode::ok;
  const int failed = run_together("crc_train",
                                  [&](Ranks& ranks) {
                                    if (ranks.rank() > 0) {
                                      code = follow(ranks);
                                      return;
                                    }
                                    code = lead(&ranks);
                                    end_crew(ranks, code);
                                  },
                                  {.size = int(here), .command_line = command_line});
  return failed != 0 ? failed : int(code);
}

Config config_to_resume(const fs::path& run, const std::vector<std::string>& settings) try {
  const fs::path path = run / "config.toml";
  return resume_config(Config::of_run(read_named_file(path), path.string()), settings);
} catch (const Error&) {
  return {};
}

}  // namespace crc::apps
