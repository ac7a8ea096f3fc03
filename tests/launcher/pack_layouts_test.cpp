#include "launcher/cli/pack_layouts.h"

#include <gtest/gtest.h>

#include <sstream>

#include "base/strings.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_dir.h"

namespace voxlift::launcher {
namespace {

using test::expect_error;
using Args = std::vector<std::string>;

class PackLayoutsTest : public ::testing::Test {
 protected:
  // Four scans of two patients in a list with masks.
  PackLayoutsTest() {
    std::string csv = "image,mask,label,subject\n";
    for (int i = 0; i < 4; ++i) {
      dir_.write(str_cat("s", i, ".nii"), "");
      csv += str_cat("s", i, ".nii,s", i, ".nii,", i % 2, ",p", i / 2, "\n");
    }
    list_ = dir_.write("list.csv", csv);
  }

  static LayoutOptions parse(const Args& args) {
    LayoutOptions options;
    OptionBinder binder("voxlift pack");
    bind_layout(binder, options);
    binder.parse(args);
    check_layout(options, binder);
    return options;
  }

  static dataio::Manifest list(const Args& args) {
    return list_layout(parse(args));
  }

  test::TempDir dir_;
  std::string list_;
};

TEST_F(PackLayoutsTest, ListTheWholeListWithoutASplit) {
  EXPECT_EQ(list({"--source", list_, "--layout", "manifest"}).entries.size(),
            4U);
}

TEST_F(PackLayoutsTest, SplitBySubject) {
  for (const char* split : {"train", "test"}) {
    const auto part = list({"--source", list_, "--layout", "volumes", "--split",
                            split, "--split-fracs", "0.5,0,0.5"});
    ASSERT_EQ(part.entries.size(), 2U);
    EXPECT_EQ(part.entries[0].subject, part.entries[1].subject);
  }
}

TEST_F(PackLayoutsTest, TakeAFraction) {
  EXPECT_EQ(
      list({"--source", list_, "--layout", "manifest", "--fraction", "0.5"})
          .entries.size(),
      2U);
}

TEST_F(PackLayoutsTest, ListEveryLayoutByName) {
  for (const char* name : {"folders", "imagenet", "imagenet-tar", "volumes",
                           "manifest", "volume-folders", "lidc", "lidc-seg",
                           "lits", "bcv", "coco", "deeplesion"}) {
    EXPECT_NE(layouts_help().find(str_cat("\n  ", name, " ")),
              std::string::npos);
    // Each reaches a source of its own, which names what is not there.
    expect_error<Error>(
        [&] {
          list({"--source", dir_.file("absent"), "--layout", name});
        },
        {dir_.file("absent")});
  }
}

TEST_F(PackLayoutsTest, NameTheNearestLayout) {
  expect_error<ConfigError>(
      [&] {
        parse({"--layout", "lisc"});
      },
      {"option 'layout' is 'lisc'", "nearest is 'lidc'"});
}

TEST_F(PackLayoutsTest, RejectOptionsOfAnotherLayout) {
  expect_error<ConfigError>(
      [] {
        parse({"--layout", "folders", "--mask-classes", "a,b"});
      },
      {"option 'mask-classes' is not for the layout 'folders'"});
  expect_error<ConfigError>(
      [] {
        parse({"--layout", "lits", "--drop-noisy"});
      },
      {"option 'drop-noisy' is not for the layout 'lits'"});
  expect_error<ConfigError>(
      [] {
        parse({"--layout", "imagenet", "--split-fracs", "0.8,0.1,0.1"});
      },
      {"option 'split-fracs' is not for the layout 'imagenet'"});
  expect_error<ConfigError>(
      [] {
        parse({"--layout", "folders", "--split", "val"});
      },
      {"option 'split' needs 'split-fracs'", "'folders'"});
}

TEST_F(PackLayoutsTest, RejectFractionsThatAreNoNumbers) {
  for (const char* bad : {"0.8,0.2", "a,0.1,0.1", "0.8,0.1,0.1,0"}) {
    expect_error<ConfigError>(
        [&] {
          list({"--source", list_, "--layout", "manifest", "--split-fracs",
                bad});
        },
        {"option 'split-fracs'", bad, "train,val,test"});
  }
}

TEST_F(PackLayoutsTest, ShowWhatIsInAManifest) {
  std::ostringstream out;
  print_manifest(list({"--source", list_, "--layout", "manifest",
                       "--mask-classes", "background,liver"}),
                 out);
  EXPECT_EQ(out.str(),
            "modality  volume\nsamples   4\nsubjects  2\n"
            "class     0 0: 2\nclass     1 1: 2\n"
            "masks     4: background, liver\n"
            "first     s0.nii\nfirst     s1.nii\nfirst     s2.nii\n"
            "first     s3.nii\nleft out  0\n");
}

}  // namespace
}  // namespace voxlift::launcher
