#include "dataio/source/split.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/random.h"
#include "base/strings.h"
#include "tests/support/expect_error.h"

namespace voxlift::dataio {
namespace {

using test::expect_error;
using Ids = std::set<std::string>;

constexpr const char* kParts[] = {"train", "val", "test"};

Ids ids(const Manifest& manifest) {
  Ids result;
  for (const SourceEntry& entry : manifest.entries) {
    result.insert(entry.id);
  }
  return result;
}

Ids subjects(const Manifest& manifest) {
  Ids result;
  for (const SourceEntry& entry : manifest.entries) {
    result.insert(entry.subject);
  }
  return result;
}

// Subjects with 1 to `most` entries of 3 classes.
Manifest random_manifest(uint64_t seed, int64_t num_subjects, int64_t most) {
  RandomStream draws(seed, Purpose::kSynth, 0, 0);
  Manifest manifest;
  manifest.classes = {"a", "b", "c"};
  for (int64_t s = 0; s < num_subjects; ++s) {
    const int64_t count = draws.uniform_int(1, most);
    for (int64_t i = 0; i < count; ++i) {
      SourceEntry entry;
      entry.id = str_cat("s", s, "/", i);
      entry.subject = str_cat("s", s);
      entry.label = draws.uniform_int(0, 2);
      manifest.entries.push_back(entry);
    }
  }
  return manifest;
}

TEST(SplitBySubjectTest, NeverLeaksAndLosesNothing) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    RandomStream draws(seed, Purpose::kFault, 0, 0);
    const Manifest all = random_manifest(seed, draws.uniform_int(30, 80), 6);
    Ids met;
    size_t num_entries = 0;
    for (const char* part : kParts) {
      const Manifest chosen =
          split_by_subject(all, {0.6, 0.2, 0.2}, seed, part);
      for (const std::string& subject : subjects(chosen)) {
        EXPECT_TRUE(met.insert(subject).second) << subject << " leaks";
      }
      num_entries += chosen.entries.size();
      EXPECT_EQ(chosen.classes, all.classes);
    }
    EXPECT_EQ(met, subjects(all));
    EXPECT_EQ(num_entries, all.entries.size());
  }
}

TEST(SplitBySubjectTest, MeetsTheFractionsToHalfASubjectACut) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const Manifest all = random_manifest(seed, 60, 7);
    const auto total = static_cast<double>(all.entries.size());
    const SplitFractions fractions = {0.7, 0.1, 0.2};
    const double train = static_cast<double>(
        split_by_subject(all, fractions, seed, "train").entries.size());
    const double test = static_cast<double>(
        split_by_subject(all, fractions, seed, "test").entries.size());
    EXPECT_LE(std::abs(train - 0.7 * total), 3.5 + 1e-9);
    EXPECT_LE(std::abs(test - 0.2 * total), 3.5 + 1e-9);
  }
}

TEST(SplitBySubjectTest, DependsOnTheSeedAndNotOnTheOrder) {
  const Manifest all = random_manifest(1, 40, 3);
  Manifest reversed = all;
  std::reverse(reversed.entries.begin(), reversed.entries.end());
  const Ids chosen = ids(split_by_subject(all, {}, 5, "train"));
  EXPECT_EQ(ids(split_by_subject(reversed, {}, 5, "train")), chosen);
  EXPECT_NE(ids(split_by_subject(all, {}, 6, "train")), chosen);
}

TEST(SplitBySubjectTest, MovesOnlySubjectsAtTheCutsForANewOne) {
  const Manifest all = random_manifest(3, 100, 1);
  Manifest more = all;
  SourceEntry entry;
  entry.id = "new/0";
  entry.subject = "new";
  more.entries.push_back(entry);
  size_t moved = 0;
  for (const char* part : kParts) {
    const Ids before = subjects(split_by_subject(all, {}, 0, part));
    const Ids after = subjects(split_by_subject(more, {}, 0, part));
    for (const std::string& subject : before) {
      moved += after.contains(subject) ? 0 : 1;
    }
  }
  EXPECT_LE(moved, 2U);
}

TEST(SplitBySubjectTest, TakesAnEntryWithoutSubjectForItsOwn) {
  Manifest all = random_manifest(1, 10, 1);
  for (SourceEntry& entry : all.entries) {
    entry.subject.clear();
  }
  EXPECT_EQ(split_by_subject(all, {0.5, 0.0, 0.5}, 0, "train").entries.size(),
            5U);
  EXPECT_TRUE(split_by_subject(all, {0.5, 0.0, 0.5}, 0, "val").entries.empty());
}

TEST(SplitBySubjectTest, KeepsTheOrder) {
  const Manifest part =
      split_by_subject(random_manifest(1, 30, 4), {}, 0, "train");
  std::map<std::string, size_t> position;
  const Manifest all = random_manifest(1, 30, 4);
  for (size_t i = 0; i < all.entries.size(); ++i) {
    position[all.entries[i].id] = i;
  }
  for (size_t i = 1; i < part.entries.size(); ++i) {
    EXPECT_LT(position[part.entries[i - 1].id], position[part.entries[i].id]);
  }
}

TEST(SplitBySubjectTest, RejectsBadFractionsAndEmptyParts) {
  const Manifest all = random_manifest(1, 2, 1);
  expect_error<DataError>([&] { split_by_subject(all, {}, 0, "val"); },
                          {"the val part", "0.1", "2 subjects"});
  for (const SplitFractions& bad :
       {SplitFractions{0.5, 0.1, 0.1}, SplitFractions{1.5, -0.5, 0.0},
        SplitFractions{std::nan(""), 0.5, 0.5}}) {
    expect_error<ConfigError>([&] { split_by_subject(all, bad, 0, "train"); },
                              {"split fractions", "sum 1"});
  }
  expect_error<ConfigError>([&] { split_by_subject(all, {}, 0, "tset"); },
                            {"'tset'", "nearest: test"});
}

TEST(TakeFractionTest, IsNestedAndStratified) {
  const Manifest all = random_manifest(2, 100, 5);
  std::map<int64_t, double> per_label;
  for (const SourceEntry& entry : all.entries) {
    per_label[entry.label] += 1.0;
  }
  Ids smaller;
  for (const double frac : {0.2, 0.4, 0.6, 0.8, 1.0}) {
    const Manifest part = take_fraction(all, frac, 7);
    const Ids chosen = ids(part);
    EXPECT_TRUE(std::includes(chosen.begin(), chosen.end(), smaller.begin(),
                              smaller.end()));
    std::map<int64_t, double> counts;
    for (const SourceEntry& entry : part.entries) {
      counts[entry.label] += 1.0;
    }
    for (const auto& [label, count] : per_label) {
      EXPECT_LE(std::abs(counts[label] - frac * count), 0.5 + 1e-9);
    }
    smaller = chosen;
  }
  EXPECT_EQ(smaller, ids(all));
  EXPECT_NE(ids(take_fraction(all, 0.2, 8)), ids(take_fraction(all, 0.2, 7)));
}

TEST(TakeFractionTest, KeepsOneOfEveryLabel) {
  Manifest all = random_manifest(2, 20, 2);
  const Manifest part = take_fraction(all, 0.001, 0);
  EXPECT_EQ(part.entries.size(), 3U);
}

TEST(TakeFractionTest, RejectsABadFraction) {
  for (const double bad : {0.0, -1.0, 1.5, std::nan("")}) {
    expect_error<ConfigError>([&] { take_fraction({}, bad, 0); },
                              {"fraction is", "at most 1"});
  }
}

}  // namespace
}  // namespace voxlift::dataio
