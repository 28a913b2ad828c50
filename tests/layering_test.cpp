// Who may include whom: reads every source of the tree and fails on an edge that the design does not allow, naming
// file, line and rule.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

namespace crc::test {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

const Names kFolders{"kernels", "nn", "ssl", "crc", "data", "apps", "bench", "tests"};
const Names kSources{".h", ".cuh", ".cpp", ".cu", ".def"};

bool starts_with_any(const std::string& s, const Names& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(), [&](const std::string& p) { return s.starts_with(p); });
}

// Comments become blanks, and so do the contents of literals if asked; line breaks stay.
std::string blank(const std::string& source, bool literals) {
  std::string out = source;
  enum { code, line_comment, comment, string, character } state = code;
  for (size_t i = 0; i < source.size(); ++i) {
    const char c = source[i], next = i + 1 < source.size() ? source[i + 1] : '\0';
    const bool digit_separator = i > 0 && isalnum(source[i - 1]) && isalnum(next);
    if (state == code) {
      if (c == '/' && (next == '/' || next == '*')) {
        state = next == '/' ? line_comment : comment;
        out[i] = out[i + 1] = ' ';
        ++i;
      } else if (c == '"') {
        state = string;
      } else if (c == '\'' && !digit_separator) {
        state = character;
      }
    } else if (state == line_comment || state == comment) {
      const bool ends = state == line_comment ? c == '\n' : c == '*' && next == '/';
      if (c != '\n') out[i] = ' ';
      if (ends && state == comment) out[++i] = ' ';
      if (ends) state = code;
    } else if (c == (state == string ? '"' : '\'') || c == '\n') {
      state = code;
    } else {
      if (literals) out[i] = ' ';
      if (c == '\\') ++i;
    }
  }
  return out;
}

// Rooms of apps, and all layers below it.
Names in_apps(const Names& rooms) {
  Names to{"apps/base/", "kernels/", "nn/", "ssl/", "crc/", "data/"};
  for (const std::string& room : rooms) to.push_back("apps/" + room + "/");
  return to;
}

// One row: files whose path starts with `from` may include, of this project, what starts with one of `to`. The first
// row that matches decides.
struct Edge {
  std::string from;
  Names to;
};
const std::vector<Edge> kEdges{
    {"data/",
     {"data/", "kernels/core/error.h", "kernels/core/random.h", "kernels/core/hd.h", "kernels/core/half.h",
      "kernels/core/mapped_pages.h"}},
    {"kernels/core/", {"kernels/core/"}},
    {"kernels/", {"kernels/"}},
    {"nn/", {"nn/", "kernels/"}},
    {"ssl/", {"ssl/", "nn/", "kernels/"}},
    {"crc/", {"crc/", "kernels/"}},
    {"apps/base/", in_apps({})},
    {"apps/ranks/", in_apps({"ranks"})},
    {"apps/config/", in_apps({"config"})},
    {"apps/draw/", in_apps({"draw"})},
    {"apps/rundir/", in_apps({"config", "draw", "rundir"})},
    {"apps/gate/", in_apps({"config", "rundir", "gate"})},
    {"apps/watch/", in_apps({"config", "rundir", "watch"})},
    {"apps/train/", in_apps({"ranks", "config", "rundir", "watch", "train"})},
    {"apps/label/", in_apps({"config", "draw", "rundir", "label"})},
    {"apps/stats/", {"apps/stats/", "kernels/core/random.h"}},
    {"apps/sweep/", in_apps({"config", "rundir", "watch", "sweep"})},
    {"apps/jobs/", in_apps({"config", "rundir", "watch", "sweep", "jobs"})},
    {"apps/report/", in_apps({"config", "draw", "rundir", "watch", "train", "label", "sweep", "report"})},
    {"apps/evidence/", in_apps({"config", "draw", "rundir", "train", "stats", "sweep", "report", "evidence"})},
    {"apps/session/",
     in_apps({"ranks", "config", "draw", "rundir", "watch", "gate", "train", "label", "sweep", "report", "session"})},
    {"apps/select/", {"apps/base/", "apps/draw/", "apps/rundir/", "apps/select/", "crc/", "data/", "kernels/"}},
    {"apps/python/", {"apps/python/", "apps/session/", "crc/select.h", "kernels/core/error.h"}},
    {"apps/crc_bench.cpp", {"apps/base/", "bench/", "kernels/"}},
    {"apps/", {"apps/", "kernels/", "nn/", "ssl/", "crc/", "data/"}},
    {"bench/", {"apps/base/", "bench/", "kernels/", "nn/", "ssl/", "crc/", "data/"}},
    {"tests/", {""}},
};

