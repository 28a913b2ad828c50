// What a program's command line takes: options and commands, declared where they are used. Values are checked in
// words, an empty one is no value, and an unknown word is answered with the ones that it may have meant. The library
// behind it is CLI11, which takes long to compile: once, in command_line.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kernels/core/choice.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace crc::apps {

inline constexpr int64_t kMaxCount = 1'000'000'000'000;

class CommandOption {
 public:
  explicit CommandOption(CLI::Option* option) : option_(option) {}

  CommandOption& required();
  CommandOption& in(int64_t low, int64_t high);  // "-3 is not a whole number from 0 to 4096"
  CommandOption& between(double low, double high);
  CommandOption& one_of(const std::vector<std::string>& words);
  CommandOption& shows_default();  // in --help: the value that it has now, or this text
  CommandOption& shows_default(const std::string& text);
  CommandOption& repeated();  // of a list: each time with one value
  CommandOption& separated_by(char separator);
  CommandOption& needs(const CommandOption& other);
  CommandOption& excludes(const CommandOption& other);

 private:
  CLI::Option* option_;
};

class Command {
 public:
  explicit Command(CLI::App* app) : app_(app) {}

  // "--name", "--name,-n", or "name" by its place. T: std::string, fs::path, int, int64_t, uint32_t, double, or a
  // vector of the first two or of int64_t. `value` outlives the parsing.
  template <class T> CommandOption option(const std::string& names, T& value, const std::string& help);
  // One of the words of E, an enum of kernels/core/choice.h; --help shows them, and what `value` is now.
  template <Choice E> CommandOption choice(const std::string& names, E& value, const std::string& help) {
    return choose(
        names, all_words<E>(), size_t(value), [&value](size_t k) { value = E(k); }, help);
  }
  CommandOption flag(const std::string& names, bool& value, const std::string& help);

  Command command(const std::string& name, const std::string& help);  // one of its own
  void examples(const std::string& lines);  // end its --help, and that of commands declared in it afterwards
  void needs_command();
  void run(std::function<void()> action);  // once it has been named and everything fits

 private:
  CommandOption choose(const std::string& names, Words words, size_t now, std::function<void(size_t)> set,
                       const std::string& help);
  CLI::App* app_;
};

class CommandLine {
 public:
  CommandLine(const std::string& program, const std::string& description, const std::string& footer);
  ~CommandLine();

  Command& top() { return top_; }

  // Runs the command that was named. False when the question was --help or --version, which is answered then. What is
  // wrong is Error 64 and names the help to read.
  bool parse(int argc, char** argv);

 private:
  std::unique_ptr<CLI::App> app_;
  Command top_;
};

}  // namespace crc::apps
