#include "tests/fuzz/input.h"

#include "base/files.h"
#include "base/strings.h"
#include "tests/support/temp_dir.h"

namespace voxlift::fuzz {

uint8_t InputReader::byte() {
  if (rest_.empty()) {
    return 0;
  }
  const auto value = static_cast<uint8_t>(rest_.front());
  rest_ = rest_.subspan(1);
  return value;
}

int64_t InputReader::number() {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 8) {
    value |= uint64_t{byte()} << shift;
  }
  return static_cast<int64_t>(value);
}

namespace {

const test::TempDir& scratch() {
  static const test::TempDir dir;
  return dir;
}

}  // namespace

const std::string& scratch_dir() {
  return scratch().path();
}

std::string scratch_file(const std::string& name, Bytes content) {
  return scratch().write(name, std::string(as_text(content)));
}

void check_refusal(const Error& error) {
  const std::string message = error.what();
  if (error.code() == ExitCode::kInternal) {
    throw InternalError(message);
  }
  VOXLIFT_CHECK(message.find('\n') == std::string::npos,
                str_cat("more than one line: ", message));
}

}  // namespace voxlift::fuzz