const Names kCudaHeaders{
    "cuda",        "curand", "cudnn", "cublas", "cusolver", "cusparse",           "cufft",
    "nvtx3/",      "nvml",   "nccl",  "cub/",   "thrust/",  "cooperative_groups", "device_launch_parameters",
    "vector_types"};
const Names kMathHeaders{"dnnl", "oneapi/dnnl", "cblas", "lapacke", "openblas"};

std::string broken_rule(const std::string& path, const std::string& header, bool quoted) {
  const std::string extension = fs::path(path).extension();
  const bool cuda_source = extension == ".cu" || extension == ".cuh";
  const bool tests = path.starts_with("tests/"), bench = path.starts_with("bench/");
  if (starts_with_any(header, kCudaHeaders)) {
    const bool exception = path == "kernels/core/random.h" && header == "curand_philox4x32_x.h";
    if (path.starts_with("kernels/cuda/") || cuda_source || exception || path.starts_with("tests/emulator/") ||
        path.starts_with("tests/kernels/cuda/"))
      return "";
    return "CUDA headers are for kernels/cuda/ and *.cu alone";
  }
  if (starts_with_any(header, kMathHeaders)) {
    if (path.starts_with("kernels/cpu/") || (path.starts_with("kernels/ops/") && extension == ".cpp") || tests || bench)
      return "";
    return "oneDNN, CBLAS and LAPACKE headers are for kernels/cpu/ and kernels/ops/*.cpp alone";
  }
  const std::string folder = header.substr(0, header.find('/'));
  const bool ours =
      header.find('/') != std::string::npos && std::find(kFolders.begin(), kFolders.end(), folder) != kFolders.end();
  const bool elsewhere = tests || header == "crc_commit.h";  // the emulator's own tree; a generated header
  if (!ours) return quoted && !elsewhere ? "project headers are included by their path from the root" : "";
  for (const Edge& edge : kEdges) {
    if (!path.starts_with(edge.from)) continue;
    if (!starts_with_any(header, edge.to))
      return edge.from + " must not include " + fs::path(header).parent_path().string() + "/";
    break;
  }
  if (tests || bench) return "";
  const bool cpu_source = path.starts_with("kernels/cpu/") || (path.starts_with("kernels/") && extension == ".cpp");
  if (header.starts_with("kernels/cuda/") && cpu_source && !path.starts_with("kernels/cuda/"))
    return "the CPU's files must not include kernels/cuda/";
  if (header.starts_with("kernels/cpu/") && (cuda_source || path.starts_with("kernels/cuda/")))
    return "CUDA's files must not include kernels/cpu/";
  return "";
}

struct Findings {
  Names errors;                // "file:line: rule"
  int conditions_on_cuda = 0;  // preprocessor conditions on CRC_CUDA
};

// What is done in one place, so that it is done right everywhere.
struct OneWay {
  Names folders;
  std::regex pattern;
  std::string place, rule;
};

