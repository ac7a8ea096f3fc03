#include "dataio/source/bcv.h"

#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/strings.h"
#include "dataio/source/scan_files.h"
#include "dataio/source/split.h"

namespace voxlift::dataio {

namespace {

constexpr int64_t kMaxListBytes = 1 << 20;
constexpr int64_t kFirstHeldOut = 35;

bool is_wanted(int64_t number, const std::string& split) {
  const bool held_out = number >= kFirstHeldOut;
  return split == "all" || (split == "train") != held_out;
}

// "bcv_12.npz" -> 12.
std::optional<int64_t> number_of(const std::string& name) {
  constexpr std::string_view kPrefix = "bcv_";
  const std::string stem = without_scan_extension(name);
  if (!stem.starts_with(kPrefix) || !name.ends_with(".npz")) {
    return std::nullopt;
  }
  return parse_int(std::string_view(stem).substr(kPrefix.size()));
}

VolumeEntry npz_volume(const std::string& path) {
  VolumeEntry volume;
  volume.image.path = path;
  volume.image.part = "voxel";
  volume.image.axes = ArrayAxes::kHWD;
  volume.mask = volume.image;
  volume.mask->part = "answer1";
  return volume;
}

void list_arrays(const std::string& root, const std::string& split,
                 Manifest& manifest) {
  const RealFiles files;
  const std::string list = join_path(root, "all_files.txt");
  const auto bytes = files.read(list, kMaxListBytes);
  std::map<std::string, int64_t> line_of;
  int64_t line = 0;
  for (const std::string& text : str_split(as_text(bytes), '\n')) {
    ++line;
    const std::string name = str_trim(text);
    const auto fail = [&](const std::string& what) {
      throw DataError(one_line(str_cat(list, ":", line, ": ", what)));
    };
    if (name.empty()) {
      continue;
    }
    const auto number = number_of(name);
    if (!number) {
      fail(str_cat("'", name, "', want bcv_N.npz"));
    }
    const auto [before, is_new] = line_of.emplace(name, line);
    if (!is_new) {
      fail(str_cat("'", name, "' is already in line ", before->second));
    }
    const std::string path = join_path(root, "images/" + name);
    if (!files.exists(path)) {
      fail(str_cat("no file '", path, "'"));
    }
    if (is_wanted(*number, split)) {
      manifest.entries.push_back(
          make_scan_entry(npz_volume(path), "images/" + name, 0, ""));
    }
  }
}

// The first of two folders that exists.
std::string folder_of(const std::string& root, const std::string& a,
                      const std::string& b) {
  const std::string first = join_path(root, a);
  return RealFiles().is_dir(first) ? first : join_path(root, b);
}

void list_nifti(const std::string& root, const std::string& split,
                Manifest& manifest) {
  const std::string image_dir = folder_of(root, "imagesTr", "img");
  const std::string mask_dir = folder_of(root, "labelsTr", "label");
  if (!RealFiles().is_dir(image_dir)) {
    throw DataError(str_cat(root, ": neither all_files.txt nor imagesTr/"));
  }
  const auto images = numbered_scans(image_dir, "img");
  const auto masks = numbered_scans(mask_dir, "label");
  for (const auto& [number, path] : images) {
    if (!is_wanted(number, split)) {
      continue;
    }
    const auto mask = masks.find(number);
    if (mask == masks.end()) {
      throw DataError(
          str_cat(path, ": no label of the number ", number, " in ", mask_dir));
    }
    VolumeEntry volume;
    volume.image.path = path;
    volume.mask = VolumeFile();
    volume.mask->path = mask->second;
    const std::string id = join_path(base_name(image_dir), base_name(path));
    manifest.entries.push_back(make_scan_entry(std::move(volume), id, 0, ""));
  }
}

}  // namespace

Manifest list_bcv(const std::string& root, const std::string& split) {
  check_split(split, {"train", "val", "test", "all"});
  Manifest manifest;
  manifest.modality = Modality::kVolume;
  manifest.classes = {kNoClass};
  manifest.mask_classes = {"background",
                           "spleen",
                           "kidney_right",
                           "kidney_left",
                           "gallbladder",
                           "esophagus",
                           "liver",
                           "stomach",
                           "aorta",
                           "ivc",
                           "pvsv",
                           "pancreas",
                           "adrenal_gland_right",
                           "adrenal_gland_left"};
  if (RealFiles().exists(join_path(root, "all_files.txt"))) {
    list_arrays(root, split, manifest);
  } else {
    list_nifti(root, split, manifest);
  }
  if (manifest.entries.empty()) {
    throw DataError(str_cat(root, ": no volume for ", split));
  }
  return manifest;
}

}  // namespace voxlift::dataio
