#pragma once
// Where a run stands in its data: the part of a checkpoint that belongs here.

#include <cstdint>
#include <string>

#include "base/error.h"
#include "base/json.h"
#include "base/strings.h"

namespace voxlift::sharding {

// The next step to take. `step` counts within the epoch, from 0; a cursor that
// stands behind the last step of an epoch stands at the first of the next one,
// so that each position has one form.
struct StreamCursor {
  int64_t epoch = 0;
  int64_t step = 0;

  bool operator==(const StreamCursor&) const = default;

  // Past one step of an epoch that has `num_steps` of them.
  void advance(int64_t num_steps) {
    VOXLIFT_CHECK(step < num_steps, str_cat("cursor at step ", step, " of ",
                                            num_steps, " in epoch ", epoch));
    if (++step == num_steps) {
      ++epoch;
      step = 0;
    }
  }

  // Steps taken since the run began.
  int64_t steps_done(int64_t num_steps) const {
    return epoch * num_steps + step;
  }
};

inline Json cursor_to_json(const StreamCursor& cursor) {
  return Json{{"epoch", cursor.epoch}, {"step", cursor.step}};
}

// `num_steps`: steps of one epoch. One past the last step is taken for the
// first step of the next epoch. Throws DataError naming `origin` and both
// values for anything outside of it.
inline StreamCursor cursor_from_json(const Json& json, int64_t num_steps,
                                     const std::string& origin) {
  StreamCursor cursor{json_get<int64_t>(json, "epoch", origin),
                      json_get<int64_t>(json, "step", origin)};
  if (cursor.epoch < 0 || cursor.step < 0 || cursor.step > num_steps) {
    throw DataError(str_cat(origin, ": cursor stands at epoch ", cursor.epoch,
                            ", step ", cursor.step, ", but an epoch has ",
                            num_steps, " steps"));
  }
  if (cursor.step == num_steps) {
    cursor = {cursor.epoch + 1, 0};
  }
  return cursor;
}

}  // namespace voxlift::sharding
