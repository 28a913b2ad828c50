// Which items of a pool to label next: the library's one public header. Arrays of whoever has them go in, picks come
// out; the same picks and scores, bit for bit, as of the program crc_select and of the Python package crc_active.
//
//   crc_active::Problem problem;
//   problem.features = {crc_active::rows(features.data(), 50000, 128)};
//   crc_active::Selection found = crc_active::select(problem, {.budget = 50});
//
// Nothing is printed, no signal is handled, and a call leaves the numbers of threads of OpenMP and OpenBLAS as it found
// them. Any number of threads may select at the same time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace crc_active {
inline namespace v1 {

// What is wrong, with values and names, then what to do. `exit_code` is what crc_select would end with (64 usage, 65
// wrong array, 69 no such device, 71 out of memory, 75 stopped, 76 not finite, 78 impossible request).
class Error : public std::runtime_error {
 public:
  Error(int exit_code, const std::string& message) : std::runtime_error(message), exit_code_(exit_code) {}
  int exit_code() const { return exit_code_; }

 private:
  int exit_code_;
};

enum class Type : uint8_t { f16, bf16, f32, f64 };

// An array that the caller owns. On the CPU, fp32 and fp64 in C order are used where they stand; so are those on the
// GPU that selects. Anything else is converted once, block by block: fp64 stays fp64, other types become fp32.
struct Array {
  const void* data = nullptr;
  Type type = Type::f32;
  std::vector<int64_t> shape = {};
  std::vector<int64_t> strides = {};  // in elements; empty: C order
  int cuda = -1;                      // the GPU that holds it; -1: host memory
  std::string name = {};              // in errors; empty: what it is given as
};
inline Array rows(const float* data, int64_t items, int64_t columns) { return {data, Type::f32, {items, columns}}; }
inline Array rows(const double* data, int64_t items, int64_t columns) { return {data, Type::f64, {items, columns}}; }

// Row i of every array is item i. N items, D features, C classes. An acquisition says what it misses.
struct Problem {
  std::vector<Array> features = {};       // [N,D] input of the last linear layer; several: row ranges, in order
  std::vector<Array> logits = {};         // [N,C], in the same way
  Array samples = {};                     // [S,N,C] logits of S stochastic passes
  Array head = {}, bias = {};             // [C,D] and [C] of the last linear layer
  std::span<const int64_t> labeled = {};  // items, in any order
  std::span<const int32_t> labels = {};   // classes of `labeled`, in its order; empty: unknown
  std::optional<std::span<const int64_t>> unlabeled = {};  // to choose from; none: all that are not labelled
  std::span<const int64_t> candidates = {};    // groups of `group_size` items, one after the other, for search "given"
  std::span<const double> weights = {};        // [N] how much each item counts; empty: 1 each
  std::span<const double> class_weights = {};  // [C] the same, by the class that the logits predict
  int64_t classes = 0;                         // scales the scores of crc; 0: as the arrays say
};

// The words and numbers of crc_select's options, which docs/selecting.md explains.
struct Options {
  int64_t budget = 0;  // items to pick
  std::string acquisition = "crc";
  int64_t group_size = 1;
  std::string search = "partition", solver = "capacitance";
  int64_t draws = 0;  // groups that search "independent" draws; 0: items / group_size
  double radius = 0;  // 0: the acquisition's own rule
  int64_t bait_top = 0, partitions = 1;
  int64_t quota = 0, per_cluster = 0;  // most picks of a class, or of each of so many clusters; 0: no quotas
  uint32_t seed = 0;
  int64_t round = 0;
  bool represents = false;      // say which labelled or picked item each one is nearest to
  std::string device = "auto";  // auto (the GPU that holds an array, or any, or the CPU), cpu, cuda, cuda:N
  int threads = 0;              // of the CPU; 0: as many as OpenMP would start for the caller
  // All are called by the thread that selects; what they throw ends the selection and reaches the caller.
  std::function<void(const std::string&)> say = {};                                  // what a long one will take
  std::function<void(const char* what, int64_t done, int64_t total)> progress = {};  // where it stands, often
  std::function<bool()> stop = {};  // asked every few milliseconds; true ends the selection with exit code 75
};

struct Group {
  std::vector<int64_t> items;  // ascending
  double score = 0;
};

// Every item of the pool with the labelled or picked one that it is nearest to.
struct Represents {
  std::vector<int64_t> items, by;  // [M] ascending; a labelled or picked item is its own
  std::vector<double> distances;   // [M] Euclidean, on the features
};

struct Selection {
  std::vector<int64_t> picks = {};           // [budget], best first
  std::vector<Group> groups = {};            // what was picked, best first
  int64_t group_size = 1;                    // of the candidates
  std::vector<int64_t> candidates = {};      // [K*group_size]; empty where they are too many to be kept
  std::vector<double> scores = {};           // [K], larger is better
  std::string summary = {};                  // one line
  std::string outlook = {};                  // what more labels bring; may be empty
  std::vector<std::string> warnings = {};    // what whoever trusts the picks should know
  std::vector<std::string> notes = {};       // options without effect
  std::vector<std::string> copied = {};      // arrays that were converted or moved to another device
  std::string device = {};                   // "cpu, 8 threads", and for "auto" why no GPU
  Represents represents = {};                // empty unless asked for
  std::map<std::string, double> facts = {};  // of crc: rank, labeled_rank, achieved, noise_floor, ...
  double seconds = 0;                        // from the call to its end
};

// Errors: Error; std::bad_alloc where it is memory that is missing.
Selection select(const Problem& problem, const Options& options);

// What an acquisition of one's own is asked.
struct Question {
  Array features = {}, logits = {};                       // in host memory, fp32 or fp64, C order; data null: not given
  std::span<const int64_t> labeled = {}, unlabeled = {};  // ascending
  std::span<const int32_t> labels = {};                   // of `labeled`; empty: unknown
  int64_t classes = 1, budget = 0, round = 0;
  uint32_t seed = 0;
};
// One of both: a score for each of `unlabeled`, of which the largest are picked (equal ones at random); or `budget`
// items of `unlabeled`, best first.
struct Answer {
  std::vector<double> scores = {};
  std::vector<int64_t> picks = {};
};
// From now on `name` is an acquisition of this process, for select() and for training runs. Error: the name is taken by
// one of ours, or is no word of letters, digits and underscores. A second function of one name replaces the first.
void register_acquisition(const std::string& name, std::function<Answer(const Question&)> ask);

std::vector<std::string> acquisitions();  // by name, with those registered
std::string version();

}  // namespace v1
}  // namespace crc_active
