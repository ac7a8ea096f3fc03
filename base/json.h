#pragma once
// JSON: nlohmann's library with our errors, and a file of JSON lines.

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/files.h"

namespace voxlift {

using Json = nlohmann::ordered_json;

// Parses `text`. Throws DataError naming `origin` and the byte, or the number
// that is too large.
Json parse_json(std::string_view text, const std::string& origin);

// Member `key` of `object` as a T. Throws DataError naming `origin` and the key
// if it is missing or of another type.
template <typename T>
T json_get(const Json& object, const std::string& key,
           const std::string& origin);

namespace internal {
[[noreturn]] void json_get_failed(const std::string& key,
                                  const std::string& origin,
                                  const std::string& why);
}  // namespace internal

template <typename T>
T json_get(const Json& object, const std::string& key,
           const std::string& origin) {
  try {
    return object.at(key).get<T>();
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