void check_one_way(const std::string& path, const std::string& line,
                   const std::function<void(const std::string&)>& report) {
  static const OneWay ways[] = {
      {{"apps/", "bench/", "data/"},
       std::regex(R"(\bfmt::print\b|\bstd::c(out|err)\b|\b(f|v|vf)?printf\(|\bf?puts\()"),
       "apps/base/terminal.cpp",
       "what a program says goes through apps/base/terminal.h, which loses nothing and escapes names"},
      {{"apps/", "bench/"},
       std::regex(R"(\.dump\()"),
       "apps/base/json.h",
       "JSON becomes text by apps/base/json.h, whatever bytes names are"},
      {{"apps/", "bench/", "data/"},
       std::regex(R"(\b(recursive_)?directory_iterator\b)"),
       "data/file.cpp",
       "folders are listed by data::list_folder, whose errors have exit codes"},
      {{"data/"},
       std::regex(R"(\bstd::[io]?fstream\b|\bfopen\(|::open\()"),
       "data/file.cpp",
       "files are read by data/file.h, and none is written: encoders return bytes"},
  };
  for (const OneWay& way : ways)
    if (starts_with_any(path, way.folders) && path != way.place && std::regex_search(line, way.pattern))
      report(way.rule);
}

void check_source(const std::string& path, const std::string& text, Findings& findings) {
  static const std::regex include(R"re(^\s*#\s*include\s*([<"])([^>"]+)[>"])re");
  static const std::regex condition(R"(^\s*#\s*(if|ifdef|ifndef|elif)\b.*\bCRC_CUDA\b)");
  const auto report = [&](int line, const std::string& what) {
    findings.errors.push_back(path + ":" + std::to_string(line) + ": " + what);
  };
  std::istringstream with_literals(blank(text, false)), code(blank(text, true));
  std::string line, bare;
  for (int n = 1; std::getline(with_literals, line) && std::getline(code, bare); ++n) {
    std::smatch match;
    if (std::regex_search(line, match, include)) {
      const std::string rule = broken_rule(path, match[2], match[1] == "\"");
      if (!rule.empty()) report(n, "includes " + match[2].str() + ": " + rule);
    }
    findings.conditions_on_cuda += std::regex_search(bare, condition);
    if (bare.find("<<<") != std::string::npos && path != "kernels/cuda/launch.cuh")
      report(n, "kernels are launched by launch() of kernels/cuda/launch.cuh alone");
    check_one_way(path, bare, [&](const std::string& rule) { report(n, rule); });
  }
}

void check_cmake(const std::string& path, const std::string& text, Findings& findings) {
  static const std::regex download(R"(FetchContent|ExternalProject|file\s*\(\s*DOWNLOAD)", std::regex::icase);
  std::istringstream lines(text);
  std::string line;
  for (int n = 1; std::getline(lines, line); ++n)
    if (std::regex_search(line.substr(0, line.find('#')), download))
      findings.errors.push_back(path + ":" + std::to_string(n) + ": the build never downloads");
}

// Every op is four neighbours: header, CPU, CUDA, test.
void check_neighbours(const std::map<std::string, std::string>& files, Findings& findings) {
  for (const auto& [path, text] : files) {
    const fs::path p = path;
    if (p.parent_path() != "kernels/ops" || p.extension() != ".h") continue;
    const std::string op = p.stem();
    for (const std::string& neighbour :
         {"kernels/ops/" + op + ".cpp", "kernels/ops/" + op + ".cu", "tests/kernels/ops/" + op + "_test.cpp"})
      if (!files.count(neighbour)) findings.errors.push_back(path + ":1: op without " + neighbour);
  }
}

// A room that a reader can take in; the programs alone stand outside one.
void check_rooms(const std::map<std::string, std::string>& files, Findings& findings) {
  constexpr int kMostFiles = 20;
  constexpr std::ptrdiff_t kMostLines = 400;
  std::map<fs::path, int> rooms;
  for (const auto& [path, text] : files) {
    const fs::path room = fs::path(path).parent_path();
    if (!path.starts_with("apps")) continue;
    if (room == "apps" && !fs::path(path).filename().string().starts_with("crc_"))
      findings.errors.push_back(path + ":1: belongs into a room of apps/");
    if (++rooms[room] == kMostFiles + 1)
      findings.errors.push_back(path + ":1: " + room.string() + " has more than " + std::to_string(kMostFiles) +
                                " files: divide it");
    if (std::ranges::count(text, '\n') > kMostLines)
      findings.errors.push_back(path + ":1: has more than " + std::to_string(kMostLines) + " lines: divide it");
  }
}

