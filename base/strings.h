#pragma once
// Small text operations.

#include <cstdint>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace voxlift {

// Concatenates the arguments as operator<< prints them.
template <typename... Args>
std::string str_cat(const Args&... args) {
  std::ostringstream out;
  (out << ... << args);
  return out.str();
}

// Joins with `separator` between the elements.
std::string str_join(std::span<const std::string> parts,
                     std::string_view separator);

// Splits at every `separator`; empty fields are kept, so that "a,,b" has three.
std::vector<std::string> str_split(std::string_view text, char separator);

// Without leading and trailing blanks, tabs and line ends.
std::string str_trim(std::string_view text);

// Control bytes replaced with '?', for names from files in messages.
std::string one_line(std::string_view text);

std::string to_lower(std::string_view text);

// The whole text as a number, or nothing (also on overflow and trailing text).
std::optional<int64_t> parse_int(std::string_view text);
std::optional<double> parse_double(std::string_view text);

// Number of insertions, deletions and substitutions between a and b
// (Levenshtein). Cost: a.size() * b.size().
int64_t edit_distance(std::string_view a, std::string_view b);

// The candidate with the smallest edit distance to `word`, for "did you mean";
// empty where there is no candidate.
std::string nearest_word(std::string_view word,
                         std::span<const std::string> candidates);

// "1.50 GB", "12.3 MB", "42 B"; decimal units.
std::string human_bytes(double bytes);

// "1h 02m 03s", "2m 03s", "3.2s".
std::string human_duration(double seconds);

// `value` as lower-case hex, padded with zeros to `width`.
std::string hex(uint64_t value, int width);

}  // namespace voxlift
