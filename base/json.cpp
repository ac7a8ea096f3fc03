#include "base/json.h"

#include <fcntl.h>

#include "base/error.h"
#include "base/strings.h"

namespace voxlift {

Json parse_json(std::string_view text, const std::string& origin) {
  try {
    return Json::parse(text);
  } catch (const nlohmann::json::exception& error) {
    throw DataError(str_cat("'", origin, "' is not JSON: ", error.what()));
  }
}

namespace internal {

void json_get_failed(const std::string& key, const std::string& origin,
                     const std::string& why) {
  throw DataError(str_cat("'", origin, "': member '", key, "': ", why));
}

}  // namespace internal

namespace {

// False for an empty file.
bool ends_in_mid_line(const std::string& path) {
  const int64_t size = RealFiles().size_bytes(path);
  std::byte last{};
  if (size > 0) {
    FileDescriptor(path, O_RDONLY).read_at(std::span(&last, 1), size - 1);
  }
  return size > 0 && last != static_cast<std::byte>('\n');
}

}  // namespace

JsonLines::JsonLines(const std::string& path)
    : file_(path, O_WRONLY | O_CREAT | O_APPEND) {
  if (ends_in_mid_line(path)) {
    file_.write(as_bytes("\n"));
  }
}

void JsonLines::append(const Json& line) {
  // A non-finite number has no JSON form; nlohmann writes null.
  const std::string text =
      line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  file_.write(as_bytes(text));
}

}  // namespace voxlift
