// What libFuzzer calls; VOXLIFT_FUZZ_TARGET is one of targets.h.

#include <cstdint>

#include "tests/fuzz/targets.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  voxlift::fuzz::VOXLIFT_FUZZ_TARGET(std::as_bytes(std::span(data, size)));
  return 0;
}
