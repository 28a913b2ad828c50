#include "apps/command_line.h"

#include <fmt/format.h>

#include "data/text.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

template <class T> CLI::Validator between(T low, T high, const std::string& kind) {
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

// Nearer than the nearest names elsewhere: these words are short, and a far-fetched one is worse than none.
std::string hint(std::string_view word, std::vector<std::string> names, const char* before = "") {
  names = data::nearest(word, names);
  std::erase_if(names, [&](const std::string& name) { return data::distance(word, name) > 1 + int(word.size()) / 4; });
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

}  // namespace

CLI::Validator whole_number(int64_t low, int64_t high) { return between(low, high, "whole number"); }
CLI::Validator number(double low, double high) { return between(low, high, "number"); }

void parse_command_line(CLI::App& app, int argc, char** argv) {
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

}  // namespace crc::apps
