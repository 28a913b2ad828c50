// A single-stroke font for labels in PNG charts, drawn for this program: every glyph is a few lines and elliptic arcs,
// so it scales and anti-aliases like any other stroke.
#pragma once

#include <string_view>
#include <vector>

#include "apps/draw/canvas.h"

namespace crc::apps {

// The strokes of a text that starts at (0, 0) on its baseline, y down; `size` is the font size in the same unit.
std::vector<std::vector<Point>> text_strokes(std::string_view text, double size);

}  // namespace crc::apps
