#include "base/json.h"

#include <fcntl.h>

#include "base/error.h"
#include "base/strings.h"

namespace voxlift {

Json parse_json(std::string_view text, const std::string& origin) {
  try {
    return Json::parse(text);
  } catch (const nlohmann::json::parse_error& error) {
    throw DataError(str_cat("'", origin, "' is not JSON: ", error.what()));
  }
}

namespace internal {

void json_get_failed(const std::string& key, const std::string& origin,
                     const std::string& why) {
  throw DataError(str_cat("'", origin, "': member '", key, "': ", why));
}

}  // namespace internal

JsonLines::JsonLines(const std::string& path)
    : file_(path, O_WRONLY | O_CREAT | O_APPEND) {}

void JsonLines::append(const Json& line) {
  // A non-finite number has no JSON form; nlohmann writes null.
  const std::string text =
      line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  file_.write(as_bytes(text));
}

}  // namespace voxlift
