#include "apps/session/crew.h"

#include <fmt/format.h>

#include <memory>
#include <optional>

#include "apps/base/signals.h"
#include "apps/gate/choices_file.h"
#include "apps/ranks/orders.h"
#include "apps/ranks/seats.h"
#include "apps/ranks/together.h"
#include "apps/rundir/run_dir.h"
#include "apps/rundir/run_lock.h"
#include "apps/train/experiment.h"
#include "data/csv.h"
#include "ssl/trainer.h"

namespace crc::apps {
namespace {

constexpr const char* kTold = "what process 0 told";

// The number for make_context. By "cuda:1" it is that one alone.
int take_gpu(const Config& config, Ranks& ranks) {
  const std::string device = config.get<std::string>("run.device");
  if (device == "cpu") return 0;
  std::vector<std::string> names = Context::gpu_names();
  const std::optional<int64_t> number =
      data::parse<int64_t>(device.substr(std::min(device.size(), std::string("cuda:").size())));
  if (number)
    names = *number < int64_t(names.size()) ? std::vector{names[size_t(*number)]} : std::vector<std::string>{};
  return int(take_seat(ranks, host_name(), names).value_or(0));
}

// What a step's bits depend on besides the configuration.
std::string kind_of(Context& context) {
  if (context.device().kind == DeviceKind::cpu) return "the CPU";
  return machine_of(context) + (context.gate().tier() == Gate::Tier::plain ? "; CRC_TIER=plain" : "");
}

// In every process.
Context join(const Config& config, Ranks& ranks) {
  Context context = make_context(config, {}, Announce::no, take_gpu(config, ranks));
  context.open_exchange();
  const std::vector<Ranks::Bytes> kinds = ranks.show(kind_of(context));
  for (size_t r = 1; r < kinds.size(); ++r)
    if (kinds[r] != kinds[0])
      fail(ExitCode::config, fmt::format("process 0 computes on {}, process {} on {}: all must have the same GPUs, "
                                         "libraries and program, or the CPU (run.device = \"cpu\")",
                                         std::string_view(kinds[0].data(), kinds[0].size()), r,
                                         std::string_view(kinds[r].data(), kinds[r].size())));
  context.join_ranks(ranks);
  return context;
}

// What a process that does not lead holds of the training.
struct Hand {
  Hand(TrainingData told, Ranks& all, Context& device)
      : ranks(all),
        config(Config::of_run(told.config, kTold)),
        dataset(std::move(told.dataset)),
        context(device),
        net(make_training_net(config, dataset)),
        images(upload(context, dataset.train, dataset.train.labels)) {
    check_precision(context, config);
  }
  void begin(const TakenOrder& order) {
    trainer.reset();
    images.set_labels(context, order.labels());
    context.for_each_scratch([](Arena& arena) { arena.clear(); });
    context.gate().adopt(order.choices());
    trainer = std::make_unique<ssl::Trainer>(context, *net, images, order.list("labeled"), order.list("unlabeled"),
                                             train_config(config, dataset, order.number()), &ranks);
  }

  Ranks& ranks;
  Config config;
  data::Dataset dataset;
  Context& context;
  std::unique_ptr<nn::Net> net;
  ssl::ImageSet images;
  std::unique_ptr<ssl::Trainer> trainer;
};

// To the end that rank 0 orders. A stop is rank 0's to make (take_order).
ExitCode follow(Ranks& ranks) {
  const FinishFirst until_the_end;
  std::optional<Context> context;
  std::unique_ptr<Hand> hand;
  for (;;) {
    const TakenOrder taken = take_order(ranks);
    switch (taken.order) {
      case Order::join:
        context.emplace(join(Config::of_run(taken.config(), kTold), ranks));
        break;
      case Order::data:
        hand.reset();
        hand = std::make_unique<Hand>(training_data(taken.with), ranks, context.value());
        break;
      case Order::trainer:
        hand->begin(taken);
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

Context muster(const Config& config, Ranks* ranks, int gpu) {
  check_processes(config, ranks ? ranks->size() : 1);
  if (ranks && ranks->size() > 1) {
    order_join(ranks, config.to_toml());
    return join(config, *ranks);
  }
  return make_context(config, {}, Announce::no, gpu);
}

int train_together(const Config& config, const std::vector<std::string>& command_line,
                   const std::function<ExitCode(Ranks*)>& lead) {
  const int64_t here = config.get<int64_t>("run.ranks");
  if (config.get<int64_t>("run.shards") == 0) {
    check_processes(config, int(here));
    if (!launched_as_one()) return int(lead(nullptr));
    return run_together("crc_train", [](Ranks& ranks) {
      fail(ExitCode::config,
           fmt::format("one of {} processes that mpirun or torchrun started, and run.shards = 0: they have nothing "
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
