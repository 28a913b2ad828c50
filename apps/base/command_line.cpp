#include "apps/base/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <sstream>

#include "apps/base/terminal.h"
#include "apps/base/version.h"
#include "data/text.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

template <class T> CLI::Validator in_range(T low, T high, const std::string& kind) {
  const std::string range = fmt::format("from {} to {}", low, high);
  return {[=](std::string& text) {
            const auto value = data::parse<T>(text);
            if (value && *value >= low && *value <= high) return std::string();
            return fmt::format("{} is not a {} {}", data::legible(text), kind, range);
          },
          range};
}

std::vector<std::string> options_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back(name);
  return names;
}

std::vector<std::string> commands_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(command->get_name());
  return names;
}

std::string hint(std::string_view word, std::vector<std::string> names, const char* before = "") {
  names = data::nearest_words(word, names);
  for (std::string& name : names) name = before + name;
  return data::did_you_mean(names);
}

// The first word that nothing took, and what it may have meant. `app` is the command that was reached.
std::string unexpected(const CLI::App& app, const std::string& word) {
  if (!word.starts_with("-") && !commands_of(app).empty())
    return fmt::format("there is no command {}{}", data::legible(word), hint(word, commands_of(app)));
  const std::string name = word.substr(0, word.find('='));
  return fmt::format("The following argument was not expected: {}{}", data::legible(name),
                     name.starts_with("--") ? hint(name.substr(2), options_of(app), "--") : "");
}

// An unset variable of a script (--out "$OUT") is no name and no value.
void refuse_empty_values(CLI::App& app) {
  for (CLI::Option* option : app.get_options())
    if (option->get_items_expected_max() > 0)
      option->check(CLI::Validator(
          [](std::string& text) { return std::string(text.empty() ? "is empty: give a value, or leave it out" : ""); },
          ""));
  for (CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) refuse_empty_values(*command);
}

// --help and --version.
void print_answer(const CLI::App& app, const CLI::Success& success) {
  std::ostringstream text;
  app.exit(success, text, text);
  print_text(text.str());
}

void parse_words(CLI::App& app, int argc, char** argv) {
  refuse_empty_values(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success&) {
    throw;
  } catch (const CLI::ParseError& error) {
    const CLI::App* reached = &app;
    std::string help = app.get_name();
    while (!reached->get_subcommands().empty()) {
      reached = reached->get_subcommands().front();
      help += " " + reached->get_name();
    }
    const std::vector<std::string> left = app.remaining(true);
    fail(ExitCode::usage,
         fmt::format("{}; see {} --help", left.empty() ? error.what() : unexpected(*reached, left[0]), help));
  }
}

}  // namespace

CommandOption& CommandOption::required() { return option_->required(), *this; }
CommandOption& CommandOption::in(int64_t low, int64_t high) {
  return option_->check(in_range(low, high, "whole number")), *this;
}
CommandOption& CommandOption::between(double low, double high) {
  return option_->check(in_range(low, high, "number")), *this;
}
CommandOption& CommandOption::one_of(const std::vector<std::string>& words) {
  const std::string list = data::join(words);
  const auto refuse = [=](std::string& word) {
    if (std::ranges::find(words, word) != words.end()) return std::string();
    return fmt::format("{} is not one of {}{}", data::legible(word), list, hint(word, words));
  };
  return option_->check(CLI::Validator(refuse, "{" + list + "}")), *this;
}
CommandOption& CommandOption::shows_default() { return option_->capture_default_str(), *this; }
CommandOption& CommandOption::shows_default(const std::string& text) { return option_->default_str(text), *this; }
CommandOption& CommandOption::repeated() { return option_->allow_extra_args(false)->take_all(), *this; }
CommandOption& CommandOption::separated_by(char separator) { return option_->delimiter(separator), *this; }
CommandOption& CommandOption::needs(const CommandOption& other) { return option_->needs(other.option_), *this; }
CommandOption& CommandOption::excludes(const CommandOption& other) { return option_->excludes(other.option_), *this; }

template <class T> CommandOption Command::option(const std::string& names, T& value, const std::string& help) {
  return CommandOption(app_->add_option(names, value, help));
}
template CommandOption Command::option(const std::string&, std::string&, const std::string&);
template CommandOption Command::option(const std::string&, std::filesystem::path&, const std::string&);
template CommandOption Command::option(const std::string&, int&, const std::string&);
template CommandOption Command::option(const std::string&, int64_t&, const std::string&);
template CommandOption Command::option(const std::string&, uint32_t&, const std::string&);
template CommandOption Command::option(const std::string&, double&, const std::string&);
template CommandOption Command::option(const std::string&, std::vector<std::string>&, const std::string&);
template CommandOption Command::option(const std::string&, std::vector<std::filesystem::path>&, const std::string&);
template CommandOption Command::option(const std::string&, std::vector<int64_t>&, const std::string&);

CommandOption Command::choose(const std::string& names, Words words, size_t now, std::function<void(size_t)> set,
                              const std::string& help) {
  const auto find = [=](const std::string& word) { set(size_t(std::ranges::find(words, word) - words.begin())); };
  CommandOption option(app_->add_option_function<std::string>(names, find, help));
  return option.one_of({words.begin(), words.end()}).shows_default(std::string(words[now]));
}

CommandOption Command::flag(const std::string& names, bool& value, const std::string& help) {
  return CommandOption(app_->add_flag(names, value, help));
}
Command Command::command(const std::string& name, const std::string& help) {
  return Command(app_->add_subcommand(name, help));
}
void Command::examples(const std::string& lines) {
  app_->footer("\nExamples\n" + lines + "\nExit codes: crc_train --help\n");
}
void Command::needs_command() { app_->require_subcommand(1); }
void Command::run(std::function<void()> action) { app_->callback(std::move(action)); }

CommandLine::CommandLine(const std::string& program, const std::string& description, const std::string& footer)
    : app_(std::make_unique<CLI::App>(program + ": " + description, program)), top_(app_.get()) {
  app_->footer(footer);
  app_->fallthrough(false);
  app_->set_version_flag("--version",
                         [program] { return fmt::format("{} {} ({}, {})", program, version(), commit(), compiler()); });
}
CommandLine::~CommandLine() = default;

bool CommandLine::parse(int argc, char** argv) {
  try {
    parse_words(*app_, argc, argv);
    return true;
  } catch (const CLI::Success& success) {
    print_answer(*app_, success);
    return false;
  }
}

}  // namespace crc::apps