Findings check_tree(const std::map<std::string, std::string>& files) {
  Findings findings;
  for (const auto& [path, text] : files) {
    if (path.ends_with("CMakeLists.txt") || path.ends_with(".cmake"))
      check_cmake(path, text, findings);
    else
      check_source(path, text, findings);
  }
  check_neighbours(files, findings);
  check_rooms(files, findings);
  return findings;
}

std::map<std::string, std::string> read_tree() {
  const fs::path root = CRC_SOURCE_DIR;
  std::map<std::string, std::string> files;
  const auto add = [&](const fs::path& path) {
    const fs::path extension = path.extension();
    const bool source = std::find(kSources.begin(), kSources.end(), extension) != kSources.end();
    if (!source && extension != ".cmake" && path.filename() != "CMakeLists.txt") return;
    std::ifstream in(path, std::ios::binary);
    files[path.lexically_relative(root).generic_string()] = {std::istreambuf_iterator<char>(in), {}};
  };
  add(root / "CMakeLists.txt");
  Names folders = kFolders;
  folders.push_back("cmake");
  for (const std::string& folder : folders) {
    if (!fs::exists(root / folder)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root / folder))
      if (entry.is_regular_file()) add(entry.path());
  }
  return files;
}

TEST(Layering, TheTreeKeepsTheRules) {
  const auto files = read_tree();
  ASSERT_GT(files.size(), 50u) << "no sources below " << CRC_SOURCE_DIR;
  const Findings findings = check_tree(files);
  for (const std::string& error : findings.errors) ADD_FAILURE() << error;
  EXPECT_EQ(findings.conditions_on_cuda, 1) << "CRC_CUDA is asked for in kernels/core/backend.h alone";
}

// The findings for a tree of one file.
Names errors_of(const std::string& path, const std::string& text) { return check_tree({{path, text}}).errors; }
Names errors_of_include(const std::string& path, const std::string& header) {
  return errors_of(path, "// a\n#include " + header + "\n");
}

