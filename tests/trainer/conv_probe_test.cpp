#include "trainer/conv_probe.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/error.h"
#include "tests/support/temp_dir.h"

namespace voxlift::trainer {
namespace {

using torch::Tensor;

FakeClock& probe_clock() {
  static FakeClock clock;
  return clock;
}

bool everywhere(const ConvCall& /*call*/) {
  return true;
}

Tensor exact(const Tensor& x, const Tensor& weight, const Tensor& bias,
             const ConvOptions& o) {
  return torch::conv3d(x, weight, bias, o.stride, o.padding, o.dilation,
                       o.groups);
}

Tensor quick(const Tensor& x, const Tensor& weight, const Tensor& bias,
             const ConvOptions& o) {
  probe_clock().advance(0.1);
  return exact(x, weight, bias, o);
}

Tensor slow(const Tensor& x, const Tensor& weight, const Tensor& bias,
            const ConvOptions& o) {
  probe_clock().advance(1.0);
  return exact(x, weight, bias, o);
}

// Right but for one voxel in a corner.
Tensor wrong_in_a_corner(const Tensor& x, const Tensor& weight,
                         const Tensor& bias, const ConvOptions& o) {
  const Tensor y = exact(x, weight, bias, o);
  Tensor error = torch::zeros_like(y);
  error.select(0, -1).select(0, 0).select(0, -1).select(0, -1).select(0, -1) =
      0.1;
  return y + error;
}

// Its output is right; what it gives back to the weight is not.
Tensor wrong_gradient(const Tensor& x, const Tensor& weight, const Tensor& bias,
                      const ConvOptions& o) {
  return exact(x, weight.detach() + 1.01 * (weight - weight.detach()), bias, o);
}

Tensor not_a_number(const Tensor& x, const Tensor& weight, const Tensor& bias,
                    const ConvOptions& o) {
  return exact(x, weight, bias, o) * std::nan("");
}

Tensor failing(const Tensor& /*x*/, const Tensor& /*weight*/,
               const Tensor& /*bias*/, const ConvOptions& /*o*/) {
  throw InternalError("cannot do that\nand more");
}

// Takes the rule's place, so that a test decides its speed.
ConvWay as_rule(ConvCompute compute) {
  return {"conv3d", everywhere, compute};
}

ObservedConv body_conv() {
  const ConvOptions options = {.in_channels = 3,
                               .out_channels = 4,
                               .kernel = cube(3),
                               .padding = cube(1)};
  return {call_of(torch::zeros({2, 3, 4, 9, 8}), options), true, 1};
}

class ConvProbeTest : public testing::Test {
 protected:
  ConvVerdict probe(const std::vector<ConvWay>& ways,
                    const ObservedConv& conv = body_conv()) {
    const auto verdicts =
        probe_convs({&conv, 1}, ways, torch::kCPU, options_, probe_clock());
    EXPECT_EQ(verdicts.size(), 1U);
    return verdicts.front();
  }

  ProbeOptions options_ = {.min_multiplications = 1};
};

TEST_F(ConvProbeTest, ChoosesTheFastestWay) {
  const ConvVerdict verdict =
      probe({as_rule(slow), {"quick", everywhere, quick}});
  ASSERT_EQ(verdict.ways.size(), 2U);
  EXPECT_EQ(verdict.ways[0].way, "conv3d");
  EXPECT_EQ(verdict.chosen, "quick");
  EXPECT_NEAR(verdict.ways[1].seconds, 0.1, 1e-9);
  EXPECT_LT(verdict.ways[1].error, 1e-5);
}

TEST_F(ConvProbeTest, KeepsTheRuleOnANearTie) {
  const ConvVerdict verdict =
      probe({as_rule(quick), {"twin", everywhere, quick}});
  EXPECT_EQ(verdict.chosen, "conv3d");
}

TEST_F(ConvProbeTest, RefusesAndNamesAWayThatIsWrongInOneVoxel) {
  const ConvVerdict verdict =
      probe({as_rule(slow), {"broken", everywhere, wrong_in_a_corner}});
  EXPECT_EQ(verdict.chosen, "conv3d");
  EXPECT_EQ(verdict.ways[1].way, "broken");
  EXPECT_NE(verdict.ways[1].refused.find("computes something else"),
            std::string::npos);
  EXPECT_NE(describe({&verdict, 1}).find("broken"), std::string::npos);
  EXPECT_NE(describe({&verdict, 1}).find("REFUSED"), std::string::npos);
}

TEST_F(ConvProbeTest, RefusesAWrongGradient) {
  const ConvVerdict verdict =
      probe({as_rule(slow), {"broken", everywhere, wrong_gradient}});
  EXPECT_EQ(verdict.chosen, "conv3d");
  EXPECT_FALSE(verdict.ways[1].refused.empty());
}

TEST_F(ConvProbeTest, RefusesNan) {
  const ConvVerdict verdict =
      probe({as_rule(slow), {"broken", everywhere, not_a_number}});
  EXPECT_FALSE(verdict.ways[1].refused.empty());
}

TEST_F(ConvProbeTest, RefusesAWayThatThrows) {
  const ConvVerdict verdict =
      probe({as_rule(slow), {"failing", everywhere, failing}});
  EXPECT_EQ(verdict.chosen, "conv3d");
  EXPECT_EQ(verdict.ways[1].refused, "cannot do that");
}

TEST_F(ConvProbeTest, ARuleThatIsWrongGivesWay) {
  const ConvVerdict verdict =
      probe({as_rule(wrong_gradient), {"slow", everywhere, slow}});
  EXPECT_EQ(verdict.chosen, "slow");
}

TEST_F(ConvProbeTest, AcceptsEveryRealWayOfEveryKind) {
  const std::vector<ConvOptions> kinds = {
      {.in_channels = 1,
       .out_channels = 4,
       .kernel = cube(7),
       .stride = {1, 2, 2},
       .padding = cube(3)},
      {.in_channels = 1, .out_channels = 4, .kernel = {3, 1, 1}},
      {.in_channels = 1,
       .out_channels = 2,
       .kernel = cube(3),
       .stride = cube(2),
       .padding = cube(2),
       .dilation = cube(2),
       .bias = true}};
  for (const ConvOptions& options : kinds) {
    const ObservedConv conv = {
        call_of(torch::zeros({2, 1, 5, 16, 17}), options), false, 1};
    for (const WayVerdict& way : probe(conv_ways(), conv).ways) {
      EXPECT_EQ(way.refused, "") << way.way << ", " << conv.call.key();
    }
  }
}

TEST_F(ConvProbeTest, LeavesSmallCallsAndThoseAfterItsTimeToTheRules) {
  options_.min_multiplications = int64_t{1} << 40;
  EXPECT_TRUE(probe({{"quick", everywhere, quick}}).ways.empty());
  options_.min_multiplications = 1;
  options_.budget_s = 0.5;
  const std::vector<ObservedConv> convs = {body_conv(), body_conv()};
  const auto verdicts = probe_convs(convs, std::vector<ConvWay>{as_rule(slow)},
                                    torch::kCPU, options_, probe_clock());
  EXPECT_FALSE(verdicts[0].ways.empty());
  EXPECT_TRUE(verdicts[1].ways.empty());
  EXPECT_EQ(verdicts[1].chosen, rule_for(body_conv().call).name);
}

class RememberedWaysTest : public ConvProbeTest {
 protected:
  ConvVerdict verdict(const std::string& way) {
    return {body_conv(), way, {{way, 1.0, 0.0, ""}}};
  }

