#include "sharding/subset.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "base/strings.h"
#include "sharding/volume_reader.h"
#include "tests/sharding/packed_world.h"
#include "tests/sharding/volume_world.h"
#include "tests/support/expect_error.h"

namespace voxlift::sharding {
namespace {

using test::expect_error;

// 60 subjects with 1 to 3 samples each; every third has label 1 in its last.
struct Cohort {
  Cohort() {
    for (int s = 0; s < 60; ++s) {
      const int samples = 1 + s % 3;
      for (int i = 0; i < samples; ++i) {
        subjects.push_back(str_cat("subject", s));
        labels.push_back(s % 3 == 2 && i + 1 == samples ? 1 : 0);
      }
    }
  }

  std::vector<int64_t> choose(double fraction, uint64_t seed = 0) const {
    return choose_subset(subjects, labels,
                         {.fraction = fraction, .seed = seed});
  }

  std::vector<std::string> subjects;
  std::vector<int64_t> labels;
};

TEST(SubsetTest, SmallerSharesAreWithinLargerOnes) {
  const Cohort cohort;
  std::vector<int64_t> smaller;
  for (const double fraction : {0.01, 0.2, 0.4, 0.6, 0.8, 1.0}) {
    const std::vector<int64_t> larger = cohort.choose(fraction);
    EXPECT_TRUE(std::includes(larger.begin(), larger.end(), smaller.begin(),
                              smaller.end()))
        << fraction;
    EXPECT_GT(larger.size(), smaller.size()) << fraction;
    smaller = larger;
  }
  EXPECT_EQ(smaller.size(), cohort.subjects.size());
}

TEST(SubsetTest, KeepsTheShareOfEveryClassInWholeSubjects) {
  const Cohort cohort;
  std::map<std::string, int64_t> kept;
  for (const int64_t id : cohort.choose(0.2)) {
    ++kept[cohort.subjects[static_cast<size_t>(id)]];
  }
  int64_t with_label_1 = 0;
  for (const auto& [subject, samples] : kept) {
    EXPECT_EQ(samples, std::count(cohort.subjects.begin(),
                                  cohort.subjects.end(), subject));
    with_label_1 += samples == 3 ? 1 : 0;  // Those with label 1 have three.
  }
  EXPECT_EQ(kept.size(), 12U);
  EXPECT_EQ(with_label_1, 4);
}

TEST(SubsetTest, KeepsASubjectOfEveryClassAtLeast) {
  EXPECT_EQ(choose_subset(std::vector<std::string>{"a", "b", "c"},
                          std::vector<int64_t>{0, 0, 1}, {.fraction = 0.01})
                .size(),
            2U);
}

TEST(SubsetTest, DoesNotDependOnTheOrderButOnTheSeed) {
  const Cohort cohort;
  Cohort reversed;
  std::reverse(reversed.subjects.begin(), reversed.subjects.end());
  std::reverse(reversed.labels.begin(), reversed.labels.end());
  const auto names_of = [](const Cohort& of, uint64_t seed) {
    std::set<std::string> names;
    for (const int64_t id : of.choose(0.3, seed)) {
      names.insert(of.subjects[static_cast<size_t>(id)]);
    }
    return names;
  };
  EXPECT_EQ(names_of(cohort, 5), names_of(reversed, 5));
  EXPECT_NE(names_of(cohort, 5), names_of(cohort, 6));
}

TEST(SubsetTest, ReadsSubjectsOfScansAndIdsOfPhotographs) {
  const test::VolumeShard scans;
  const VolumeReader reader(scans.path());
  EXPECT_EQ(reader.subject(1), "patient0");
  test::PackedWorld photos(30, 3);
  photos.pack();
  const Dataset dataset(photos.dir(), {});
  EXPECT_EQ(dataset.subject(2), dataset.source_id(2));
  EXPECT_EQ(choose_subset(dataset, {.fraction = 0.5}).size(), 15U);
}

TEST(SubsetTest, RejectsSharesThatAreNone) {
  for (const double fraction : {0.0, -0.5, 1.5}) {
    const SubsetConfig config = {.fraction = fraction};
    expect_error<ConfigError>([&] { config.validate("data."); },
                              {"data.fraction = ", "must be in (0, 1]"});
  }
}

}  // namespace
}  // namespace voxlift::sharding
