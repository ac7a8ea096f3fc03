#include "trainer/metrics/roc.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/random.h"

namespace voxlift::trainer {
namespace {

using Cases = std::vector<ScoredCase>;

Cases random_cases(uint64_t seed, int64_t count, int64_t distinct_scores) {
  RandomStream random(seed, Purpose::kShuffle, 0, 0);
  Cases cases;
  for (int64_t i = 0; i < count; ++i) {
    cases.push_back(
        {static_cast<double>(random.uniform_int(0, distinct_scores)) /
             static_cast<double>(distinct_scores),
         random.bernoulli(0.4)});
  }
  return cases;
}

// The definition: every pair of a positive and a negative.
double auc_by_pairs(const Cases& cases) {
  double wins = 0.0;
  double pairs = 0.0;
  for (const ScoredCase& a : cases) {
    for (const ScoredCase& b : cases) {
      if (a.positive && !b.positive) {
        pairs += 1.0;
        wins += a.score > b.score ? 1.0 : (a.score == b.score ? 0.5 : 0.0);
      }
    }
  }
  return wins / pairs;
}

TEST(RocAucTest, CountsPairsWithTies) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const Cases cases = random_cases(seed, 60, seed % 2 == 0 ? 5 : 1'000'000);
    EXPECT_NEAR(*roc_auc(cases), auc_by_pairs(cases), 1e-12) << seed;
  }
}

TEST(RocAucTest, IsNothingForOneClass) {
  EXPECT_FALSE(roc_auc(Cases{}).has_value());
  EXPECT_FALSE(roc_auc(Cases{{0.1, true}, {0.9, true}}).has_value());
  EXPECT_FALSE(roc_auc(Cases{{0.1, false}}).has_value());
}

TEST(RocAucTest, TakesNanForTheLowestScore) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(*roc_auc(Cases{{nan, true}, {0.0, false}}), 0.0);
  EXPECT_EQ(*roc_auc(Cases{{nan, false}, {0.0, true}}), 1.0);
}

TEST(BinaryScoresTest, CountsTheFourKinds) {
  const Cases cases = {{0.9, true},  {0.8, true},  {0.2, true},
                       {0.7, false}, {0.1, false}, {0.3, false}};
  const BinaryScores scores = binary_scores(cases, 0.5);
  EXPECT_DOUBLE_EQ(scores.accuracy, 4.0 / 6.0);
  EXPECT_DOUBLE_EQ(*scores.sensitivity, 2.0 / 3.0);
  EXPECT_DOUBLE_EQ(*scores.specificity, 2.0 / 3.0);
  EXPECT_DOUBLE_EQ(*scores.precision, 2.0 / 3.0);
  EXPECT_DOUBLE_EQ(*scores.f1, 2.0 / 3.0);
}

TEST(BinaryScoresTest, LeavesOutSharesOfNothing) {
  const BinaryScores scores = binary_scores(Cases{{0.1, false}}, 0.5);
  EXPECT_EQ(scores.accuracy, 1.0);
  EXPECT_FALSE(scores.sensitivity.has_value());
  EXPECT_FALSE(scores.precision.has_value());
  EXPECT_FALSE(scores.f1.has_value());
  EXPECT_EQ(*scores.specificity, 1.0);
}

TEST(BestThresholdTest, IsNoWorseThanAnyOther) {
  const auto youden = [](const Cases& cases, double threshold) {
    const BinaryScores scores = binary_scores(cases, threshold);
    return *scores.sensitivity + *scores.specificity;
  };
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const Cases cases = random_cases(seed, 40, 12);
    const double best = youden(cases, best_threshold(cases));
    for (int i = 0; i < 100; ++i) {
      EXPECT_GE(best + 1e-12, youden(cases, i / 100.0)) << seed << " " << i;
    }
  }
}

TEST(BestThresholdTest, IsAHalfWhereNothingIsToChoose) {
  EXPECT_EQ(best_threshold(Cases{}), 0.5);
  EXPECT_EQ(best_threshold(Cases{{0.1, true}}), 0.5);
  EXPECT_EQ(best_threshold(Cases{{0.2, true}, {0.2, false}}), 0.2);
}

TEST(BestThresholdTest, SeparatesInfiniteScores) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (const auto& [low, high] :
       {std::pair(0.25, kInfinity), std::pair(-kInfinity, 0.25),
        std::pair(-kInfinity, kInfinity)}) {
    const double best = best_threshold(Cases{{low, false}, {high, true}});
    EXPECT_TRUE(high > best && !(low > best)) << low << " " << high;
  }
}

TEST(BootstrapTest, CoversTheTrueValueAboutAsOftenAsItSays) {
  // Scores of two normal distributions one deviation apart: AUC = 0.7602.
  constexpr double kTrue = 0.76024993890652;
  int covered = 0;
  constexpr int kTrials = 100;
  for (int trial = 0; trial < kTrials; ++trial) {
    RandomStream random(7, Purpose::kShuffle, 0, static_cast<uint64_t>(trial));
    Cases cases;
    for (int i = 0; i < 100; ++i) {
      const bool positive = i % 2 == 0;
      cases.push_back({random.normal() + (positive ? 1.0 : 0.0), positive});
    }
    const auto interval = bootstrap_interval(cases, roc_auc, 200, 0.9, 3);
    covered += interval->low <= kTrue && kTrue <= interval->high ? 1 : 0;
  }
  EXPECT_GE(covered, 80);
  EXPECT_LE(covered, 98);
}

TEST(BootstrapTest, IsNothingWhereNoDrawHasAValue) {
  EXPECT_FALSE(
      bootstrap_interval(Cases{{0.1, true}}, roc_auc, 10, 0.9, 1).has_value());
  EXPECT_FALSE(bootstrap_interval(Cases{}, roc_auc, 10, 0.9, 1).has_value());
}

TEST(QuantileTest, GoesLinearlyBetweenNeighbours) {
  EXPECT_DOUBLE_EQ(quantile({4.0, 1.0, 3.0, 2.0}, 0.5), 2.5);
  EXPECT_DOUBLE_EQ(quantile({4.0, 1.0, 3.0, 2.0}, 0.95), 3.85);
  EXPECT_DOUBLE_EQ(quantile({5.0}, 0.3), 5.0);
  EXPECT_DOUBLE_EQ(quantile({1.0, 2.0}, 1.0), 2.0);
}

}  // namespace
}  // namespace voxlift::trainer
