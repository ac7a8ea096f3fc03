#include "dataio/source/lits.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/strings.h"
#include "dataio/source/scan_files.h"
#include "dataio/source/split.h"

namespace voxlift::dataio {

namespace {

using Numbered = std::map<int64_t, std::string>;

// In the order of the published lists.
constexpr std::array<int64_t, 13> kVal = {34, 0,   75, 58,  87, 85, 73,
                                          29, 110, 17, 113, 72, 103};
constexpr std::array<int64_t, 13> kTest = {52,  26, 42, 88, 77,  20, 65,
                                           112, 86, 2,  99, 127, 19};

template <typename Numbers>
bool has(const Numbers& numbers, int64_t number) {
  return std::find(numbers.begin(), numbers.end(), number) != numbers.end();
}

void merge(const Numbered& more, Numbered& all) {
  for (const auto& [number, path] : more) {
    const auto [before, is_new] = all.emplace(number, path);
    if (!is_new) {
      throw DataError(str_cat("both '", before->second, "' and '", path,
                              "' have the number ", number));
    }
  }
}

// In `root` and the folders directly below it.
Numbered find_numbered(const std::string& root, const std::string& prefix) {
  const RealFiles files;
  Numbered all = numbered_scans(root, prefix);
  for (const std::string& name : files.list_dir(root)) {
    const std::string dir = join_path(root, name);
    if (!name.starts_with('.') && files.is_dir(dir)) {
      merge(numbered_scans(dir, prefix), all);
    }
  }
  return all;
}

std::vector<int64_t> numbers_of(const std::string& split,
                                const Numbered& images) {
  if (split == "val") {
    return {kVal.begin(), kVal.end()};
  }
  if (split == "test") {
    return {kTest.begin(), kTest.end()};
  }
  std::vector<int64_t> numbers;
  for (const auto& [number, path] : images) {
    if (split == "all" || !(has(kVal, number) || has(kTest, number))) {
      numbers.push_back(number);
    }
  }
  return numbers;
}

const std::string& path_of(const Numbered& files, int64_t number,
                           const std::string& root, const std::string& prefix) {
  const auto found = files.find(number);
  if (found == files.end()) {
    throw DataError(str_cat(root, ": no ", prefix, number, ".nii(.gz)"));
  }
  return found->second;
}

}  // namespace

Manifest list_lits(const std::string& root, const std::string& split,
                   const std::vector<std::string>& mask_classes) {
  check_split(split, {"train", "val", "test", "all"});
  const Numbered images = find_numbered(root, "volume-");
  const Numbered masks = find_numbered(root, "segmentation-");
  Manifest manifest;
  manifest.modality = Modality::kVolume;
  manifest.classes = {kNoClass};
  manifest.mask_classes = mask_classes;
  if (mask_classes.empty()) {
    manifest.mask_classes = {"background", "liver", "tumour"};
  }
  for (const int64_t number : numbers_of(split, images)) {
    VolumeEntry volume;
    volume.image.path = path_of(images, number, root, "volume-");
    volume.mask = VolumeFile();
    volume.mask->path = path_of(masks, number, root, "segmentation-");
    manifest.entries.push_back(
        make_scan_entry(std::move(volume), str_cat("volume-", number), 0, ""));
  }
  if (manifest.entries.empty()) {
    throw DataError(str_cat(root, ": no volume-N.nii(.gz) for ", split));
  }
  for (const auto& [number, path] : masks) {
    if (!images.contains(number)) {
      manifest.ignored.push_back(path + ": no volume of this number");
    }
  }
  return manifest;
}

}  // namespace voxlift::dataio
