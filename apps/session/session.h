// A run of active learning for a host program, call by call: the same directory, ledger and bits as `crc_train` makes.
// Between two calls nothing is held, and the state is the directory's: a run begun here goes on there, and the other
// way round. Nothing is printed; errors are crc::Error with the texts and codes of the programs. Calls for different
// directories may run on different threads; of two for one directory the second is refused (73).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "kernels/core/error.h"
#include "nn/safetensors.h"

namespace crc::apps {

// Who looks on; each may be empty. They are called on the thread that called, and must not throw.
struct Watch {
  // What is running ("round 2/5 epoch 17/350"), how far (steps of the whole run), and the rest ("acc 91.20 %").
  std::function<void(const std::string& label, int64_t done, int64_t total, const std::string& detail)> progress;
  std::function<void(const std::string& message, bool warning)> message;
  std::function<bool()> stop;  // asked several times a second; true ends training after a checkpoint
};

class Session {
 public:
  // An existing run. `settings` ("key=value") move it: device, threads, folders. Error 66: no run.
  explicit Session(std::string directory, std::vector<std::string> settings = {});

  // A new run, in which nothing has begun. `config`: a TOML file, a recipe, a preset, or empty; `settings` override it.
  // `data`: a folder of arrays that becomes <directory>/data; empty: none. Errors as crc_train run.
  static Session create(const std::string& directory, const std::string& config,
                        const std::vector<std::string>& settings, const std::string& data = {});

  const std::string& directory() const { return directory_; }

  struct State {
    std::string marker;  // "DONE", "WAITING", "PREEMPTED" or "": it was killed, has not begun, or is at work
    std::vector<std::string> class_names;
    std::string config, rounds, metrics;       // texts of config.toml, rounds.csv and metrics.jsonl
    std::vector<std::vector<int64_t>> labels;  // [labels] of item, class, round, in the ledger's order
    int64_t queries = 0;                       // asked so far
  };
  State state() const;

  // Trains, queries and trains again, from wherever the run stands: ok (it is done), waiting_for_labels, or preempted
  // (watch.stop).
  ExitCode train(const Watch& watch) const;

  struct Asked {
    int64_t round = 0;               // that the answers are for
    std::string folder;              // of its files, below the run
    std::vector<int64_t> items;      // [Q], best group first
    std::vector<std::string> files;  // [Q] names, where images are files; else empty
    int64_t height = 0, width = 0;   // 0: embeddings
    std::vector<uint8_t> pixels;     // [Q,H,W,3]
    int64_t features = 0;            // D
    std::vector<float> rows;         // [Q,D], scaled as the run sees them
  };
  // The k-th query, from 0; -1: the newest. Error 66: nothing was asked yet.
  Asked query(int64_t k = -1) const;

  struct Label {
    int64_t item;
    int64_t class_index;  // -1: by its name
    std::string class_name;
  };
  // Answers the query that the run waits for, all of it or some: what is said is kept, and while items are open the run
  // goes on waiting. The ledger's source is `source`. Returns what a person should know, open items among it. Errors,
  // with nothing recorded: 64 (it does not wait), 65 (no such item or class).
  std::vector<std::string> label(const std::vector<Label>& labels, const std::string& source) const;

  struct Predicted {
    int64_t count = 0, classes = 0, features = 0;
    std::vector<float> logits;  // [N,C]
    std::vector<float> rows;    // [N,D] input of the last layer
    std::vector<std::string> notes;
  };
  // By the last or best epoch (`best`) of a finished round; -1: the last one. Errors: 66 (no round), 64 (images of
  // another size, numbers that are not finite).
  Predicted predict(int64_t height, int64_t width, std::vector<uint8_t> pixels, int64_t round, bool best) const;
  Predicted predict(int64_t features, std::vector<float> rows, int64_t round, bool best) const;

 private:
  struct Unchecked {};
  Session(std::string directory, std::vector<std::string> settings, Unchecked);
  template <class Make> Predicted judge(int64_t round, bool best, const Make& images) const;

  std::string directory_;
  std::vector<std::string> settings_;
};

// What there is to choose with, by the registry: traits are the words of select::Trait that it has.
struct AcquisitionRow {
  std::string name, description, source;
  std::vector<std::string> traits;
};
std::vector<AcquisitionRow> acquisition_table();

// A weights file. Errors: 66, 65 on reading; those of any output on writing, whole or not at all.
nn::TensorFile load_tensors(const std::string& path);
void save_tensors(const std::string& path, nn::TensorFile file);

}  // namespace crc::apps
