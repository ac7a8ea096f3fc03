#include "base/error.h"

#include <cstring>

#include "base/strings.h"

namespace voxlift {

Error::Error(ExitCode code, const char* kind, const std::string& message)
    : std::runtime_error(message), code_(code), kind_(kind), text_(message) {}

void Error::add_context(const std::string& context) {
  text_ = str_cat(context, ": ", text_);
}

void throw_io_error(const std::string& operation, const std::string& path,
                    int errno_value) {
  throw IoError(
      str_cat(operation, " '", path, "': ", std::strerror(errno_value)),
      errno_value);
}

namespace internal {

void check_failed(const char* condition, const char* file, int line,
                  const std::string& message) {
  throw InternalError(
      str_cat(file, ":", line, ": check failed: ", condition, ": ", message));
}

}  // namespace internal
}  // namespace voxlift
