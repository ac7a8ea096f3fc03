#pragma once
// Scores of a two-class decision from one number per case.

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace voxlift::trainer {

// Cases with a score (higher: more likely positive) and whether they are.
struct ScoredCase {
  double score = 0.0;
  bool positive = false;
};

// Area under the ROC curve: the share of (positive, negative) pairs in which
// the positive scores higher, ties count half (Mann-Whitney U). Nothing unless
// both kinds are there. A score that is not a number is the lowest.
std::optional<double> roc_auc(std::span<const ScoredCase> cases);

// Of the decision score > threshold. Undefined shares (no such cases) are
// nothing.
struct BinaryScores {
  double threshold = 0.0;
  double accuracy = 0.0;
  std::optional<double> sensitivity;  // Recall of the positives.
  std::optional<double> specificity;  // Recall of the negatives.
  std::optional<double> precision;
  std::optional<double> f1;
};

BinaryScores binary_scores(std::span<const ScoredCase> cases, double threshold);

// The threshold with the largest sensitivity + specificity (Youden), midway
// between two neighbouring scores; the lowest of equally good ones. For a
// validation set: choosing it on the test set flatters. The highest
// score if every threshold is worse than calling nobody positive; 0.5 unless
// both kinds are there.
double best_threshold(std::span<const ScoredCase> cases);

struct Interval {
  double low = 0.0;
  double high = 0.0;
};

// Percentile bootstrap over cases: `statistic` of `draws` resamples with
// replacement, the middle `confidence` of them. Resamples without a value are
// left out; nothing if none has one. The same for the same seed. Source: Efron
// and Tibshirani, "An introduction to the bootstrap", 1993, chapter 13.
using CaseStatistic =
    std::function<std::optional<double>(std::span<const ScoredCase>)>;
std::optional<Interval> bootstrap_interval(std::span<const ScoredCase> cases,
                                           const CaseStatistic& statistic,
                                           int64_t draws, double confidence,
                                           uint64_t seed);

// The q-quantile (0..1) of `values`, linear between neighbours, as numpy's
// default. `values` must not be empty.
double quantile(std::vector<double> values, double q);

}  // namespace voxlift::trainer
