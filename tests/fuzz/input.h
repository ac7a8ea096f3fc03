#pragma once
// What fuzz targets share: inputs taken apart, and what counts as a good end.

#include <cstdint>
#include <string>

#include "base/error.h"
#include "dataio/decode/decoder.h"
#include "tests/fuzz/targets.h"

namespace voxlift::fuzz {

// Small, so that an input that is accepted costs little time and memory.
inline constexpr dataio::DecodeLimits kLimits = {int64_t{1} << 20,
                                                 int64_t{1} << 20};

// Takes numbers off the front of an input; 0 where it has ended.
class InputReader {
 public:
  explicit InputReader(Bytes input) : rest_(input) {}

  uint8_t byte();
  // Eight bytes, the lowest first.
  int64_t number();

  Bytes rest() const { return rest_; }

 private:
  Bytes rest_;
};

// A folder of this process alone, removed when it ends by itself.
const std::string& scratch_dir();

// Writes a file into it, replacing one of this name; returns its path.
std::string scratch_file(const std::string& name, Bytes content);

// Throws InternalError unless `error` may be shown to a user: one line, and no
// bug of voxlift's.
void check_refusal(const Error& error);

template <typename Body>
void accept_or_refuse(const Body& body) {
  try {
    body();
  } catch (const Error& error) {
    check_refusal(error);
  }
}

}  // namespace voxlift::fuzz
