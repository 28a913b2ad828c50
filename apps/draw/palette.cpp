#include <fmt/format.h>

#include "apps/draw/canvas.h"

namespace crc::apps {
namespace {

struct Color {
  Ink ink;
  const char* name;
  Rgb light, dark;
};

// Series: Okabe and Ito (2008). Blue and black are lightened for dark paper, yellow is darkened for white.
constexpr Color kColors[] = {{Ink::text, "--ink", {0x1f, 0x23, 0x28}, {0xe6, 0xe8, 0xeb}},
                             {Ink::muted, "--muted", {0x6a, 0x72, 0x7c}, {0x9a, 0xa3, 0xad}},
                             {Ink::grid, "--grid", {0xe4, 0xe7, 0xea}, {0x2e, 0x34, 0x3b}},
                             {Ink::paper, "--paper", {0xff, 0xff, 0xff}, {0x16, 0x1a, 0x1f}},
                             {Ink(8), "--c0", {0x00, 0x72, 0xb2}, {0x56, 0xb4, 0xe9}},
                             {Ink(9), "--c1", {0xd5, 0x5e, 0x00}, {0xe8, 0x77, 0x22}},
                             {Ink(10), "--c2", {0x00, 0x9e, 0x73}, {0x1f, 0xb8, 0x8b}},
                             {Ink(11), "--c3", {0xcc, 0x79, 0xa7}, {0xd9, 0x8f, 0xb8}},
                             {Ink(12), "--c4", {0xe6, 0x9f, 0x00}, {0xe6, 0x9f, 0x00}},
                             {Ink(13), "--c5", {0x56, 0xb4, 0xe9}, {0x4a, 0x8f, 0xd0}},
                             {Ink(14), "--c6", {0x45, 0x4b, 0x54}, {0xc4, 0xca, 0xd1}},
                             {Ink(15), "--c7", {0xb8, 0xab, 0x15}, {0xf0, 0xe4, 0x42}}};

const Color& find(Ink ink) {
  for (const Color& color : kColors) {
    if (color.ink == ink) return color;
  }
  return kColors[0];
}

}  // namespace

Rgb color_of(Ink ink, Theme theme) { return theme == Theme::light ? find(ink).light : find(ink).dark; }

std::string css_name(Ink ink) { return find(ink).name; }

std::string css_variables(Theme theme) {
  std::string css;
  for (const Color& color : kColors) {
    const Rgb c = color_of(color.ink, theme);
    css += fmt::format("{}:#{:02x}{:02x}{:02x};", color.name, c.r, c.g, c.b);
  }
  return css;
}

}  // namespace crc::apps
