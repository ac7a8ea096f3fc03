#include "trainer/report/trace.h"

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"
#include "trainer/report/trace_file.h"
#include "trainer/report/trace_span.h"

namespace voxlift::trainer {
namespace {

TEST(TraceTest, HoldsSpansInMicrosecondsSinceItsBeginning) {
  FakeClock clock;
  clock.advance(100.0);
  Trace trace(clock, 3);
  clock.advance(0.5);
  {
    const TraceSpan span(&trace, "forward");
    clock.advance(0.25);
  }
  const Json event = trace.to_json()["traceEvents"][0];
  EXPECT_EQ(event["name"], "forward");
  EXPECT_EQ(event["ph"], "X");
  EXPECT_EQ(event["ts"], 500'000.0);
  EXPECT_EQ(event["dur"], 250'000.0);
  EXPECT_EQ(event["pid"], 3);
  EXPECT_EQ(event["tid"], "compute");
}

TEST(TraceTest, ASpanOfNoTraceIsNothing) {
  const TraceSpan span(nullptr, "forward");
}

class TraceFileTest : public testing::Test {
 protected:
  test::TempDir temp_;
  RealFiles files_;
  FakeClock clock_;
};

TEST_F(TraceFileTest, IsPublishedAfterSoManySteps) {
  TraceFile file(files_, clock_, temp_.file("trace.json"), 0);
  for (int64_t step = 0; step < TraceFile::kSteps; ++step) {
    EXPECT_FALSE(files_.exists(temp_.file("trace.json")));
    const TraceSpan span(file.trace(), "step");
    file.end_step();
  }
  EXPECT_EQ(file.trace(), nullptr);
  EXPECT_TRUE(files_.exists(temp_.file("trace.json")));
}

TEST_F(TraceFileTest, IsPublishedWhereTheRunEndsEarlier) {
  TraceFile file(files_, clock_, temp_.file("trace.json"), 0);
  file.end_step();
  file.finish();
  file.end_step();
  const Json trace =
      parse_json(as_text(files_.read(temp_.file("trace.json"))), "trace.json");
  EXPECT_EQ(trace["traceEvents"].size(), 0U);
}

TEST_F(TraceFileTest, IsNothingWithoutAPath) {
  TraceFile file(files_, clock_, "", 0);
  EXPECT_EQ(file.trace(), nullptr);
  file.finish();
}

}  // namespace
}  // namespace voxlift::trainer