  std::string only_file() {
    for (const auto& entry :
         std::filesystem::directory_iterator(folder_.path())) {
      if (entry.path().extension() == ".json") {
        return entry.path().string();
      }
    }
    return "";
  }

  RealFiles files_;
  test::TempDir folder_;
};

TEST_F(RememberedWaysTest, AreThereForTheNextRunOnSuchAMachine) {
  RememberedWays first(files_, folder_.path(), "A");
  EXPECT_TRUE(first.plan().empty());
  first.add(std::vector{verdict("slices")}, probe_clock());
  const RememberedWays second(files_, folder_.path(), "A");
  EXPECT_EQ(second.plan().choose(body_conv().call).name, "slices");
  EXPECT_TRUE(RememberedWays(files_, folder_.path(), "B").plan().empty());
}

TEST_F(RememberedWaysTest, WhoCameFirstIsRight) {
  RememberedWays one(files_, folder_.path(), "A");
  RememberedWays other(files_, folder_.path(), "A");
  one.add(std::vector{verdict("slices")}, probe_clock());
  other.add(std::vector{verdict("folded")}, probe_clock());
  EXPECT_EQ(other.plan().choose(body_conv().call).name, "slices");
}

TEST_F(RememberedWaysTest, ABrokenFileCostsAnotherProbe) {
  RememberedWays(files_, folder_.path(), "A")
      .add(std::vector{verdict("slices")}, probe_clock());
  ASSERT_NE(only_file(), "");
  files_.publish(only_file(), "{");
  EXPECT_TRUE(RememberedWays(files_, folder_.path(), "A").plan().empty());
}

TEST_F(RememberedWaysTest, WithoutAFolderLastAsLongAsTheObject) {
  RememberedWays ways(files_, "", "A");
  ways.add(std::vector{verdict("slices")}, probe_clock());
  EXPECT_EQ(ways.plan().choose(body_conv().call).name, "slices");
}

TEST_F(RememberedWaysTest, AFolderThatCannotBeMadeIsNoReasonToStop) {
  files_.publish(folder_.path() + "/file", "x");
  RememberedWays ways(files_, folder_.path() + "/file/below", "A");
  ways.add(std::vector{verdict("slices")}, probe_clock());
  EXPECT_EQ(ways.plan().choose(body_conv().call).name, "slices");
}

TEST(ConvPlanTest, GoesThroughJsonAndForgetsWhatTheBuildLacks) {
  const ObservedConv conv = body_conv();
  ConvPlan plan;
  plan.set(conv.call, "slices");
  const ConvPlan again = ConvPlan::from_json(plan.to_json(), "x");
  EXPECT_EQ(again.choose(conv.call).name, "slices");
  plan.set(conv.call, "no such way");
  EXPECT_EQ(plan.choose(conv.call).name, rule_for(conv.call).name);
  EXPECT_THROW(ConvPlan::from_json(Json::array(), "x"), DataError);
  EXPECT_THROW(ConvPlan::from_json({{"a", 1}}, "x"), DataError);
}

TEST(ObserveConvsTest, SeesDifferentCallsOnceAndHowOften) {
  torch::nn::Sequential network(
      Conv3d(ConvOptions{.in_channels = 1, .out_channels = 1}),
      Conv3d(ConvOptions{.in_channels = 1, .out_channels = 1}),
      Conv3d(ConvOptions{.in_channels = 1, .out_channels = 1}));
  const auto seen = observe_convs(*network, [&] {
    network->forward(torch::ones({2, 1, 2, 2, 2}));
  });
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_FALSE(seen[0].x_needs_gradient);
  EXPECT_EQ(seen[0].count, 1);
  EXPECT_TRUE(seen[1].x_needs_gradient);
  EXPECT_EQ(seen[1].count, 2);
}

}  // namespace
}  // namespace voxlift::trainer
