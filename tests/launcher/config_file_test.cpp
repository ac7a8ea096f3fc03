#include "launcher/config_file.h"

#include <gtest/gtest.h>

#include <limits>
#include <sstream>

#include "tests/support/expect_error.h"
#include "tests/support/temp_dir.h"

namespace voxlift::launcher {
namespace {

using test::expect_error;
using Args = std::vector<std::string>;

struct Fields {
  std::string train = "shards";
  int workers = 1;
  int64_t steps = 100;
  uint64_t seed = 7;
  double rate = 0.1;
  bool shuffle = true;
  dataio::Shape3 shape = {48, 48, 48};
  std::vector<std::string> tasks = {"a", "b"};
};

class OptionBinderTest : public ::testing::Test {
 protected:
  OptionBinderTest() {
    binder_.add("data.train", fields_.train, "folder of shards");
    binder_.add("data.workers", fields_.workers, "decoding threads");
    binder_.add("train.steps", fields_.steps, "number of steps");
    binder_.add("seed", fields_.seed, "seed of everything");
    binder_.add("optim.rate", fields_.rate, "learning rate");
    binder_.add("data.shuffle", fields_.shuffle, "shuffle each epoch");
    binder_.add("data.shape", fields_.shape, "depth, height, width");
    binder_.add("tasks", fields_.tasks, "names of tasks");
  }

  void parse(const Args& args) { binder_.parse(args); }

  std::string write_config(const std::string& text) const {
    return dir_.write("run.cfg", text);
  }

