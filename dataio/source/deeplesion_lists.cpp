#include "dataio/source/deeplesion_lists.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/strings.h"
#include "dataio/source/csv_table.h"
#include "dataio/source/scan_files.h"

namespace voxlift::dataio {

namespace {

constexpr int64_t kMaxListBytes = int64_t{1} << 30;
constexpr int64_t kMaxPixels = 1 << 16;

[[noreturn]] void fail(const KeySlice& key, const std::string& what) {
  throw DataError(one_line(str_cat(key.where, ": ", what)));
}

// "000001_02_03" and "109.png" into folder and number.
void take_name(const std::string& folder, const std::string& file,
               KeySlice& key) {
  const auto below = path_below(folder);
  const std::string stem = file.substr(0, file.find('.'));
  const auto number = parse_int(stem);
  if (!below || *below != folder || folder.find('/') != std::string::npos ||
      folder.find('_') == std::string::npos || !number || *number < 0 ||
      stem + ".png" != file) {
    fail(key, str_cat("key slice '", folder, "' '", file,
                      "', want <patient>_<study>_<series> and NNN.png"));
  }
  key.folder = folder;
  key.slice = *number;
}

void check_geometry(const KeySlice& key) {
  const auto good = [](double mm) { return mm > 0.0 && std::isfinite(mm); };
  if (!good(key.pixel_mm) || !good(key.slice_mm)) {
    fail(key, str_cat("spacing ", key.pixel_mm, " and ", key.slice_mm,
                      " mm, want more than 0"));
  }
  if (key.width < 1 || key.height < 1 || key.width > kMaxPixels ||
      key.height > kMaxPixels) {
    fail(key, str_cat("image of ", key.width, " x ", key.height, " pixels"));
  }
}

// Cuts the box at the image's edge.
LesionBox fit_box(LesionBox box, const KeySlice& key) {
  const std::array<double, 2> size = {static_cast<double>(key.width),
                                      static_cast<double>(key.height)};
  for (size_t axis = 0; axis < 2; ++axis) {
    const double low = box.low_xy[axis];
    const double high = box.high_xy[axis];
    box.low_xy[axis] = std::max(low, 0.0);
    box.high_xy[axis] = std::min(high, size[axis]);
    if (!(box.low_xy[axis] < box.high_xy[axis])) {
      fail(key, str_cat("box from ", low, " to ", high, " along ",
                        axis == 0 ? "x" : "y", " in an image of ", size[axis],
                        " pixels"));
    }
  }
  return box;
}

class InfoReader {
 public:
  InfoReader(const std::string& path, bool keep_noisy)
      : path_(path),
        keep_noisy_(keep_noisy),
        table_(path, {"File_name", "Bounding_boxes", "Possibly_noisy",
                      "Spacing_mm_px_", "Image_size", "Train_Val_Test"}) {}

  std::vector<KeySlice> read() {
    for (size_t row = 0; row < table_.num_rows(); ++row) {
      if (keep_noisy_ || table_.whole_number(row, "Possibly_noisy") == 0) {
        append(row);
      }
    }
    return std::move(keys_);
  }

 private:
  void append(size_t row) {
    const std::string name = table_.field(row, "File_name");
    KeySlice key = key_of(row, name);
    const auto [found, is_new] = position_of_.emplace(name, keys_.size());
    if (is_new) {
      keys_.push_back(key);
    }
    KeySlice& first = keys_[found->second];
    if (key.pixel_mm != first.pixel_mm || key.slice_mm != first.slice_mm ||
        key.split != first.split) {
      fail(key, str_cat("spacing or split of '", name, "' is not that of ",
                        first.where));
    }
    first.boxes.push_back(box_of(row, key));
  }

  KeySlice key_of(size_t row, const std::string& name) const {
    KeySlice key;
    key.where = str_cat(path_, ":", table_.line(row));
    const size_t cut = name.rfind('_');
    take_name(name.substr(0, cut == std::string::npos ? 0 : cut),
              cut == std::string::npos ? name : name.substr(cut + 1), key);
    const auto spacing = table_.numbers(row, "Spacing_mm_px_", 3);
    key.pixel_mm = spacing[0];
    key.slice_mm = spacing[2];
    const auto size = table_.numbers(row, "Image_size", 2);
    key.width = to_pixels(size[0]);
    key.height = to_pixels(size[1]);
    key.split = table_.whole_number(row, "Train_Val_Test");
    if (key.split < 1 || key.split > 3) {
      fail(key, str_cat("Train_Val_Test is ", key.split, ", want 1, 2 or 3"));
    }
    check_geometry(key);
    return key;
  }

