#include "dataio/source/deeplesion.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/strings.h"
#include "dataio/source/deeplesion_lists.h"
#include "dataio/source/scan_files.h"
#include "dataio/source/split.h"

namespace voxlift::dataio {

namespace {

// PNG value = HU + 32768.
constexpr double kZeroHu = 32768.0;
constexpr std::array<const char*, 3> kSplits = {"train", "val", "test"};

// The first of the candidates below `root` that exists; the last otherwise.
std::string first_existing(const std::string& root,
                           const std::vector<std::string>& candidates) {
  for (const std::string& name : candidates) {
    if (RealFiles().exists(join_path(root, name))) {
      return join_path(root, name);
    }
  }
  return join_path(root, candidates.back());
}

std::vector<KeySlice> read_keys(const std::string& root, bool keep_noisy,
                                const std::string& split) {
  const std::string info = join_path(root, "DL_info.csv");
  if (RealFiles().exists(info)) {
    return read_deeplesion_csv(info, keep_noisy);
  }
  const std::string dir = first_existing(root, {"annotation", "annotations"});
  if (!RealFiles().is_dir(dir)) {
    throw DataError(
        str_cat(root, ": neither DL_info.csv nor annotation(s)/ is there"));
  }
  std::vector<KeySlice> keys;
  for (size_t i = 0; i < kSplits.size(); ++i) {
    if (split != "all" && split != kSplits[i]) {
      continue;
    }
    const std::string path =
        join_path(dir, str_cat("deeplesion_", kSplits[i], ".json"));
    auto more =
        read_deeplesion_json(path, static_cast<int64_t>(i) + 1, keep_noisy);
    std::move(more.begin(), more.end(), std::back_inserter(keys));
  }
  return keys;
}

class DeepLesionLister {
 public:
  DeepLesionLister(const std::string& root, const DeepLesionOptions& options)
      : options_(options),
        image_dir_(
            first_existing(root, {"Images_png/Images_png", "Images_png"})) {
    manifest_.modality = Modality::kVolume;
    manifest_.classes = {kNoClass};
    manifest_.box_classes = {"lesion"};
  }

  void append(const KeySlice& key);

  Manifest take() { return std::move(manifest_); }

 private:
  const std::set<int64_t>& slices_of(const std::string& folder);
  VolumeEntry volume_of(const KeySlice& key, const std::set<int64_t>& slices);

  const DeepLesionOptions& options_;
  std::string image_dir_;
  RealFiles files_;
  // Of the folder asked for last: lists are sorted by folder.
  std::string folder_;
  std::set<int64_t> slices_;
  std::set<std::string> ids_;
  Manifest manifest_;
};

// The numbers of the slices that a folder holds; none if it does not exist.
const std::set<int64_t>& DeepLesionLister::slices_of(
    const std::string& folder) {
  if (folder == folder_) {
    return slices_;
  }
  folder_ = folder;
  slices_.clear();
  const std::string dir = join_path(image_dir_, folder);
  if (!files_.is_dir(dir)) {
    return slices_;
  }
  for (const std::string& name : files_.list_dir(dir)) {
    const auto number = parse_int(name.substr(0, name.find('.')));
    if (number && *number >= 0 && name.ends_with(".png")) {
      slices_.insert(*number);
    }
  }
  return slices_;
}

std::string slice_name(int64_t slice) {
  const std::string digits = std::to_string(slice);
  return std::string(digits.size() < 3 ? 3 - digits.size() : 0, '0') + digits +
         ".png";
}

// The slices around the key slice that exist without a gap.
VolumeEntry DeepLesionLister::volume_of(const KeySlice& key,
                                        const std::set<int64_t>& slices) {
  const auto reach =
      static_cast<int64_t>(std::ceil(options_.context_mm / key.slice_mm));
  int64_t first = key.slice;
  int64_t last = key.slice;
  while (key.slice - first < reach && slices.contains(first - 1)) {
    --first;
  }
  while (last - key.slice < reach && slices.contains(last + 1)) {
    ++last;
  }
  VolumeEntry volume;
  volume.image.path = join_path(image_dir_, key.folder);
  volume.image.first_slice = first;
  volume.image.last_slice = last;
  volume.image.subtract = kZeroHu;
  volume.image.spacing_mm = {key.slice_mm, key.pixel_mm, key.pixel_mm};
  volume.key_slice = key.slice - first;
  const auto depth = static_cast<double>(volume.key_slice);
  for (const LesionBox& box : key.boxes) {
    volume.boxes.push_back({{depth, box.low_xy[1], box.low_xy[0]},
                            {depth + 1.0, box.high_xy[1], box.high_xy[0]},
                            0});
  }
  return volume;
}

void DeepLesionLister::append(const KeySlice& key) {
  const std::string id = join_path(key.folder, slice_name(key.slice));
  const std::set<int64_t>& slices = slices_of(key.folder);
  if (!slices.contains(key.slice)) {
    const std::string path = join_path(image_dir_, id);
    if (!options_.skip_missing) {
      throw DataError(str_cat(key.where, ": no file '", path, "'"));
    }
    manifest_.ignored.push_back(str_cat(id, ": no file '", path, "'"));
    return;
  }
  if (!ids_.insert(id).second) {
    throw DataError(str_cat(key.where, ": '", id, "' is listed twice"));
  }
  const std::string patient = key.folder.substr(0, key.folder.find('_'));
  manifest_.entries.push_back(
      make_scan_entry(volume_of(key, slices), id, 0, patient));
}

}  // namespace

void DeepLesionOptions::validate(const std::string& path) const {
  constexpr double kMaxContextMm = 1000.0;
  if (!(context_mm >= 0.0 && context_mm <= kMaxContextMm)) {
    throw ConfigError(str_cat(path, "context-mm is ", context_mm,
                              ", want 0 to ", kMaxContextMm));
  }
}

Manifest list_deeplesion(const std::string& root, const std::string& split,
                         const DeepLesionOptions& options) {
  check_split(split, {"train", "val", "test", "all"});
  options.validate("");
  DeepLesionLister lister(root, options);
  for (const KeySlice& key : read_keys(root, options.keep_noisy, split)) {
    const char* name = kSplits[static_cast<size_t>(key.split - 1)];
    if (split == "all" || split == name) {
      lister.append(key);
    }
  }
  Manifest manifest = lister.take();
  if (manifest.entries.empty()) {
    throw DataError(str_cat(root, ": no key slice for ", split));
  }
  return manifest;
}

}  // namespace voxlift::dataio
