#pragma once
// A tiny font for captions: three pixels wide, five high.

#include <array>
#include <cstdint>
#include <string>

#include "dataio/image.h"

namespace voxlift::dataio {

constexpr int64_t kGlyphWidth = 3;
constexpr int64_t kGlyphHeight = 5;

// Writes `text` with its top left corner at (y, x), one blank column between
// letters, each font pixel `scale` pixels wide; what falls outside the picture
// is cut. Digits, Latin letters (as capitals) and "-_./:"; others are blank.
void draw_text(Image& image, int64_t y, int64_t x, const std::string& text,
               int64_t scale, const std::array<uint8_t, 3>& color);

}  // namespace voxlift::dataio
