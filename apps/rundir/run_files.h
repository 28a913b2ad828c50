// The files of one run, and manifest.json, which says what they are: length and XXH3-128 of every file that a later
// step or a reader uses, and the items of every query. Whoever uses such a file reads it here, so that damage is found
// where it would matter.
//
// labels.jsonl, metrics.jsonl and the answers to a query only grow, until the run is done: they are written first and listed then, by what they
// hold so far. A file that is replaced is listed before that, beside what it replaces, and alone afterwards. So at
// every moment, and after every kill, each file is what the manifest says, or not covered by it yet. Runs of earlier
// versions have none.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "apps/base/files.h"

namespace crc::apps {

struct FileSum {
  int64_t bytes = 0;
  std::string xxh3;
  bool operator==(const FileSum&) const = default;
};

struct Query {
  int64_t round = 0;           // that the answers are for
  std::string folder;          // of its files, below the run
  std::vector<int64_t> items;  // in the order in which the answers enter the ledger
  bool operator==(const Query&) const = default;
};

struct NamedFile {
  std::string name, content;
  bool for_people = false;  // what somebody made of it is kept
};

class RunFiles {
 public:
  static constexpr const char* kManifest = "manifest.json";
  static constexpr const char* kAnswers = "answers.jsonl";  // of a query, in its folder: apps/label/journal.h

  explicit RunFiles(fs::path run);                 // Error 65: the manifest and its copy are damaged
  static RunFiles create_for(const fs::path& run)  // of a run that is about to be: nothing is listed
  {
    return RunFiles(run, Fresh());
  }

  const fs::path& path() const { return path_; }
  const std::vector<std::string>& notes() const { return notes_; }  // damage for which the manifest's copy stood in
  bool has_manifest() const { return saves_ > 0; }
  std::vector<std::string> listed() const;
  const std::vector<Query>& queries() const { return queries_; }

  // Error 65: it is not what the run wrote, with what to do; 66: it is not there and nothing says that it should be.
  // A run that goes on meanwhile may replace it: never an error.
  std::string read(const std::string& name, int64_t max_bytes = int64_t(1) << 30);
  bool has(const std::string& name);  // Error 65: it is gone
  // What is wrong with it ("is missing", "was changed ..."); nothing: it is right, or not listed.
  std::optional<std::string> damage(const std::string& name);

  // For the process that holds the run's lock. Everything is on disk on return.
  void list(const std::string& name, std::string_view content);  // in the next save
  // Files in this order, and the query that they are of; with it, later rounds' queries are void. A file for people is
  // not replaced once somebody changed it, nor when the same query is asked again. Returns the names of those that are
  // not as they are listed.
  std::vector<std::string> commit(const std::vector<NamedFile>& files, const std::optional<Query>& query = {});
  void save();                                            // lists what grew, too
  void truncate(const std::string& name, int64_t bytes);  // of a file that grows

 private:
  struct Fresh {};
  RunFiles(fs::path run, Fresh) : path_(std::move(run)) {}
  bool reload();  // whether it has changed since
  std::optional<std::string> look(const std::string& name, std::string* content, int64_t max_bytes);
  void write_manifest(bool file_alone = false);

  fs::path path_;
  std::vector<std::string> notes_;
  int64_t saves_ = 0;
  std::map<std::string, std::vector<FileSum>> files_;  // what each may hold
  std::vector<Query> queries_;
};

std::string round_name(int64_t round, const std::string& file);  // rounds/NN/file, below the run

// A file that somebody names on the command line: if it is one of a run's, as that run's reader would read it.
std::string read_named_file(const fs::path& path);

std::string remedy(const std::string& name);  // what to do about a file of a run that is not what it should be

}  // namespace crc::apps
