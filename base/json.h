#pragma once
// JSON: nlohmann's library with our errors, and a file of JSON lines.

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/files.h"

namespace voxlift {

using Json = nlohmann::ordered_json;

// Parses `text`. Throws DataError naming `origin` and the byte, or the number
// that is too large.
Json parse_json(std::string_view text, const std::string& origin);

// Member `key` of `object` as a T. Throws DataError naming `origin` and the key
// if it is missing, of another type, or a number that an integral T (or the
// elements of a vector of them) cannot hold exactly.
template <typename T>
T json_get(const Json& object, const std::string& key,
           const std::string& origin);

namespace internal {

// Does an integer of type T hold this number exactly? Doubles beyond 2^53 are
// refused: they may stand for a neighbour. True for what is no number: the
// library itself refuses that.
template <std::integral T>
bool holds(const Json& value) {
  constexpr double kExact = 9007199254740992.0;
  if (value.is_number_float()) {
    const auto number = value.get<double>();
    return std::abs(number) <= kExact && number == std::floor(number) &&
           std::in_range<T>(static_cast<int64_t>(number));
  }
  if (value.is_number_unsigned()) {
    return std::in_range<T>(value.get<uint64_t>());
  }
  return !value.is_number_integer() || std::in_range<T>(value.get<int64_t>());
}

template <typename T>
bool fits(const Json& value) {
  if constexpr (std::integral<T> && !std::same_as<T, bool>) {
    return holds<T>(value);
  } else if constexpr (std::same_as<T, std::vector<int64_t>>) {
    return std::all_of(value.begin(), value.end(), holds<int64_t>);
  } else {
    return true;
  }
}

[[noreturn]] void json_get_failed(const std::string& key,
                                  const std::string& origin,
                                  const std::string& why);
}  // namespace internal

template <typename T>
T json_get(const Json& object, const std::string& key,
           const std::string& origin) {
  try {
    const Json& value = object.at(key);
    if (!internal::fits<T>(value)) {
      internal::json_get_failed(key, origin,
                                value.dump() + " is no integer in range");
    }
    return value.get<T>();
  } catch (const nlohmann::json::exception& error) {
    internal::json_get_failed(key, origin, error.what());
  }
}

// Appends one JSON object per line to a file; each line reaches the operating
// system before append() returns, so a killed process loses at most none.
// One thread.
class JsonLines {
 public:
  // Opens for appending, creating the file; ends a line that a full disk has
  // cut short. Throws IoError.
  explicit JsonLines(const std::string& path);

  void append(const Json& line);

 private:
  FileDescriptor file_;
};

}  // namespace voxlift
