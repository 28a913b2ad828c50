// Acquisition: which items of the unlabelled pool to label next. An acquisition is one file in crc/acquisitions/ and
// one line in crc/acquisitions.def. It sees features and logits as views and knows no trainer.
//
// Every acquisition: picks exactly `budget` distinct items of `unlabeled`, best first; decides ties at random
// (crc/ties.h), and says so where they decide much; depends on neither the order of the lists nor the number of
// threads; draws random numbers by (seed, round) alone.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "crc/host_rows.h"
#include "crc/jacobians.h"
#include "crc/progress.h"
#include "kernels/core/choice.h"
#include "kernels/core/context.h"

namespace crc::select {

class Checkpoint;  // crc/checkpoint.h
struct Shards;     // crc/sharded_rows.h

// The last linear layer: logits = weight features + bias.
struct Head {
  View<const float, 2> weight = {};  // [C,D]
  View<const float, 1> bias = {};    // [C]; empty: none
};

// What the run's model is worth, larger is better, when these items of the pool are labelled too.
using Worth = std::function<double(std::span<const int64_t> items)>;

// Arrays on the context's device; row i belongs to item id i. An acquisition that needs an empty array says so.
struct Problem {
  Rows features;                                // [N,D] input of the last linear layer, eval mode, no augmentation
  Rows logits;                                  // [N,C]
  std::span<const int64_t> labeled, unlabeled;  // item ids, disjoint; acquisitions get them ascending
  int64_t classes = 1;                          // C: only scales the scores of crc
  const Jacobians* jacobians = nullptr;         // of the network: only for egl, crc_layers and crc_full
  std::span<const int32_t> labels = {};         // [L] classes of `labeled`, in its order; empty: unknown
  View<const float, 3> samples = {};            // [S,N,C] logits of S stochastic passes
  Head head = {};
  // [N], in host memory, finite, not negative: how much item i counts; empty: 1 each. Where Trait::weights says so, and
  // as each file says how; 0: comes last.
  std::span<const double> weights = {};
  // Where rows lie in several processes, as Trait::shards allows: `features` and `logits` are empty then, and all else
  // is the same in every process.
  const Shards* shards = nullptr;
  Worth worth = {};  // only for oracle
};

// Weights of `items`, in their order.
std::vector<double> weights_of(const Problem& problem, std::span<const int64_t> items);

// How groups are found (crc/batch_mode.h).
enum class Search : uint8_t {
#define CRC_SEARCH(name, trait, description) name,
#include "crc/searches.def"
#undef CRC_SEARCH
};
inline constexpr std::string_view kSearchWords[] = {
#define CRC_SEARCH(name, trait, description) #name,
#include "crc/searches.def"
#undef CRC_SEARCH
};
constexpr Words words_of(Search) { return kSearchWords; }

// The eigenvalue solver of crc (crc/score.h).
enum class Solver : uint8_t {
#define CRC_SOLVER(name, word, traits, description) name,
#include "crc/solvers.def"
#undef CRC_SOLVER
};
inline constexpr std::string_view kSolverWords[] = {
#define CRC_SOLVER(name, word, traits, description) word,
#include "crc/solvers.def"
#undef CRC_SOLVER
};
constexpr Words words_of(Solver) { return kSolverWords; }

struct Config {
  std::string name = "crc";
  int64_t budget = 0;      // Q: items to pick
  int64_t group_size = 1;  // G, divides Q; only for acquisitions that score groups
  Search search = Search::partition;
  int64_t candidates = 0;                // independent: groups to draw; 0 means floor(|U|/G)
  std::vector<int64_t> given = {};       // Search::given: [K*G] item ids, group after group
  Solver solver = Solver::capacitance;   // crc/score.h
  double radius = 0;                     // delta of probcover and dcom, h of herding kernels; 0: each one's own rule
  std::string layers = "fc bn1 block3";  // crc_layers: which (crc/jacobians.h)
  int64_t partitions = 1;                // Trait::partitions: parts picked from by themselves first (crc/coverage.h)
  int64_t bait_top = 0;                  // bait: over so many of an item's likeliest classes; 0: over all
  int64_t memory_bytes = 8ll << 30;      // what Jacobians may take, and bait
  uint32_t seed = 0;
  int64_t round = 0;                                 // of acquisitions; another round draws other numbers
  std::function<void(const std::string&)> say = {};  // hears what a long acquisition will take, before it starts
  Progress progress = {};                            // hears where it stands
  std::vector<int32_t> parts = {};                   // [N] of Trait::quotas: each item's part; empty: no quotas
  int64_t quota = 0;                                 // most picks of a part (crc/quotas.h)
  Checkpoint* checkpoint = nullptr;                  // keeps what long passes brought; null: nothing does
};

struct Group {
  std::vector<int64_t> items;  // ascending
  double score;
};

struct Selection {
  std::vector<int64_t> picks;         // [Q], best first
  std::vector<Group> groups;          // what was picked, best first; groups of one for item-wise acquisitions
  int64_t group_size = 1;             // of the candidates
  std::vector<int64_t> candidates;    // [K*group_size] item ids; empty if more than kListedMembers
  std::vector<double> scores;         // [K], larger is better; of greedy and exchange: single items, at first
  std::string summary;                // one line for logs
  std::vector<std::string> warnings;  // what whoever trusts the picks should know, a sentence each
  bool gains = false;                 // scores of picks are what each adds to one sum, and never grow
  // crc only:
  int64_t rank = 0;               // of the pool's features with a 1 appended, at most D+1
  int64_t labeled_rank = 0;       // of the labelled items' (crc/labeled_rank.h)
  int64_t constant_features = 0;  // features with one value on the whole pool: they lower the rank for every group
  int64_t below_noise = 0;        // candidates whose score is below its noise floor and counts as 0
  int64_t copies = 0;             // listed candidates that hold an item twice, or a copy of a labelled one
  int64_t duplicates = 0;         // unlabelled items that are equal to a labelled one or to one of smaller id
  double achieved = 0;            // the score of L with all picks: comparable between searches
  double noise_floor = 0;         // of `achieved`: below it it counts as 0
};

// More members than this, of all candidates together, are drawn anew where they are needed and never listed.
inline constexpr int64_t kListedMembers = 1 << 24;

// A query by its sizes, before there is anything to score.
struct Request {
  int64_t labeled = 0, unlabeled = 0;    // items
  const Jacobians* jacobians = nullptr;  // asked for their sizes only
  bool worth = false;                    // there will be Problem::worth
};

enum class Trait : unsigned {
  nothing = 0,
  features = 1,       // it looks at these arrays
  logits = 2,         //
  jacobians = 4,      // of the network
  groups = 8,         // it scores groups of config.group_size, found by config.search; others score items
  radius = 16,        // it takes config.radius
  labels = 32,        // it looks at the classes of what is labelled
  samples = 64,       // at the logits of several stochastic passes
  head = 128,         // at the last linear layer
  weights = 256,      // at problem.weights
  quotas = 512,       // it keeps config.quota for each of config.parts
  partitions = 1024,  // it takes config.partitions
  shards = 2048,      // its pool may lie in several processes
  worth = 4096,       // at labels that nobody has given yet, through problem.worth
};

struct Acquisition {
  const char* name;
  const char* description;
  const char* source;
  unsigned traits;
  bool has(Trait trait) const { return traits & unsigned(trait); }
  void (*check)(const Config&, const Request&);                  // its own part of check_request
  Selection (*select)(Context&, const Problem&, const Config&);  // lists ascending, everything checked
};

std::span<const Acquisition> acquisitions();
bool is_known(const std::string& acquisition);
const Acquisition& find_acquisition(const std::string& name);  // Error config: unknown

// It looks at features, not at a model or at labels, and picks items: it can choose before there is a network.
bool needs_features_alone(const Acquisition& acquisition);

// Trait::groups of that name. Error config: unknown.
bool scores_groups(const std::string& acquisition);

// All that select() refuses whatever the arrays hold. Errors: config (unknown names; a budget outside [1,|U|]; G does
// not divide Q, ...), out_of_memory (Jacobians that config.memory_bytes does not hold).
void check_request(const Config& config, const Request& request);

// Checks the problem, then runs config.name. Errors: those of check_request; config (an item listed twice or outside
// the arrays), numerical (NaN or infinity in a row of the pool, or a score that leaves the range of fp64: names the
// item).
Selection select(Context& context, const Problem& problem, const Config& config);

// The classes of problem.labeled. Error config: something is labelled, and its classes are not given.
std::span<const int32_t> needed_labels(const Problem& problem, const Config& config);

// For acquisitions that score each item: the `budget` items of problem.unlabeled with the largest scores [|U|], where
// 0 is what says nothing if there are weights.
Selection best_items(const Problem& problem, const Config& config, std::vector<double> scores);

// Error numerical: score k, of the items [k*size, (k+1)*size), is not finite; names them.
void check_scores(const Config& config, std::span<const double> scores, std::span<const int64_t> items, int64_t size);

// Appends a warning where ties of scores leave more to chance than a query holds.
void warn_of_ties(Selection& selection, const Config& config);

}  // namespace crc::select
