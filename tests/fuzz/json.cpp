#include "base/json.h"

#include "tests/fuzz/input.h"

namespace voxlift::fuzz {

void fuzz_json(Bytes input) {
  accept_or_refuse([&] {
    const Json json = parse_json(as_text(input), "a.json");
    (void)json_get<int64_t>(json, "version", "a.json");
  });
}

}  // namespace voxlift::fuzz
