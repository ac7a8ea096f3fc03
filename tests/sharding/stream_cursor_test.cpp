#include "sharding/stream_cursor.h"

#include <gtest/gtest.h>

#include "tests/support/expect_error.h"

namespace voxlift::sharding {
namespace {

using test::expect_error;

TEST(StreamCursorTest, WalksFromEpochToEpoch) {
  StreamCursor cursor;
  cursor.advance(2);
  EXPECT_EQ(cursor, (StreamCursor{0, 1}));
  cursor.advance(2);
  EXPECT_EQ(cursor, (StreamCursor{1, 0}));
  EXPECT_EQ(cursor.steps_done(2), 2);
}

TEST(StreamCursorTest, ReturnsFromJsonAtEveryStep) {
  StreamCursor cursor;
  for (int step = 0; step < 7; ++step) {
    EXPECT_EQ(cursor_from_json(cursor_to_json(cursor), 3, "state"), cursor);
    cursor.advance(3);
  }
}

TEST(StreamCursorTest, TakesOnePastTheLastStepForTheNextEpoch) {
  const Json json = {{"epoch", 4}, {"step", 3}};
  EXPECT_EQ(cursor_from_json(json, 3, "state"), (StreamCursor{5, 0}));
}

TEST(StreamCursorTest, RejectsAStepOutsideOfTheEpoch) {
  expect_error<DataError>(
      [] {
        cursor_from_json({{"epoch", 4}, {"step", 5}}, 3, "state.json");
      },
      {"state.json", "epoch 4, step 5", "3 steps"});
  expect_error<DataError>(
      [] {
        cursor_from_json({{"epoch", -1}, {"step", 0}}, 3, "state.json");
      },
      {"epoch -1"});
  expect_error<DataError>(
      [] {
        cursor_from_json({{"epoch", 1}}, 3, "state.json");
      },
      {"state.json", "step"});
}

TEST(StreamCursorTest, ChecksThatItStandsInsideTheEpoch) {
  StreamCursor cursor{0, 5};
  expect_error<InternalError>([&] { cursor.advance(3); }, {"step 5 of 3"});
}

}  // namespace
}  // namespace voxlift::sharding