  test::TempDir dir_;
  Fields fields_;
  OptionBinder binder_{"voxlift train"};
};

TEST_F(OptionBinderTest, KeepsDefaultsWithoutArguments) {
  parse({});
  EXPECT_EQ(fields_.train, "shards");
  EXPECT_EQ(fields_.steps, 100);
  EXPECT_EQ(fields_.tasks, (Args{"a", "b"}));
  EXPECT_FALSE(binder_.is_given("data.train"));
}

TEST_F(OptionBinderTest, ReadsEveryTypeFromTheCommandLine) {
  parse({"--data.train", "/x y", "--data.workers=3", "--train.steps", "-5",
         "--seed", "18446744073709551615", "--optim.rate=1e-3",
         "--data.shuffle", "off", "--data.shape", "1, 2,3", "--tasks=c,d"});
  EXPECT_EQ(fields_.train, "/x y");
  EXPECT_EQ(fields_.workers, 3);
  EXPECT_EQ(fields_.steps, -5);
  EXPECT_EQ(fields_.seed, std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(fields_.rate, 1e-3);
  EXPECT_FALSE(fields_.shuffle);
  EXPECT_EQ(fields_.shape, (dataio::Shape3{1, 2, 3}));
  EXPECT_EQ(fields_.tasks, (Args{"c", "d"}));
}

TEST_F(OptionBinderTest, PrefersTheCommandLineToTheFile) {
  const std::string path = write_config(
      "seed = 1\n# a comment\n[data]\ntrain = file dir\nworkers = 9\n");
  parse({"--data.workers", "2", "--config", path});
  EXPECT_EQ(fields_.seed, 1U);
  EXPECT_EQ(fields_.train, "file dir");
  EXPECT_EQ(fields_.workers, 2);
  EXPECT_TRUE(binder_.is_given("data.train"));
  EXPECT_FALSE(binder_.is_given("tasks"));
}

TEST_F(OptionBinderTest, TakesEveryWordForABoolean) {
  for (const char* word : {"true", "1", "on", "TRUE"}) {
    fields_.shuffle = false;
    parse({"--data.shuffle", word});
    EXPECT_TRUE(fields_.shuffle) << word;
  }
  for (const char* word : {"false", "0", "off"}) {
    fields_.shuffle = true;
    parse({std::string("--data.shuffle=") + word});
    EXPECT_FALSE(fields_.shuffle) << word;
  }
}

TEST_F(OptionBinderTest, TakesABooleanAloneForTrue) {
  fields_.shuffle = false;
  parse({"--data.shuffle", "--seed", "3"});
  EXPECT_TRUE(fields_.shuffle);
  EXPECT_EQ(fields_.seed, 3U);
}

TEST_F(OptionBinderTest, TakesAnEmptyValue) {
  parse({"--tasks=", "--data.train", ""});
  EXPECT_TRUE(fields_.tasks.empty());
  EXPECT_EQ(fields_.train, "");
}

TEST_F(OptionBinderTest, NamesTheNearestOptionOnTheCommandLine) {
  expect_error<ConfigError>(
      [&] {
        parse({"--data.trian", "x"});
      },
      {"'data.trian'", "on the command line", "nearest", "'data.train'"});
}

TEST_F(OptionBinderTest, NamesTheNearestOptionAndTheFile) {
  const std::string path = write_config("[data]\nwokers = 2\n");
  expect_error<ConfigError>(
      [&] {
        parse({"--config", path});
      },
      {"'data.wokers'", path, "'data.workers'"});
}

TEST_F(OptionBinderTest, DoesNotGuessAnAbbreviation) {
  expect_error<ConfigError>(
      [&] {
        parse({"--data.tra", "x"});
      },
      {"'data.tra'", "'data.train'"});
}

TEST_F(OptionBinderTest, NamesAValueOfAnotherType) {
  expect_error<ConfigError>(
      [&] {
        parse({"--train.steps", "12x"});
      },
      {"'train.steps'", "'12x'", "a whole number"});
  expect_error<ConfigError>([&] { parse({"--seed=-1"}); },
                            {"'seed'", "'-1'", "0 or more"});
  expect_error<ConfigError>([&] { parse({"--data.workers=3000000000"}); },
                            {"'data.workers'", "'3000000000'", "32 bits"});
  expect_error<ConfigError>([&] { parse({"--optim.rate=nan"}); },
                            {"'optim.rate'", "'nan'", "finite"});
  expect_error<ConfigError>([&] { parse({"--data.shuffle=maybe"}); },
                            {"'data.shuffle'", "'maybe'", "true, false"});
  expect_error<ConfigError>([&] { parse({"--data.shape=1,2"}); },
                            {"'data.shape'", "'1,2'", "48,48,48"});
}

TEST_F(OptionBinderTest, NamesTheFileOfAWrongValue) {
  const std::string path = write_config("[optim]\nrate = fast\n");
  expect_error<ConfigError>(
      [&] {
        parse({"--config", path});
      },
      {"'optim.rate'", path, "'fast'"});
}

TEST_F(OptionBinderTest, RejectsADuplicateInAFile) {
  const std::string path = write_config("seed = 1\nseed = 2\n");
  expect_error<ConfigError>(
      [&] {
        parse({"--config", path});
      },
      {"'seed'", "twice", path});
}

TEST_F(OptionBinderTest, RejectsADuplicateOnTheCommandLine) {
  expect_error<ConfigError>(
      [&] {
        parse({"--seed", "1", "--seed", "2"});
      },
      {"'seed'", "twice", "command line"});
}

TEST_F(OptionBinderTest, RejectsALineWithoutAValue) {
  const std::string path = write_config("seed\n");
  expect_error<ConfigError>([&] { parse({"--config", path}); }, {path, "seed"});
}

TEST_F(OptionBinderTest, RejectsAnArgumentThatIsNoOption) {
  expect_error<ConfigError>([&] { parse({"stray"}); }, {"'stray'"});
}

TEST_F(OptionBinderTest, RejectsAnOptionWithoutItsValue) {
  expect_error<ConfigError>([&] { parse({"--seed"}); }, {"seed"});
}

TEST_F(OptionBinderTest, NamesAConfigFileThatIsMissing) {
  const std::string path = dir_.file("absent.cfg");
  expect_error<IoError>(
      [&] {
        parse({"--config", path});
      },
      {path, "No such file"});
}

TEST_F(OptionBinderTest, AsksForARequiredOption) {
  binder_.require("data.train");
  expect_error<ConfigError>([&] { parse({}); },
                            {"'data.train'", "folder of shards", "--help"});
  parse({"--data.train=x"});
  EXPECT_EQ(fields_.train, "x");
}

TEST_F(OptionBinderTest, TakesThePositionalArgument) {
  binder_.set_positional("data.train");
  parse({"--seed", "2", "folder"});
  EXPECT_EQ(fields_.train, "folder");
  expect_error<ConfigError>([&] { parse({"a", "b"}); }, {"twice"});
}

TEST_F(OptionBinderTest, ResolvesToSortedText) {
  parse({"--optim.rate", "0.30000000000000004"});
  EXPECT_EQ(binder_.resolved_text(),
            "data.shape = 48,48,48\n"
            "data.shuffle = true\n"
            "data.train = shards\n"
            "data.workers = 1\n"
            "optim.rate = 0.30000000000000004\n"
            "seed = 7\n"
            "tasks = a,b\n"
            "train.steps = 100\n");
  EXPECT_EQ(binder_.resolved().size(), 8U);
}

TEST_F(OptionBinderTest, DigestsWhatChangesResults) {
  binder_.exclude_from_digest("data.workers");
  const std::string before = binder_.digest();
  EXPECT_EQ(before.size(), 16U);
  parse({"--data.workers", "5"});
  EXPECT_EQ(binder_.digest(), before);
  parse({"--seed", "8"});
  EXPECT_NE(binder_.digest(), before);
}

TEST_F(OptionBinderTest, PrintsHelpWithDefaults) {
  std::ostringstream out;
  binder_.require("data.train");
  binder_.print_help(out);
  EXPECT_NE(out.str().find("--data.train"), std::string::npos);
  EXPECT_NE(out.str().find("(required)"), std::string::npos);
  EXPECT_NE(out.str().find("[48,48,48]"), std::string::npos);
  EXPECT_NE(out.str().find("--config"), std::string::npos);
}

TEST_F(OptionBinderTest, RejectsANameTwice) {
  expect_error<InternalError>(
      [&] { binder_.add("seed", fields_.seed, "again"); }, {"seed"});
}

}  // namespace
}  // namespace voxlift::launcher