  // 0, which is refused later, where it is no such number.
  static int64_t to_pixels(double size) {
    return size >= 1.0 && size <= static_cast<double>(kMaxPixels)
               ? static_cast<int64_t>(size)
               : 0;
  }

  LesionBox box_of(size_t row, const KeySlice& key) const {
    const auto edges = table_.numbers(row, "Bounding_boxes", 4);
    return fit_box(
        {{edges[0] - 1.0, edges[1] - 1.0}, {edges[2] - 1.0, edges[3] - 1.0}},
        key);
  }

  const std::string& path_;
  bool keep_noisy_;
  CsvTable table_;
  std::vector<KeySlice> keys_;
  std::unordered_map<std::string, size_t> position_of_;
};

class CocoReader {
 public:
  CocoReader(const std::string& path, int64_t split, bool keep_noisy)
      : path_(path), split_(split), keep_noisy_(keep_noisy) {}

  // Images without boxes have nothing to detect and are left out, as published.
  std::vector<KeySlice> read() {
    const Json json =
        parse_json(as_text(RealFiles().read(path_, kMaxListBytes)), path_);
    for (const Json& image : json_get<Json::array_t>(json, "images", path_)) {
      append_image(image);
    }
    for (const Json& box :
         json_get<Json::array_t>(json, "annotations", path_)) {
      append_box(box);
    }
    std::erase_if(keys_, [](const KeySlice& key) { return key.boxes.empty(); });
    return std::move(keys_);
  }

 private:
  void append_image(const Json& image) {
    KeySlice key;
    key.where = str_cat(path_, ": image ", keys_.size() + 1);
    const auto name = json_get<std::string>(image, "file_name", key.where);
    const size_t cut = name.find('/');
    take_name(name.substr(0, cut == std::string::npos ? 0 : cut),
              cut == std::string::npos ? name : name.substr(cut + 1), key);
    key.pixel_mm = json_get<double>(image, "spacing", key.where);
    key.slice_mm = json_get<double>(image, "slice_intv", key.where);
    key.width = json_get<int64_t>(image, "width", key.where);
    key.height = json_get<int64_t>(image, "height", key.where);
    key.split = split_;
    check_geometry(key);
    const auto id = json_get<int64_t>(image, "id", key.where);
    if (!position_of_.emplace(id, keys_.size()).second) {
      fail(key, str_cat("a second image of the id ", id));
    }
    if (!names_.insert({name, keys_.size()}).second) {
      fail(key, str_cat("'", name, "' is listed twice"));
    }
    keys_.push_back(std::move(key));
  }

  void append_box(const Json& json) {
    ++num_boxes_;
    const std::string where = str_cat(path_, ": annotation ", num_boxes_);
    const auto id = json_get<int64_t>(json, "image_id", where);
    const auto found = position_of_.find(id);
    if (found == position_of_.end()) {
      throw DataError(str_cat(where, ": there is no image ", id));
    }
    if (!keep_noisy_ && json.contains("noisy") &&
        json_get<int64_t>(json, "noisy", where) != 0) {
      return;
    }
    const auto xywh = json_get<std::array<double, 4>>(json, "bbox", where);
    KeySlice& key = keys_[found->second];
    KeySlice named = key;
    named.where = where;
    key.boxes.push_back(fit_box(
        {{xywh[0], xywh[1]}, {xywh[0] + xywh[2], xywh[1] + xywh[3]}}, named));
  }

  const std::string& path_;
  int64_t split_;
  bool keep_noisy_;
  int64_t num_boxes_ = 0;
  std::vector<KeySlice> keys_;
  std::unordered_map<int64_t, size_t> position_of_;
  std::unordered_map<std::string, size_t> names_;
};

}  // namespace

std::vector<KeySlice> read_deeplesion_csv(const std::string& path,
                                          bool keep_noisy) {
  return InfoReader(path, keep_noisy).read();
}

std::vector<KeySlice> read_deeplesion_json(const std::string& path,
                                           int64_t split, bool keep_noisy) {
  return CocoReader(path, split, keep_noisy).read();
}

}  // namespace voxlift::dataio
