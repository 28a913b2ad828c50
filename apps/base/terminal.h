// What a program says. Data goes to stdout and is never lost in silence: a write that fails is an error (74), and a
// reader that went away (`| head -1`) has what it wanted. Messages go to stderr and may be lost: nothing depends on
// them. Control characters and bytes that are not UTF-8 are shown as \x1b, so that no name of a file, a class or a key
// drives the terminal; line ends and tabs pass.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

namespace crc::apps {

// First in main: descriptors 0 to 2 are open (on /dev/null where the caller closed them, or the next file opened would
// receive what is said), and closed pipes and file size limits arrive as errors.
void prepare_streams();

std::string shown(std::string_view text);

void print_text(std::string_view text);     // to stdout. Error io
void print_drawing(std::string_view text);  // the same with our own escape sequences in it. Error io
void print_message(std::string_view text);  // to stderr
void draw_message(std::string_view text);   // the same with our own escape sequences in it

// Whether this process says anything from now on: of several that work together one speaks (apps/ranks/).
void speak(bool whether);

template <class... Args> void print(fmt::format_string<Args...> format, Args&&... args) {
  print_text(fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args> void print_error(fmt::format_string<Args...> format, Args&&... args) {
  print_message(fmt::format(format, std::forward<Args>(args)...));
}

// Some file systems say only when a file is closed that it did not fit. Error io
void check_stdout();

}  // namespace crc::apps