TEST(LayeringChecker, ReportsEveryBadEdge) {
  const std::string edges[][2] = {
      {"data/a.cpp", "\"kernels/core/tensor.h\""},
      {"data/a.cpp", "\"nn/wrn.h\""},
      {"kernels/core/a.h", "\"kernels/cpu/cpu.h\""},
      {"kernels/core/a.h", "\"kernels/ops/sgd.h\""},
      {"kernels/ops/a.cpp", "\"nn/wrn.h\""},
      {"kernels/ops/a.cpp", "\"kernels/cuda/cuda.h\""},
      {"kernels/augment/a.cpp", "\"kernels/cuda/cuda.h\""},
      {"kernels/cpu/a.h", "\"kernels/cuda/cuda.h\""},
      {"kernels/cuda/a.h", "\"kernels/cpu/cpu.h\""},
      {"kernels/ops/a.cu", "\"kernels/cpu/for_each.h\""},
      {"kernels/ops/a.cuh", "\"kernels/cpu/for_each.h\""},
      {"nn/a.h", "\"ssl/method.h\""},
      {"nn/a.h", "\"data/pool.h\""},
      {"ssl/a.h", "\"crc/score.h\""},
      {"ssl/a.h", "\"data/pool.h\""},
      {"crc/a.h", "\"nn/wrn.h\""},
      {"crc/a.h", "<ssl/trainer.h>"},
      {"apps/base/a.h", "\"apps/config/config.h\""},
      {"apps/config/a.h", "\"apps/rundir/ledger.h\""},
      {"apps/draw/a.h", "\"apps/rundir/rounds.h\""},
      {"apps/rundir/a.h", "\"apps/train/experiment.h\""},
      {"apps/watch/a.h", "\"apps/train/experiment.h\""},
      {"apps/train/a.h", "\"apps/report/summary.h\""},
      {"apps/sweep/a.h", "\"apps/train/experiment.h\""},
      {"apps/select/a.h", "\"apps/report/summary.h\""},
      {"apps/select/a.h", "\"ssl/trainer.h\""},
      {"apps/report/a.h", "\"apps/commands/commands.h\""},
      {"apps/report/a.h", "\"apps/evidence/result_table.h\""},
      {"apps/stats/a.h", "\"apps/base/files.h\""},
      {"apps/sweep/a.h", "\"apps/stats/paired.h\""},
      {"apps/session/a.h", "\"apps/commands/commands.h\""},
      {"apps/report/a.h", "\"apps/session/session.h\""},
      {"apps/python/a.cpp", "\"crc/query.h\""},
      {"apps/python/a.cpp", "\"kernels/core/tensor.h\""},
      {"apps/python/a.cpp", "\"apps/report/report.h\""},
      {"bench/a.h", "\"apps/config/config.h\""},
      {"nn/a.h", "\"tests/kernels/arrays.h\""},
      {"nn/a.h", "\"wrn.h\""},
      {"nn/a.cpp", "<cuda_runtime.h>"},
      {"kernels/core/a.h", "<curand_philox4x32_x.h>"},
      {"kernels/core/random.h", "<cuda_runtime.h>"},
      {"kernels/ops/a.cpp", "<cublas_v2.h>"},
      {"kernels/ops/a.h", "<dnnl.hpp>"},
      {"kernels/ops/a.cu", "<cblas.h>"},
      {"crc/a.cpp", "<lapacke.h>"},
  };
  for (const auto& [path, header] : edges) {
    const Names errors = errors_of_include(path, header);
    const bool op = path == "kernels/ops/a.h";  // lacks its neighbours as well
    ASSERT_EQ(errors.size(), op ? 4u : 1u) << path << " includes " << header;
    EXPECT_TRUE(errors[0].starts_with(path + ":2: includes ")) << errors[0];
  }
  EXPECT_EQ(errors_of_include("crc/a.h", "\"nn/wrn.h\""),
            (Names{"crc/a.h:2: includes nn/wrn.h: crc/ must not include nn/"}));
}

TEST(LayeringChecker, AllowsEveryGoodEdge) {
  const std::string edges[][2] = {
      {"data/a.cpp", "\"kernels/core/error.h\""},
      {"data/a.cpp", "\"data/pool.h\""},
      {"data/a.cpp", "<vector>"},
      {"kernels/core/random.h", "<curand_philox4x32_x.h>"},
      {"kernels/cpu/a.cpp", "<dnnl.hpp>"},
      {"kernels/ops/a.cpp", "<cblas.h>"},
      {"kernels/ops/a.cpp", "\"kernels/cpu/cpu.h\""},
      {"kernels/ops/a.cu", "\"kernels/cuda/launch.cuh\""},
      {"kernels/ops/a.cu", "<cuda_runtime.h>"},
      {"kernels/cuda/a.cpp", "<cudnn.h>"},
      {"nn/a.h", "\"kernels/ops/sgd.h\""},
      {"ssl/a.h", "\"nn/wrn.h\""},
      {"crc/a.h", "\"kernels/ops/gemm.h\""},
      {"apps/base/a.cpp", "\"data/file.h\""},
      {"apps/crc_train.cpp", "\"apps/commands/commands.h\""},
      {"apps/rundir/a.cpp", "\"apps/draw/contact_sheet.h\""},
      {"apps/report/a.cpp", "\"apps/sweep/sweep.h\""},
      {"tests/a.cpp", "\"kernels/cpu/cpu.h\""},
      {"tests/a.cpp", "<lapacke.h>"},
      {"data/a.cpp", "\"data/kernels/x.h\""},
  };
  for (const auto& [path, header] : edges)
    EXPECT_EQ(errors_of_include(path, header), Names{}) << path << " includes " << header;
}

