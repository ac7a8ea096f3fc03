// Whole runs of a tiny network: what a large-batch recipe can ask for, and that
// none of it costs exactness.

#include <gtest/gtest.h>

#include <functional>
#include <sstream>

#include "base/error.h"
#include "base/json.h"
#include "tests/support/expect_error.h"
#include "tests/trainer/tiny_world.h"
#include "trainer/input/size_schedule.h"

namespace voxlift::trainer {
namespace {

using Change = std::function<void(TrainConfig&)>;

// 20 samples, 8 slots of 2: steps of 16 and of 4, where four slots are empty; 4
// steps in two epochs.
class ElasticTest : public testing::Test {
 protected:
  TrainConfig config(const std::string& out, const Change& change) const {
    TrainConfig config = world_.config(out);
    config.batch = {.slots = 8, .slot_batch = 2};
    config.checkpoint.every_steps = 1;
    config.checkpoint.keep = 9;
    config.schedule.kind = "constant";
    change(config);
    return config;
  }

  std::string end_state(const TrainConfig& config) const {
    return world_.state_after(config, 4);
  }

  void expect_same_on_any_world(const Change& change) {
    const TrainConfig one = config("one", change);
    const TrainOutcome outcome = world_.train(one);
    for (const int ranks : {2, 4, 8}) {
      const TrainConfig other = config(str(ranks), change);
      EXPECT_EQ(outcome.scores, world_.train(other, ranks).scores) << ranks;
      EXPECT_EQ(end_state(one), end_state(other)) << ranks;
    }
  }

  void expect_same_after_stop(const Change& change, int64_t stop_after = 3) {
    const TrainConfig whole = config("whole", change);
    world_.train(whole, 2);
    const TrainConfig parts = config("parts", change);
    EXPECT_FALSE(world_.train_with(parts, 4, files_, stop_after).finished);
    EXPECT_TRUE(world_.train(parts, 2).finished);
    EXPECT_EQ(end_state(whole), end_state(parts));
  }

  static std::string str(int number) { return std::to_string(number); }

  std::vector<Json> steps_of(const TrainConfig& config) const {
    std::vector<Json> steps;
    std::istringstream log(
        test::read_text(join_path(config.run.out, "log.jsonl")));
    for (std::string line; std::getline(log, line);) {
      Json json = parse_json(line, "log");
      if (json["type"] == "step") {
        steps.push_back(std::move(json));
      }
    }
    return steps;
  }

