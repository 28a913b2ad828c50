#include "crc/custom.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <mutex>

#include "crc/host_rows.h"
#include "crc/quotas.h"
#include "kernels/core/error.h"

namespace crc::select {
namespace {

using crc_active::Answer;
using crc_active::Array;
using crc_active::Question;
using Ask = std::function<Answer(const Question&)>;

struct Custom {
  std::string name;
  std::shared_ptr<const Ask> ask;  // whoever is asking keeps it, whatever is registered meanwhile
  Acquisition entry;
};

std::mutex g_mutex;
std::deque<Custom>& customs() {  // references stay valid while it grows
  static std::deque<Custom> all;
  return all;
}

Custom* find_locked(const std::string& name) {
  const auto found = std::ranges::find(customs(), name, &Custom::name);
  return found == customs().end() ? nullptr : &*found;
}

// Rows in host memory, which `keep` holds where they are a GPU's.
template <class T> Array host_array(Context& context, View<const T, 2> view, std::vector<T>& keep) {
  if (view.size() == 0) return {};
  const T* data = view.data;
  if (context.device().kind != DeviceKind::cpu) {
    keep.resize(size_t(view.size()));
    context.copy_out(keep.data(), view);
    data = keep.data();
  }
  return crc_active::rows(data, view.shape[0], view.shape[1]);
}

struct HostCopy {
  std::vector<float> fp32;
  std::vector<double> fp64;
  Array array(Context& context, const Rows& rows) {
    if (const auto* view = std::get_if<View<const float, 2>>(&rows)) return host_array(context, *view, fp32);
    return host_array(context, std::get<View<const double, 2>>(rows), fp64);
  }
};

Selection from_picks(const Problem& problem, const Config& config, std::vector<int64_t> picks) {
  if (int64_t(picks.size()) != config.budget)
    fail(ExitCode::config, fmt::format("acquisition \"{}\" returned {} picks for a budget of {}", config.name,
                                       picks.size(), config.budget));
  std::vector<int64_t> sorted = picks;
  std::ranges::sort(sorted);
  const auto twice = std::ranges::adjacent_find(sorted);
  if (twice != sorted.end())
    fail(ExitCode::config, fmt::format("acquisition \"{}\" returned item {} twice", config.name, *twice));
  Quotas quotas(config);
  Selection selection;
  for (size_t k = 0; k < picks.size(); ++k) {
    if (!std::ranges::binary_search(problem.unlabeled, picks[k]))
      fail(ExitCode::config,
           fmt::format("acquisition \"{}\" returned item {}, which is not to choose from", config.name, picks[k]));
    if (quotas.full(picks[k]))
      fail(ExitCode::config, fmt::format("acquisition \"{}\" returned item {}, beyond the quota of its class or "
                                         "cluster; return scores instead, to which quotas are applied",
                                         config.name, picks[k]));
    quotas.take(picks[k]);
    selection.groups.push_back({{picks[k]}, 0});
  }
  selection.picks = std::move(picks);
  selection.summary = fmt::format("{}: {} of {} items", config.name, config.budget, problem.unlabeled.size());
  return selection;
}

Selection select_custom(Context& context, const Problem& problem, const Config& config) {
  std::shared_ptr<const Ask> ask;
  {
    const std::lock_guard lock(g_mutex);
    ask = find_locked(config.name)->ask;
  }
  HostCopy features, logits;
  Answer answer = (*ask)({.features = features.array(context, problem.features),
                          .logits = logits.array(context, problem.logits),
                          .labeled = problem.labeled,
                          .unlabeled = problem.unlabeled,
                          .labels = problem.labels,
                          .classes = problem.classes,
                          .budget = config.budget,
                          .round = config.round,
                          .seed = config.seed});
  if (!answer.picks.empty()) return from_picks(problem, config, std::move(answer.picks));
  if (answer.scores.size() != problem.unlabeled.size())
    fail(ExitCode::config, fmt::format("acquisition \"{}\" returned {} scores for {} unlabeled items; return one for "
                                       "each, or {} picks as integers",
                                       config.name, answer.scores.size(), problem.unlabeled.size(), config.budget));
  return best_items(problem, config, std::move(answer.scores));
}

void check_custom(const Config&, const Request&) {}

}  // namespace

const Acquisition* find_custom(const std::string& name) {
  const std::lock_guard lock(g_mutex);
  const Custom* found = find_locked(name);
  return found ? &found->entry : nullptr;
}

std::vector<std::string> custom_names() {
  const std::lock_guard lock(g_mutex);
  std::vector<std::string> names;
  for (const Custom& custom : customs()) names.push_back(custom.name);
  return names;
}

void register_custom(const std::string& name, Ask ask) {
  const auto word = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  if (name.empty() || !std::ranges::all_of(name, word))
    fail(ExitCode::config,
         fmt::format("acquisition \"{}\": a name is small letters, digits and underscores, like my_margin", name));
  if (std::ranges::any_of(acquisitions(), [&](const Acquisition& a) { return a.name == name; }))
    fail(ExitCode::config, fmt::format("acquisition \"{}\" is one that is built in; choose another name", name));
  if (!ask) fail(ExitCode::config, fmt::format("acquisition \"{}\" has no function", name));
  constexpr unsigned kTraits =
      unsigned(Trait::features) | unsigned(Trait::logits) | unsigned(Trait::weights) | unsigned(Trait::quotas);
  auto shared = std::make_shared<const Ask>(std::move(ask));
  const std::lock_guard lock(g_mutex);
  Custom* custom = find_locked(name);
  if (!custom) {
    custom = &customs().emplace_back(Custom{name, nullptr, {}});
    custom->entry = {custom->name.c_str(), "registered by this process", "", kTraits, check_custom, select_custom};
  }
  custom->ask.swap(shared);
}

}  // namespace crc::select
