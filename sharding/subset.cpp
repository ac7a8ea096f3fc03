#include "sharding/subset.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/random.h"
#include "base/strings.h"

namespace voxlift::sharding {
namespace {

// FNV-1a, 64 bits, scattered by the seed.
uint64_t key_of(const std::string& subject, uint64_t seed) {
  uint64_t hash = 0xCBF29CE484222325ULL;
  for (const char c : subject) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
  }
  return mix64(hash ^ mix64(seed));
}

using Ordered = std::vector<std::pair<uint64_t, std::string>>;

// The subjects of each class in the order in which they are kept.
std::map<int64_t, Ordered> subjects_by_class(
    std::span<const std::string> subjects, std::span<const int64_t> labels,
    uint64_t seed) {
  std::map<std::string, int64_t> class_of;
  for (size_t i = 0; i < subjects.size(); ++i) {
    const auto [entry, is_new] = class_of.emplace(subjects[i], labels[i]);
    entry->second = std::max(entry->second, labels[i]);
  }
  std::map<int64_t, Ordered> by_class;
  for (const auto& [subject, label] : class_of) {
    by_class[label].emplace_back(key_of(subject, seed), subject);
  }
  for (auto& [label, ordered] : by_class) {
    std::sort(ordered.begin(), ordered.end());
  }
  return by_class;
}

int64_t number_kept(size_t subjects, double fraction) {
  return std::max<int64_t>(
      1, std::llround(fraction * static_cast<double>(subjects)));
}

}  // namespace

void SubsetConfig::validate(const std::string& path) const {
  if (!(fraction > 0.0 && fraction <= 1.0)) {
    throw ConfigError(
        str_cat(path, "fraction = ", fraction, ": must be in (0, 1]"));
  }
}

std::vector<int64_t> choose_subset(std::span<const std::string> subjects,
                                   std::span<const int64_t> labels,
                                   const SubsetConfig& config) {
  config.validate("subset.");
  VOXLIFT_CHECK(subjects.size() == labels.size(), "a label per subject");
  std::set<std::string> kept;
  for (const auto& [label, ordered] :
       subjects_by_class(subjects, labels, config.seed)) {
    const int64_t number = number_kept(ordered.size(), config.fraction);
    for (int64_t i = 0; i < number; ++i) {
      kept.insert(ordered[static_cast<size_t>(i)].second);
    }
  }
  std::vector<int64_t> ids;
  for (size_t i = 0; i < subjects.size(); ++i) {
    if (kept.contains(subjects[i])) {
      ids.push_back(static_cast<int64_t>(i));
    }
  }
  return ids;
}

std::vector<int64_t> choose_subset(const Dataset& dataset,
                                   const SubsetConfig& config) {
  std::vector<std::string> subjects;
  std::vector<int64_t> labels;
  for (int64_t id = 0; id < dataset.num_samples(); ++id) {
    subjects.push_back(dataset.subject(id));
    labels.push_back(dataset.label(id));
  }
  return choose_subset(subjects, labels, config);
}

}  // namespace voxlift::sharding
