#include "dataio/source/split.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/fnv.h"
#include "base/random.h"
#include "base/strings.h"

namespace voxlift::dataio {

namespace {

constexpr double kSumTolerance = 1e-6;
const char* const kParts[] = {"train", "val", "test"};

// Equal hashes (never met so far) are told apart by the name.
using Rank = std::pair<uint64_t, std::string_view>;

Rank rank_of(std::string_view name, uint64_t seed) {
  return {mix64(fnv1a64(name) ^ mix64(seed)), name};
}

std::string_view subject_of(const SourceEntry& entry) {
  return entry.subject.empty() ? entry.id : entry.subject;
}

// Number of subjects, in the order of `counts`, before the cut that is nearest
// to `target` entries.
size_t nearest_cut(const std::map<Rank, int64_t>& counts, double target) {
  size_t num_subjects = 0;
  double before = 0.0;
  for (const auto& [rank, count] : counts) {
    const double after = before + static_cast<double>(count);
    if (std::abs(after - target) >= std::abs(before - target)) {
      break;
    }
    before = after;
    ++num_subjects;
  }
  return num_subjects;
}

template <typename Keep>
void keep_entries(Manifest& manifest, const Keep& keep) {
  std::vector<SourceEntry> kept;
  for (SourceEntry& entry : manifest.entries) {
    if (keep(entry)) {
      kept.push_back(std::move(entry));
    }
  }
  manifest.entries = std::move(kept);
}

// First and last cut of the part among the ranked subjects.
std::pair<size_t, size_t> cuts_of(const std::map<Rank, int64_t>& counts,
                                  const SplitFractions& fractions,
                                  int64_t num_entries,
                                  const std::string& which) {
  const auto total = static_cast<double>(num_entries);
  const size_t val = nearest_cut(counts, fractions.train * total);
  const size_t test =
      nearest_cut(counts, (fractions.train + fractions.val) * total);
  if (which == "train") {
    return {0, val};
  }
  return which == "val" ? std::pair{val, test} : std::pair{test, counts.size()};
}

}  // namespace

void check_split(const std::string& split,
                 const std::vector<std::string>& possible) {
  if (std::find(possible.begin(), possible.end(), split) == possible.end()) {
    throw ConfigError(str_cat("split '", split, "', want '",
                              str_join(possible, "' or '"),
                              "'; nearest: ", nearest_word(split, possible)));
  }
}

void SplitFractions::validate() const {
  const double sum = train + val + test;
  if (!(train >= 0.0 && val >= 0.0 && test >= 0.0) ||
      !(std::abs(sum - 1.0) <= kSumTolerance)) {
    throw ConfigError(str_cat("split fractions ", train, ", ", val, ", ", test,
                              " have the sum ", sum,
                              ", want numbers from 0 with the sum 1"));
  }
}

Manifest split_by_subject(Manifest manifest, const SplitFractions& fractions,
                          uint64_t seed, const std::string& which) {
  fractions.validate();
  check_split(which, {std::begin(kParts), std::end(kParts)});
  std::map<Rank, int64_t> counts;
  for (const SourceEntry& entry : manifest.entries) {
    ++counts[rank_of(subject_of(entry), seed)];
  }
  const auto [first, last] = cuts_of(
      counts, fractions, static_cast<int64_t>(manifest.entries.size()), which);
  const double frac = which == "train" ? fractions.train
                      : which == "val" ? fractions.val
                                       : fractions.test;
  if (first == last && frac > 0.0) {
    throw DataError(str_cat("the ", which, " part (fraction ", frac,
                            ") is empty: ", counts.size(), " subjects, ",
                            manifest.entries.size(), " entries"));
  }
  std::set<std::string> chosen;
  auto at = counts.begin();
  for (size_t i = 0; i < last; ++i, ++at) {
    if (i >= first) {
      chosen.emplace(at->first.second);
    }
  }
  keep_entries(manifest, [&](const SourceEntry& entry) {
    return chosen.contains(std::string(subject_of(entry)));
  });
  return manifest;
}

Manifest take_fraction(Manifest manifest, double frac, uint64_t seed) {
  if (!(frac > 0.0 && frac <= 1.0)) {
    throw ConfigError(
        str_cat("fraction is ", frac, ", want more than 0, at most 1"));
  }
  std::map<int64_t, std::set<Rank>> ranks;  // Per label.
  for (const SourceEntry& entry : manifest.entries) {
    ranks[entry.label].insert(rank_of(entry.id, seed));
  }
  std::set<std::string> chosen;
  for (const auto& [label, ranked] : ranks) {
    const auto share = static_cast<int64_t>(
        std::floor(frac * static_cast<double>(ranked.size()) + 0.5));
    auto at = ranked.begin();
    for (int64_t i = 0; i < std::max<int64_t>(share, 1); ++i, ++at) {
      chosen.emplace(at->second);
    }
  }
  keep_entries(manifest, [&](const SourceEntry& entry) {
    return chosen.contains(entry.id);
  });
  return manifest;
}

}  // namespace voxlift::dataio