  test::TinyWorld world_;
  RealFiles files_;
};

void with_dropout_and_ema(TrainConfig& config) {
  config.model.dropout = 0.5;
  config.ema.decay = 0.5;
}

void with_syncbn(TrainConfig& config) {
  with_dropout_and_ema(config);
  config.model.resnet.norm.kind = "syncbn";
}

TEST_F(ElasticTest, BatchNormDropoutAndMeanAreTheSameBitsOnAnyWorld) {
  expect_same_on_any_world(with_dropout_and_ema);
}

TEST_F(ElasticTest, SyncBatchNormIsTheSameBitsOnAnyWorld) {
  expect_same_on_any_world(with_syncbn);
}

TEST_F(ElasticTest, TheWorldMayChangeInTheMiddleButNotToThree) {
  for (const auto& change : {with_dropout_and_ema, with_syncbn}) {
    const std::string name = change == with_syncbn ? "sync" : "plain";
    const TrainConfig whole = config(name + "whole", change);
    world_.train(whole);
    const TrainConfig parts = config(name + "parts", change);
    world_.train_with(parts, 8, files_, 1);
    test::expect_error<ConfigError>([&] { world_.train(parts, 3); },
                                    {"8 slots", "3 ranks", "must divide"});
    world_.train_with(parts, 4, files_, 1);
    world_.train_with(parts, 2, files_, 1);
    EXPECT_TRUE(world_.train(parts, 8).finished);
    EXPECT_EQ(end_state(whole), end_state(parts)) << name;
  }
}

TEST_F(ElasticTest, TheMeanIsScoredWhereAskedForAndNotTrained) {
  const TrainConfig mean = config("mean", with_dropout_and_ema);
  const TrainConfig last = config("last", [](TrainConfig& c) {
    with_dropout_and_ema(c);
    c.ema.evaluate = false;
  });
  EXPECT_NE(world_.train(mean).scores["loss"],
            world_.train(last).scores["loss"]);
  EXPECT_EQ(end_state(mean), end_state(last));
}

TEST_F(ElasticTest, AccumulationIsMoreSlotsThanRanks) {
  // Group norm and no draws: a slot is only a part of the batch, and 8 slots of
  // 2 samples are 4 slots of 4, but for rounding.
  const auto steps = [&](int64_t slots) {
    const TrainConfig run =
        config("slots" + str(static_cast<int>(slots)), [&](TrainConfig& c) {
          c.batch = {.slots = slots, .slot_batch = 16 / slots};
          c.model.resnet.norm = {.kind = "gn", .groups = 2};
          c.run.epochs = 1;
        });
    world_.train(run);
    return steps_of(run);
  };
  const auto whole = steps(1);
  const auto parts = steps(8);
  for (size_t i = 0; i < whole.size(); ++i) {
    EXPECT_EQ(parts[i]["samples"], whole[i]["samples"]);
    EXPECT_NEAR(parts[i]["grad_norm"].get<double>(),
                whole[i]["grad_norm"].get<double>(), 1e-3);
  }
}

TEST_F(ElasticTest, EveryOptimizerResumesToTheSameBits) {
  for (const std::string kind : {"adam", "adamw", "lars"}) {
    const auto change = [&](TrainConfig& c) {
      c.run.out += kind;
      c.optimizer.optim = {
          .kind = kind, .decay_norms_biases = false, .clip_norm = 0.5};
      c.schedule.lr = 0.01;
    };
    expect_same_after_stop(change);
  }
}

TEST_F(ElasticTest, CropSizesChangeByEpochAndResumeToTheSameBits) {
  const auto change = [](TrainConfig& c) { c.data.photo_sizes = "0:16,1:24"; };
  expect_same_after_stop(change, 1);
  const TrainConfig plain = config("plain", [](TrainConfig&) {});
  world_.train(plain);
  const TrainConfig sized = config("whole", change);
  EXPECT_NE(end_state(plain), end_state(sized));
}

TEST_F(ElasticTest, RecomputedStagesGiveTheSameBits) {
  for (const std::string precision : {"float32", "bf16"}) {
    const auto run = [&](bool again) {
      return config(precision + (again ? "again" : "plain"),
                    [&](TrainConfig& c) {
                      c.run.precision = precision;
                      c.model.resnet.checkpoint_activations = again;
                    });
    };
    world_.train(run(false));
    world_.train(run(true), 2);
    EXPECT_EQ(end_state(run(false)), end_state(run(true))) << precision;
  }
}

TEST_F(ElasticTest, ChannelsLastGivesTheSameBitsOnAnyWorld) {
  const auto change = [](TrainConfig& c) {
    c.run.memory_format = "channels_last";
    c.model.dropout = 0.3;
  };
  expect_same_on_any_world(change);
  expect_same_after_stop(change);
}

TEST_F(ElasticTest, CompressedSumsResumeToTheSameBitsAndTrainAsWell) {
  const auto change = [](TrainConfig& c) {
    c.reduce = {.reduction = "fast", .compress = "bf16"};
  };
  const TrainConfig whole = config("whole", change);
  world_.train(whole, 2);
  const TrainConfig parts = config("parts", change);
  EXPECT_FALSE(world_.train_with(parts, 2, files_, 3).finished);
  EXPECT_TRUE(world_.train(parts, 2).finished);
  EXPECT_EQ(end_state(whole), end_state(parts));
  const TrainConfig plain =
      config("plain", [](TrainConfig& c) { c.reduce.reduction = "fast"; });
  world_.train(plain, 2);
  EXPECT_NE(end_state(whole), end_state(plain));
  EXPECT_NEAR(steps_of(whole).back()["loss"].get<double>(),
              steps_of(plain).back()["loss"].get<double>(), 0.02);
  const TrainConfig other = config("plain", [](TrainConfig& c) {
    c.reduce = {.reduction = "fast", .compress = "bf16"};
    c.run.epochs = 3;
  });
  test::expect_error<ConfigError>([&] { world_.train(other, 2); },
                                  {"compress = null", "\"bf16\""});
}

TEST_F(ElasticTest, AStaticLossScaleChangesNoBit) {
  const TrainConfig plain = config("plain", [](TrainConfig&) {});
  const TrainConfig scaled =
      config("scaled", [](TrainConfig& c) { c.run.loss_scale = "512"; });
  world_.train(plain);
  world_.train(scaled, 2);
  EXPECT_EQ(end_state(plain), end_state(scaled));
}

TEST_F(ElasticTest, Bf16TrainsToTheSameBitsOnAnyWorld) {
  const auto change = [](TrainConfig& c) {
    c.run.precision = "bf16";
    c.run.epochs = 16;
    c.batch = {.slots = 4, .slot_batch = 5};  // A step is an epoch.
    c.model.resnet.norm = {.kind = "gn", .groups = 2};
    c.photo.min_area_frac = 0.9;
    c.photo.channel_shuffle_prob = 0.0;
    c.optimizer.optim.kind = "adam";
    c.schedule.lr = 0.01;
    c.checkpoint.every_steps = 0;
    c.eval.every_epochs = 0;
  };
  const TrainConfig one = config("one", change);
  world_.train(one);
  for (const int ranks : {2, 4}) {
    const TrainConfig other = config(str(ranks), change);
    world_.train(other, ranks);
    EXPECT_EQ(world_.state_after(one, 16), world_.state_after(other, 16));
  }
  const auto steps = steps_of(one);
  EXPECT_LT(steps.back()["loss"].get<double>(),
            0.7 * steps.front()["loss"].get<double>());
}

TEST_F(ElasticTest, RefusesWhatItCannotDo) {
  const TrainConfig half =
      config("half", [](TrainConfig& c) { c.run.precision = "fp16"; });
  test::expect_error<ConfigError>([&] { world_.train(half); },
                                  {"run.precision = 'fp16'", "GPU", "bf16"});
  const TrainConfig typo =
      config("typo", [](TrainConfig& c) { c.run.precision = "f16"; });
  test::expect_error<ConfigError>([&] { world_.train(typo); },
                                  {"run.precision = 'f16'", "'float32'"});
  const TrainConfig layout =
      config("layout", [](TrainConfig& c) { c.run.memory_format = "nhwc"; });
  test::expect_error<ConfigError>(
      [&] { world_.train(layout); },
      {"run.memory_format = 'nhwc'", "'contiguous' or 'channels_last'"});
  const TrainConfig never =
      config("never", [](TrainConfig& c) { c.run.max_nonfinite = 0; });
  test::expect_error<ConfigError>([&] { world_.train(never); },
                                  {"run.max_nonfinite = 0", "at least 1"});
  const TrainConfig both = config("both", [](TrainConfig& c) {
    with_syncbn(c);
    c.model.resnet.checkpoint_activations = true;
  });
  test::expect_error<ConfigError>([&] { world_.train(both); },
                                  {"model.checkpoint_activations", "syncbn"});
}

// ---- not finite ----

// The first update leaves weights so large that every loss overflows.
void diverge(TrainConfig& config) {
  config.schedule.lr = 1e38;
  config.eval.every_epochs = 0;
  config.run.max_nonfinite = 3;
}

TEST_F(ElasticTest, StopsAfterSoManyStepsThatAreNotFinite) {
  const TrainConfig run = config("diverge", diverge);
  test::expect_error<ConfigError>(
      [&] { world_.train(run, 2); },
      {"the loss of step 3 is not finite", "3 in a row", "schedule.lr"});
  const Json record = parse_json(
      test::read_text(join_path(run.run.out, "nonfinite_step_00000001.json")),
      "record");
  EXPECT_EQ(record["not_finite"], "loss");
  EXPECT_EQ(record["slots"].size(), 8U);
  // The short step: 4 samples over 8 slots.
  EXPECT_EQ(record["slots"][3]["sample_ids"].size(), 1U);
  EXPECT_EQ(record["slots"][4]["sample_ids"].size(), 0U);
  EXPECT_EQ(steps_of(run)[1]["skipped"], "loss");
}

TEST_F(ElasticTest, TheCountOfThemOutlivesAnInterruption) {
  const TrainConfig run = config("interrupted", diverge);
  world_.train_with(run, 2, files_, 2);  // Steps 0 and 1.
  test::expect_error<ConfigError>([&] { world_.train(run); },
                                  {"step 3", "3 in a row"});
}

TEST_F(ElasticTest, ASkippedStepChangesNothing) {
  const TrainConfig run = config("skipped", [](TrainConfig& c) {
    diverge(c);
    c.ema.decay = 0.5;
  });
  test::expect_error<ConfigError>([&] { world_.train(run); }, {"in a row"});
  EXPECT_EQ(world_.state_after(run, 1), world_.state_after(run, 2));
}

// ---- sizes ----

TEST(SizeScheduleTest, IsAFunctionOfTheEpoch) {
  const SizeSchedule sizes("0:128,30:160,60:224", "photo.sizes");
  EXPECT_EQ(sizes.size_at(0, 7), 128);
  EXPECT_EQ(sizes.size_at(29, 7), 128);
  EXPECT_EQ(sizes.size_at(30, 7), 160);
  EXPECT_EQ(sizes.size_at(99, 7), 224);
  EXPECT_EQ(sizes.next_change(0, 90), 30);
  EXPECT_EQ(sizes.next_change(30, 90), 60);
  EXPECT_EQ(sizes.next_change(30, 40), 40);
  EXPECT_EQ(sizes.next_change(60, 90), 90);
  const SizeSchedule none("", "photo.sizes");
  EXPECT_EQ(none.size_at(5, 7), 7);
  EXPECT_EQ(none.next_change(5, 90), 90);
}

TEST(SizeScheduleTest, NamesTheEntryThatIsWrong) {
  for (const char* text : {"5:128", "0:0", "0", "0:64,x:9", "0:64,0:96", ","}) {
    test::expect_error<ConfigError>([&] { SizeSchedule(text, "photo.sizes"); },
                                    {"photo.sizes = '", text, "rising epochs"});
  }
}

}  // namespace
}  // namespace voxlift::trainer