TEST(LayeringChecker, SeesRoomsThatAreTooLarge) {
  std::map<std::string, std::string> files;
  for (int i = 0; i < 20; ++i) files["apps/base/" + std::to_string(i) + ".cpp"] = std::string(400, '\n');
  EXPECT_EQ(check_tree(files).errors, Names{});
  files["apps/base/one_more.h"] = std::string(401, '\n');
  EXPECT_EQ(check_tree(files).errors.size(), 2u);
  EXPECT_EQ(errors_of("apps/lonely.h", "").size(), 1u);
}

TEST(LayeringChecker, SeesWhatHasOneWay) {
  for (const std::string text : {"fmt::print(\"x\");", "std::cerr << 1;", "printf(\"x\");", "text = json.dump();",
                                 "for (auto& e : fs::directory_iterator(p))", "fs::recursive_directory_iterator(p)"})
    EXPECT_EQ(errors_of("apps/base/a.cpp", text).size(), 1u) << text;
  for (const std::string text : {"print(\"x\");", "// fmt::print", "snprintf(b, n, \"x\");", "f(\"std::cout\");"})
    EXPECT_EQ(errors_of("apps/base/a.cpp", text), Names{}) << text;
  EXPECT_EQ(errors_of("data/file.cpp", "fs::directory_iterator at;"), Names{});
  for (const std::string text : {"std::ofstream(path) << 1;", "std::ifstream in(path);", "fopen(path, \"r\");"})
    EXPECT_EQ(errors_of("data/a.cpp", text).size(), 1u) << text;
}

TEST(LayeringChecker, SeesLaunchesConditionsDownloadsAndMissingNeighbours) {
  EXPECT_EQ(errors_of("nn/a.cu", "f<<<1, 2>>>();").size(), 1u);
  EXPECT_EQ(errors_of("kernels/cuda/launch.cuh", "f<<<1, 2>>>();"), Names{});
  EXPECT_EQ(errors_of("nn/a.cu", "// f<<<1, 2>>>()\n/* <<<\n */ const char* s = \"<<<\"; int n = 1'000;"), Names{});
  EXPECT_EQ(errors_of("nn/a.cu", "const char c = '\"'; f<<<1, 2>>>();").size(), 1u);
  EXPECT_EQ(errors_of("nn/a.h", "/*\n#include \"ssl/method.h\"\n*/"), Names{});

  const std::string condition =
      "#if CRC_CUDA\n# ifdef CRC_CUDA\n#elif defined(CRC_CUDA)\n// #if CRC_CUDA\n#if CRC_CUDA_X\n";
  EXPECT_EQ(check_tree({{"nn/a.h", condition}}).conditions_on_cuda, 3);

  for (const std::string text : {"include(FetchContent)", "ExternalProject_Add(x)", "file( DOWNLOAD http://x y)"})
    EXPECT_EQ(errors_of("cmake/a.cmake", text).size(), 1u) << text;
  EXPECT_EQ(errors_of("CMakeLists.txt", "# never FetchContent"), Names{});

  EXPECT_EQ(errors_of("kernels/ops/a.h", ""),
            (Names{"kernels/ops/a.h:1: op without kernels/ops/a.cpp", "kernels/ops/a.h:1: op without kernels/ops/a.cu",
                   "kernels/ops/a.h:1: op without tests/kernels/ops/a_test.cpp"}));
  EXPECT_EQ(check_tree({{"kernels/ops/a.h", ""},
                        {"kernels/ops/a.cpp", ""},
                        {"kernels/ops/a.cu", ""},
                        {"tests/kernels/ops/a_test.cpp", ""}})
                .errors,
            Names{});
}

}  // namespace
}  // namespace crc::test
