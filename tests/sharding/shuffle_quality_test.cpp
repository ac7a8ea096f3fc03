// How random the order of an epoch is, by statistics whose expectation is known
// for a uniform permutation. docs/determinism.md quotes the figures.

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <iostream>
#include <vector>

#include "sharding/assignment.h"

namespace voxlift::sharding {
namespace {

constexpr int64_t kSamples = 4096;
constexpr int64_t kEpochs = 256;
constexpr int64_t kBins = 64;

// Sample ids in the order of one epoch.
std::vector<int64_t> order_of(int64_t epoch, uint64_t seed = 11) {
  const EpochAssignment assignment({.num_samples = kSamples,
                                    .slots = 1,
                                    .slot_batch = kSamples,
                                    .seed = seed,
                                    .shuffle = true},
                                   epoch);
  return assignment.slot_samples(0, 0);
}

// (chi2 - dof) / sqrt(2 dof) of counts that should be equal: about a standard
// normal deviate.
double chi_square_z(const std::vector<double>& counts, double expected,
                    double degrees_of_freedom) {
  double chi2 = 0.0;
  for (const double count : counts) {
    chi2 += (count - expected) * (count - expected) / expected;
  }
  return (chi2 - degrees_of_freedom) / std::sqrt(2.0 * degrees_of_freedom);
}

// Every part of the data set reaches every part of the epoch equally often.
TEST(ShuffleQualityTest, SpreadsEveryPartOfTheDataOverTheEpoch) {
  std::vector<double> counts(kBins * kBins);
  for (int64_t epoch = 0; epoch < kEpochs; ++epoch) {
    const auto order = order_of(epoch);
    for (int64_t i = 0; i < kSamples; ++i) {
      const int64_t from = order[static_cast<size_t>(i)] * kBins / kSamples;
      const int64_t to = i * kBins / kSamples;
      ++counts[static_cast<size_t>(from * kBins + to)];
    }
  }
  const double expected = static_cast<double>(kEpochs * kSamples) /
                          static_cast<double>(kBins * kBins);
  const double dof = static_cast<double>((kBins - 1) * (kBins - 1));
  const double z = chi_square_z(counts, expected, dof);
  std::cout << "shuffle_quality: chi-square of (data part, epoch part): z = "
            << z << "\n";
  EXPECT_LT(std::abs(z), 4.0);
}

// Neighbours of the shards are neighbours in the epoch no more often than by
// chance: two ordered pairs of |difference| 1 an epoch.
TEST(ShuffleQualityTest, PartsNeighbours) {
  double pairs = 0.0;
  for (int64_t epoch = 0; epoch < kEpochs; ++epoch) {
    const auto order = order_of(epoch);
    for (size_t i = 1; i < order.size(); ++i) {
      pairs += std::abs(order[i] - order[i - 1]) == 1 ? 1.0 : 0.0;
    }
  }
  const double mean = pairs / static_cast<double>(kEpochs);
  std::cout << "shuffle_quality: neighbours that stay neighbours: " << mean
            << " an epoch (chance: 2)\n";
  EXPECT_NEAR(mean, 2.0, 4.0 * std::sqrt(2.0 / kEpochs));
}

// Orders of following epochs, and of following seeds, have nothing in common.
TEST(ShuffleQualityTest, MakesEpochsAndSeedsIndependent) {
  const auto correlation = [](const std::vector<int64_t>& a,
                              const std::vector<int64_t>& b) {
    const double mean = (kSamples - 1) / 2.0;
    double sum = 0.0;
    for (size_t i = 0; i < a.size(); ++i) {
      sum += (static_cast<double>(a[i]) - mean) *
             (static_cast<double>(b[i]) - mean);
    }
    return sum / (kSamples * (1.0 * kSamples * kSamples - 1.0) / 12.0);
  };
  double largest = 0.0;
  for (int64_t epoch = 0; epoch + 1 < kEpochs; ++epoch) {
    const auto order = order_of(epoch);
    for (const double r : {correlation(order, order_of(epoch + 1)),
                           correlation(order, order_of(epoch, 12))}) {
      largest = std::max(largest, std::abs(r));
    }
  }
  std::cout << "shuffle_quality: largest correlation of " << 2 * (kEpochs - 1)
            << " pairs of orders: " << largest
            << " (deviation by chance: " << 1.0 / std::sqrt(kSamples - 1.0)
            << ")\n";
  EXPECT_LT(largest, 4.5 / std::sqrt(kSamples - 1.0));
}

}  // namespace
}  // namespace voxlift::sharding
