#include "dataio/source/coco.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/strings.h"
#include "dataio/decode/volume_formats.h"
#include "dataio/source/scan_files.h"

namespace voxlift::dataio {

namespace {

constexpr int64_t kMaxListBytes = int64_t{1} << 31;
constexpr int64_t kMaxPixels = 1 << 16;
constexpr double kPlanes = 3.0;
constexpr double kLeastSide = 1.0;

[[noreturn]] void fail(const std::string& where, const std::string& what) {
  throw DataError(one_line(str_cat(where, ": ", what)));
}

struct Picture {
  std::string name;
  std::string where;
  double width = 0.0;
  double height = 0.0;
  std::vector<LabelledBox> boxes;
};

class CocoLister {
 public:
  CocoLister(const std::string& list_path, const std::string& root)
      : path_(list_path),
        root_(root.empty() ? parent_dir(list_path) : root),
        list_(parse_json(as_text(RealFiles().read(list_path, kMaxListBytes)),
                         list_path)) {}

  Manifest list() {
    read_categories();
    for (const Json& image : all("images")) {
      append_picture(image);
    }
    for (const Json& box : all("annotations")) {
      append_box(box);
    }
    for (const Picture& picture : pictures_) {
      append_entry(picture);
    }
    if (manifest_.entries.empty()) {
      throw DataError(str_cat(path_, ": no picture has a box"));
    }
    note(num_crowds_, "boxes of crowds");
    note(num_small_, "boxes of less than a pixel of width or height");
    note(num_empty_, "pictures without boxes");
    return std::move(manifest_);
  }

 private:
  // Not a copy: lists are large.
  const Json& all(const std::string& key) const {
    if (!list_.contains(key) || !list_.at(key).is_array()) {
      throw DataError(str_cat(path_, ": no array '", key, "'"));
    }
    return list_.at(key);
  }

  void read_categories() {
    std::map<int64_t, std::string> names;
    for (const Json& category : all("categories")) {
      const std::string where = str_cat(path_, ": category ", names.size() + 1);
      const auto id = json_get<int64_t>(category, "id", where);
      const auto name = json_get<std::string>(category, "name", where);
      if (!names.emplace(id, name).second) {
        fail(where, str_cat("a second category of the id ", id));
      }
    }
    manifest_.modality = Modality::kVolume;
    manifest_.classes = {kNoClass};
    for (const auto& [id, name] : names) {
      label_of_[id] = static_cast<int64_t>(manifest_.box_classes.size());
      manifest_.box_classes.push_back(name);
    }
  }

  void append_picture(const Json& image) {
    Picture picture;
    picture.where = str_cat(path_, ": image ", pictures_.size() + 1);
    const auto name = json_get<std::string>(image, "file_name", picture.where);
    const auto below = path_below(name);
    if (!below) {
      fail(picture.where, str_cat("'", name, "' is no path below a folder"));
    }
    picture.name = *below;
    picture.width = side(image, "width", picture.where);
    picture.height = side(image, "height", picture.where);
    const auto id = json_get<int64_t>(image, "id", picture.where);
    if (!position_of_.emplace(id, pictures_.size()).second) {
      fail(picture.where, str_cat("a second image of the id ", id));
    }
    if (!names_.insert(picture.name).second) {
      fail(picture.where, str_cat("'", name, "' is listed twice"));
    }
    pictures_.push_back(std::move(picture));
  }

  static double side(const Json& image, const std::string& key,
                     const std::string& where) {
    const auto pixels = json_get<int64_t>(image, key, where);
    if (pixels < 1 || pixels > kMaxPixels) {
      fail(where, str_cat(key, " is ", pixels, ", want 1 to ", kMaxPixels));
    }
    return static_cast<double>(pixels);
  }

  void append_box(const Json& json) {
    ++num_boxes_;
    const std::string where = str_cat(path_, ": annotation ", num_boxes_);
    const auto image = json_get<int64_t>(json, "image_id", where);
    const auto category = json_get<int64_t>(json, "category_id", where);
    const auto picture = position_of_.find(image);
    const auto label = label_of_.find(category);
    if (picture == position_of_.end()) {
      fail(where, str_cat("there is no image ", image));
    }
    if (label == label_of_.end()) {
      fail(where, str_cat("there is no category ", category));
    }
    if (json.contains("iscrowd") &&
        json_get<int64_t>(json, "iscrowd", where) != 0) {
      ++num_crowds_;
      return;
    }
    add_box(json, where, label->second, pictures_[picture->second]);
  }

  // Cut at the picture's edge.
  void add_box(const Json& json, const std::string& where, int64_t label,
               Picture& picture) {
    const auto [x, y, width, height] =
        json_get<std::array<double, 4>>(json, "bbox", where);
    if (width < kLeastSide || height < kLeastSide) {
      ++num_small_;
      return;
    }
    const LabelledBox box = {{0.0, std::max(y, 0.0), std::max(x, 0.0)},
                             {kPlanes, std::min(y + height, picture.height),
                              std::min(x + width, picture.width)},
                             label};
    if (!(box.low[1] < box.high[1] && box.low[2] < box.high[2])) {
      fail(where,
           str_cat("box ", json.at("bbox").dump(), " in '", picture.name,
                   "' of ", picture.width, " x ", picture.height, " pixels"));
    }
    picture.boxes.push_back(box);
  }

  void append_entry(const Picture& picture) {
    if (picture.boxes.empty()) {
      ++num_empty_;
      return;
    }
    VolumeEntry volume;
    volume.image.path = join_path(root_, picture.name);
    volume.image.part = kColourPlanes;
    volume.key_slice = 1;
    volume.boxes = picture.boxes;
    if (!files_.exists(volume.image.path)) {
      fail(picture.where, str_cat("no file '", volume.image.path, "'"));
    }
    manifest_.entries.push_back(
        make_scan_entry(std::move(volume), picture.name, 0, ""));
  }

  void note(int64_t count, const std::string& what) {
    if (count > 0) {
      manifest_.ignored.push_back(str_cat(count, " ", what));
    }
  }

  const std::string& path_;
  std::string root_;
  Json list_;
  RealFiles files_;
  Manifest manifest_;
  std::unordered_map<int64_t, int64_t> label_of_;
  std::vector<Picture> pictures_;
  std::unordered_map<int64_t, size_t> position_of_;
  std::set<std::string> names_;
  int64_t num_boxes_ = 0;
  int64_t num_crowds_ = 0;
  int64_t num_small_ = 0;
  int64_t num_empty_ = 0;
};

}  // namespace

Manifest list_coco(const std::string& list_path, const std::string& root) {
  return CocoLister(list_path, root).list();
}

}  // namespace voxlift::dataio
