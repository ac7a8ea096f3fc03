#include "dataio/glyphs.h"

#include <algorithm>
#include <cctype>
#include <string_view>

namespace voxlift::dataio {

namespace {

// Rows from top to bottom, three pixels each.
constexpr std::string_view kLetters =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-_./:";
// clang-format off
constexpr std::array<std::string_view, 41> kRows = {
    "###" "#.#" "#.#" "#.#" "###",  // 0
    ".#." "##." ".#." ".#." "###",  // 1
    "###" "..#" "###" "#.." "###",  // 2
    "###" "..#" ".##" "..#" "###",  // 3
    "#.#" "#.#" "###" "..#" "..#",  // 4
    "###" "#.." "###" "..#" "###",  // 5
    "###" "#.." "###" "#.#" "###",  // 6
    "###" "..#" ".#." ".#." ".#.",  // 7
    "###" "#.#" "###" "#.#" "###",  // 8
    "###" "#.#" "###" "..#" "###",  // 9
    ".#." "#.#" "###" "#.#" "#.#",  // A
    "##." "#.#" "##." "#.#" "##.",  // B
    ".##" "#.." "#.." "#.." ".##",  // C
    "##." "#.#" "#.#" "#.#" "##.",  // D
    "###" "#.." "##." "#.." "###",  // E
    "###" "#.." "##." "#.." "#..",  // F
    ".##" "#.." "#.#" "#.#" ".##",  // G
    "#.#" "#.#" "###" "#.#" "#.#",  // H
    "###" ".#." ".#." ".#." "###",  // I
    "..#" "..#" "..#" "#.#" ".#.",  // J
    "#.#" "#.#" "##." "#.#" "#.#",  // K
    "#.." "#.." "#.." "#.." "###",  // L
    "#.#" "###" "###" "#.#" "#.#",  // M
    "##." "#.#" "#.#" "#.#" "#.#",  // N
    ".#." "#.#" "#.#" "#.#" ".#.",  // O
    "##." "#.#" "##." "#.." "#..",  // P
    ".#." "#.#" "#.#" ".##" "..#",  // Q
    "##." "#.#" "##." "#.#" "#.#",  // R
    ".##" "#.." ".#." "..#" "##.",  // S
    "###" ".#." ".#." ".#." ".#.",  // T
    "#.#" "#.#" "#.#" "#.#" "###",  // U
    "#.#" "#.#" "#.#" "#.#" ".#.",  // V
    "#.#" "#.#" "###" "###" "#.#",  // W
    "#.#" "#.#" ".#." "#.#" "#.#",  // X
    "#.#" "#.#" ".#." ".#." ".#.",  // Y
    "###" "..#" ".#." "#.." "###",  // Z
    "..." "..." "###" "..." "...",  // -
    "..." "..." "..." "..." "###",  // _
    "..." "..." "..." "..." ".#.",  // .
    "..#" "..#" ".#." "#.." "#..",  // /
    "..." ".#." "..." ".#." "...",  // :
};
// clang-format on
static_assert(kLetters.size() == kRows.size());

void fill_square(Image& image, int64_t y, int64_t x, int64_t side,
                 const std::array<uint8_t, 3>& color) {
  const int64_t bottom = std::min(y + side, image.height);
  const int64_t right = std::min(x + side, image.width);
  for (int64_t row = std::max<int64_t>(y, 0); row < bottom; ++row) {
    for (int64_t column = std::max<int64_t>(x, 0); column < right; ++column) {
      std::copy(color.begin(), color.end(), image.pixel(row, column));
    }
  }
}

}  // namespace

void draw_text(Image& image, int64_t y, int64_t x, const std::string& text,
               int64_t scale, const std::array<uint8_t, 3>& color) {
  for (const char c : text) {
    const size_t letter = kLetters.find(
        static_cast<char>(std::toupper(static_cast<unsigned char>(c))));
    for (int64_t i = 0;
         letter != std::string_view::npos && i < kGlyphWidth * kGlyphHeight;
         ++i) {
      if (kRows[letter][static_cast<size_t>(i)] == '#') {
        fill_square(image, y + scale * (i / kGlyphWidth),
                    x + scale * (i % kGlyphWidth), scale, color);
      }
    }
    x += scale * (kGlyphWidth + 1);
  }
}

}  // namespace voxlift::dataio
