#include "crc/ntk_full.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "crc/batch_mode.h"
#include "crc/ntk_last.h"
#include "crc/score.h"
#include "kernels/ops/capacitance.h"
#include "kernels/ops/eigvals.h"
#include "kernels/ops/gemm.h"
#include "kernels/ops/gram_accumulate.h"
#include "kernels/ops/group_matrices.h"

namespace crc::select {
namespace {

std::string size_of(int64_t bytes) {
  return bytes < 100'000'000 ? fmt::format("{:.3g} MB", double(bytes) * 1e-6)
                             : fmt::format("{:.3g} GB", double(bytes) * 1e-9);
}

// [items,C,P] as one batch of rows, or as batches of `group` rows.
View<const float, 3> as_rows(View<const float, 3> j, int64_t batch) {
  const int64_t width = j.shape[1] * j.shape[2];
  return {j.data, {batch, j.shape[0] / batch, width}, j.device, j.name};
}

std::string solvers_of_jacobians() {
  std::string list;
  for (size_t k = 0; k < all_words<Solver>().size(); ++k)
    if (solver_entry(Solver(k)).has(SolverTrait::jacobians))
      list += (list.empty() ? "" : " and ") + std::string(word_of(Solver(k)));
  return list;
}

}  // namespace

JacobianPlan plan_jacobians(const Jacobians* given, const Config& config, const std::string& layers, int64_t kept,
                            int64_t group) {
  if (!given)
    fail(ExitCode::config,
         fmt::format("acquisition \"{}\" needs the network's Jacobians, and none were given", config.name));
  const Jacobians& source = *given;
  JacobianPlan plan{choose_blocks(source, layers, config.name), 0, 0, 0, 0, 0, 0, 0, ""};
  int64_t widest = 0;  // parameters of the largest array
  for (size_t b = 0; b < plan.wanted.size(); ++b) {
    if (!plan.wanted[b]) continue;
    ++plan.arrays;
    plan.parameters += source.blocks()[b].parameters;
    widest = std::max(widest, source.blocks()[b].parameters);
  }
  plan.row_bytes = 4 * source.classes() * plan.parameters;
  plan.kept_bytes = kept * plan.row_bytes;
  const Jacobians::Bytes pass = source.bytes(plan.wanted);
  const int64_t panels = 8 * std::min(kCudaGramPanel, source.classes() * widest);  // of every row that is multiplied
  const int64_t k_ll = 16 * kept * kept, fixed = pass.fixed + kept * panels;
  const int64_t n = kept + group, per_group = 8 * (2 * group * kept + group * group + n * n);
  const int64_t per_item = pass.per_item + 2 * panels + (per_group + group - 1) / group;
  const int64_t free = config.memory_bytes - plan.kept_bytes - k_ll - fixed;
  const int64_t most = std::max(group, kMostChunkItems / group * group);
  plan.chunk = std::min(most, std::max<int64_t>(free, 0) / per_item / group * group);
  const int64_t chunk = std::max(plan.chunk, group);
  plan.kernel_bytes = k_ll + chunk / group * per_group;
  plan.working_bytes = fixed + chunk * (pass.per_item + 2 * panels);
  plan.text = fmt::format("{}: {} arrays of {} parameters x {} classes, {} per image; ", config.name, plan.arrays,
                          plan.parameters, source.classes(), size_of(plan.row_bytes));
  if (kept > 0) plan.text += fmt::format("{} for {} labelled images, ", size_of(plan.kept_bytes), kept);
  plan.text += fmt::format("{} for {} images at a time, {} for kernels: {} of {}", size_of(plan.working_bytes), chunk,
                           size_of(plan.kernel_bytes), size_of(plan.total_bytes()), size_of(config.memory_bytes));
  if (plan.chunk == 0)
    fail(ExitCode::out_of_memory,
         plan.text + ". Allow more (acquisition.memory_gb), or choose fewer layers (crc_layers) or the last one (crc)");
  return plan;
}

FullNtk::FullNtk(Context& context, const Jacobians& source, JacobianPlan plan, std::span<const int64_t> labeled)
    : context_(context), source_(source), plan_(std::move(plan)), labeled_(int64_t(labeled.size())) {
  const int64_t classes = source.classes();
  kept_.resize(source.blocks().size());
  for (size_t b = 0; b < kept_.size(); ++b) {
    const JacobianBlock& block = source.blocks()[b];
    if (!plan_.wanted[b]) continue;
    rank_ += block.rank;
    kept_[b] = Tensor(context, {1, labeled_, classes * block.parameters}, Dtype::f32, block.name);
  }
  for (int64_t begin = 0; begin < labeled_; begin += plan_.chunk) {
    const auto items = labeled.subspan(begin, std::min(plan_.chunk, labeled_ - begin));
    source.compute(context, items, plan_.wanted, [&](int64_t b, View<const float, 3> j) {
      const View<float, 3> all = kept_[b].view<float, 3>();
      const View<float, 2> rows{all.data, {labeled_, all.shape[2]}, all.device, all.name};
      context.copy(rows.slice(begin, begin + j.shape[0]).flat(), j.flat());
    });
  }
  k_ll_ = Tensor(context, {1, labeled_, labeled_}, Dtype::f64, "kernel of the labelled");
  for (size_t b = 0; b < kept_.size(); ++b) {
    if (!plan_.wanted[b]) continue;
    const View<const float, 3> j = kept_[b].view<const float, 3>();
    gram_accumulate(context, k_ll_.view<double, 3>(), j, j);
  }
  vectors_ = Tensor(context, {labeled_, labeled_}, Dtype::f64, "eigenvectors of the labelled");
  context.copy(vectors_.view<double, 1>(), k_ll_.view<const double, 1>());
  const Tensor lambda(context, {labeled_}, Dtype::f64, "eigenvalues of the labelled");
  eigvecs(context, lambda.view<double, 1>(), vectors_.view<double, 2>());
  lambda_ = lambda.to_host<double>(context);
  known_ = {lambda_, labeled_, rank_, noise(labeled_)};
}

FullNtk::Borders FullNtk::borders(const Groups& groups, int64_t begin, int64_t count) const {
  const int64_t g = groups.size;
  Borders result{Tensor(context_, {1, count * g, labeled_}, Dtype::f64, "kernel of groups and labelled"),
                 Tensor(context_, {count, g, g}, Dtype::f64, "kernel of groups")};
  const View<double, 3> k_gl = result.k_gl.view<double, 3>(), k_gg = result.k_gg.view<double, 3>();
  source_.compute(context_, std::span(groups.members).subspan(begin * g, count * g), plan_.wanted,
                  [&](int64_t b, View<const float, 3> j) {
                    if (labeled_ > 0) gram_accumulate(context_, k_gl, as_rows(j, 1), kept_[b].view<const float, 3>());
                    gram_accumulate(context_, k_gg, as_rows(j, count), as_rows(j, count));
                  });
  return result;
}

double FullNtk::noise(int64_t n) const { return std::max(double(n) * 0x1p-52, kRankTolerance); }

Tensor FullNtk::whole(const Borders& borders, int64_t count, int64_t size) const {
  const int64_t n = labeled_ + size;
  Tensor a(context_, {count, n, n}, Dtype::f64, "group matrices");
  const View<const double, 3> ll = k_ll_.view<const double, 3>(), gl = borders.k_gl.view<const double, 3>();
  bordered_matrices(context_, a.view<double, 3>(),
                    View<const double, 2>{ll.data, {labeled_, labeled_}, ll.device, ll.name},
                    View<const double, 2>{gl.data, {count * size, labeled_}, gl.device, gl.name},
                    borders.k_gg.view<const double, 3>());
  return a;
}

Tensor FullNtk::matrices(const Groups& groups, int64_t begin, int64_t count) const {
  return whole(borders(groups, begin, count), count, groups.size);
}

std::vector<double> FullNtk::by_spectra(const Borders& borders, int64_t count, int64_t size) const {
  const int64_t n = labeled_ + size, place = n - known_.place(size);
  const Tensor a = whole(borders, count, size), w(context_, {count, n}, Dtype::f64, "spectra");
  eigvals(context_, w.view<double, 2>(), a.view<double, 3>());
  const std::vector<double> spectra = w.to_host<double>(context_);
  std::vector<double> results;
  for (int64_t k = 0; k < count; ++k) {
    const double value = spectra[k * n + place], floor = noise(n) * spectra[k * n + n - 1] + known_.leak(size);
    results.push_back(value > floor ? value : 0.0);
  }
  return results;
}

std::vector<double> FullNtk::by_capacitance(const Borders& borders, int64_t count, int64_t size) const {
  const View<const double, 3> gl = borders.k_gl.view<const double, 3>();
  // The part of L that counts: the last rows of its eigenvectors.
  const int64_t rank = known_.rank, first = labeled_ - rank;
  const Tensor rotated(context_, {count * size, rank}, Dtype::f64, "rotated borders");  // K_gl Q
  gemm(context_, rotated.view<double, 2>(),
       View<const double, 2>{gl.data, {count * size, labeled_}, gl.device, gl.name},
       vectors_.view<const double, 2>().slice(first, labeled_), GemmConfig{.transpose_b = true});
  std::vector<int64_t> rows(count * size);
  std::iota(rows.begin(), rows.end(), 0);
  const double floor = noise(labeled_ + size);
  const Tensor lambda = Tensor::from_host(context_, {rank}, lambda_.data() + first, "lambda"),
               members = Tensor::from_host(context_, {count, size}, rows.data(), "members"),
               values(context_, {count}, Dtype::f64, "eigenvalues"),
               evaluations(context_, {count}, Dtype::i32, "evaluations");
  capacitance(
      context_, values.view<double, 1>(), evaluations.view<int32_t, 1>(), lambda.view<const double, 1>(),
      rotated.view<const double, 2>(), borders.k_gg.view<const double, 3>(), members.view<const int64_t, 2>(),
      CapacitanceConfig{.update = Update::bordered, .noise = floor, .top = known_.top + known_.leak(size) / floor});
  std::vector<double> results = values.to_host<double>(context_);
  const std::vector<int32_t> certified = evaluations.to_host<int32_t>(context_);
  if (std::ranges::any_of(certified, [](int32_t e) { return e < 0; })) {
    const std::vector<double> exact = by_spectra(borders, count, size);
    for (int64_t k = 0; k < count; ++k)
      if (certified[k] < 0) results[k] = exact[k];
  }
  return results;
}

std::vector<double> FullNtk::smallest(const Groups& groups, Solver solver) const {
  const int64_t size = groups.size, n = known_.rank + size, chunk = plan_.chunk / size;
  // Beyond the rank the smallest eigenvalues are zeros by number, which a count from below would have to step over.
  const bool fast = solver == Solver::capacitance && n <= rank_ && capacitance_pays(size, known_.rank, n);
  std::vector<double> results;
  for (int64_t begin = 0; begin < groups.count(); begin += chunk) {
    const int64_t count = std::min(chunk, groups.count() - begin);
    const Borders part = borders(groups, begin, count);
    const std::vector<double> values = fast ? by_capacitance(part, count, size) : by_spectra(part, count, size);
    results.insert(results.end(), values.begin(), values.end());
  }
  return results;
}

void check_by_jacobians(const Config& config, const Request& request, const std::string& layers) {
  check_groups(config);
  if (!solver_entry(config.solver).has(SolverTrait::jacobians))
    fail(ExitCode::config, fmt::format("acquisition \"{}\" has only the solvers {}, not \"{}\"", config.name,
                                       solvers_of_jacobians(), word_of(config.solver)));
  if (search_entry(config.search).has(SearchTrait::single_items))
    fail(ExitCode::config,
         fmt::format("search \"{}\" scores the whole pool once per pick: it is for the last layer (crc); use partition "
                     "or independent with \"{}\"",
                     word_of(config.search), config.name));
  plan_jacobians(request.jacobians, config, layers, request.labeled, config.group_size);
}

Selection select_by_jacobians(Context& context, const Problem& problem, const Config& config,
                              const std::string& layers) {
  const int64_t labeled = int64_t(problem.labeled.size());
  JacobianPlan plan = plan_jacobians(problem.jacobians, config, layers, labeled, config.group_size);
  const HostRows features = read_features(context, problem.features, config.name, {problem.labeled, problem.unlabeled});
  if (config.say) config.say(plan.text);
  const Copies copies(features, problem.labeled, problem.unlabeled);
  const FullNtk ntk(context, *problem.jacobians, std::move(plan), problem.labeled);
  Selection selection = select_groups(context, problem, config, copies, [&](std::span<const int64_t>) -> Scorer {
    return [&](View<const int64_t, 2> positions) {
      Groups groups{positions.shape[1], std::vector<int64_t>(positions.size())};
      context.copy_out(groups.members.data(), positions);
      for (int64_t& member : groups.members) member = problem.unlabeled[member];
      return ntk.smallest(groups, config.solver);
    };
  });
  const int64_t pool = labeled + int64_t(problem.unlabeled.size());
  selection.rank = std::min(ntk.rank(), pool);
  selection.labeled_rank = ntk.labeled_rank();
  selection.summary = summarize_groups(
      selection, problem, config,
      fmt::format("{} arrays of {} parameters, {}", ntk.plan().arrays, ntk.plan().parameters, word_of(config.solver)),
      ntk.rank());
  return selection;
}

}  // namespace crc::select
