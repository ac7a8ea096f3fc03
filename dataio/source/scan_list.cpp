#include "dataio/source/scan_list.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/strings.h"
#include "dataio/source/scan_files.h"
#include "dataio/source/scan_records.h"

namespace voxlift::dataio {

namespace {

// Far above any real number of classes; keeps a wild label from making names.
constexpr int64_t kMaxLabel = 1'000'000;

[[noreturn]] void fail(const ScanRecord& record, const std::string& what) {
  throw DataError(one_line(str_cat(record.where, ": ", what)));
}

// A text, or a whole number as text; nothing if it is absent.
std::optional<std::string> text_of(const ScanRecord& record,
                                   const std::string& field) {
  if (!record.fields.contains(field)) {
    return std::nullopt;
  }
  const Json& value = record.fields.at(field);
  if (value.is_string()) {
    return str_trim(value.get<std::string>());
  }
  if (!value.is_number_integer()) {
    fail(record, str_cat("'", field, "' is ", value.dump(),
                         ", want a text or a whole number"));
  }
  return value.dump();
}

std::array<double, 3> three_numbers(const ScanRecord& record, const Json& value,
                                    const std::string& what) {
  const bool fits =
      value.is_array() && value.size() == 3 &&
      std::all_of(value.begin(), value.end(),
                  [](const Json& number) { return number.is_number(); });
  if (!fits) {
    fail(record, str_cat(what, " is ", value.dump(), ", want three numbers"));
  }
  return value.get<std::array<double, 3>>();
}

// Turns records into entries.
class ScanLister {
 public:
  ScanLister(const std::string& list_path, const ScanListOptions& options)
      : list_path_(list_path),
        options_(options),
        root_(options.root.empty() ? parent_dir(list_path) : options.root),
        records_(read_scan_records(list_path)) {
    manifest_.modality = Modality::kVolume;
  }

  Manifest list() {
    name_classes();
    name_box_classes();
    select_split();
    name_mask_classes();
    for (const ScanRecord& record : records_.scans) {
      append(record);
    }
    return std::move(manifest_);
  }

 private:
  void name_classes();
  void name_by_labels(const std::vector<std::string>& labels);
  std::vector<std::string> number_names(
      const std::vector<std::string>& labels) const;
  void name_box_classes();
  void select_split();
  void name_mask_classes();
  void leave_out_masks();
  void append(const ScanRecord& record);
  static int64_t key_slice_of(const ScanRecord& record,
                              const std::string& text);
  int64_t label_of(const ScanRecord& record) const;
  int64_t find_class(const ScanRecord& record, const std::string& text) const;
  VolumeFile file_of(const ScanRecord& record, const std::string& field,
                     std::string& id) const;
  std::string resolve(const ScanRecord& record, std::string& path) const;
  LabelledBox box_of(const ScanRecord& record, const Json& json) const;
  std::string box_class_of(const ScanRecord& record, const Json& json) const;

  const std::string& list_path_;
  const ScanListOptions& options_;
  const std::string root_;
  ScanRecords records_;
  RealFiles files_;
  Manifest manifest_;
  std::unordered_map<std::string, std::string> place_of_;
};

void ScanLister::name_classes() {
  manifest_.classes =
      options_.classes.empty() ? records_.classes : options_.classes;
  const ScanRecord& first = records_.scans.front();
  const bool has_labels = first.fields.contains("label");
  std::vector<std::string> labels;
  for (const ScanRecord& record : records_.scans) {
    const auto label = text_of(record, "label");
    if (label.has_value() != has_labels) {
      fail(record, str_cat(has_labels ? "no label, but " : "a label, but ",
                           first.place, has_labels ? " has one" : " has none"));
    }
    labels.push_back(label.value_or(""));
  }
  if (!has_labels) {
    manifest_.classes = {kNoClass};
  } else if (manifest_.classes.empty()) {
    name_by_labels(labels);
  }
}

// Numbers if the first is one.
void ScanLister::name_by_labels(const std::vector<std::string>& labels) {
  if (parse_int(labels[0])) {
    manifest_.classes = number_names(labels);
    return;
  }
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i].empty() || parse_int(labels[i])) {
      fail(records_.scans[i],
           str_cat("label '", labels[i], "', want a class name like '",
                   labels[0], "' in ", records_.scans[0].place));
    }
  }
  const std::set<std::string> names(labels.begin(), labels.end());
  manifest_.classes.assign(names.begin(), names.end());
}

std::vector<std::string> ScanLister::number_names(
    const std::vector<std::string>& labels) const {
  int64_t max_label = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    const auto label = parse_int(labels[i]);
    if (!label || *label < 0 || *label > kMaxLabel) {
      fail(records_.scans[i],
           str_cat("label '", labels[i], "', want a whole number from 0 to ",
                   kMaxLabel));
    }
    max_label = std::max(max_label, *label);
  }
  std::vector<std::string> names;
  for (int64_t i = 0; i <= max_label; ++i) {
    names.push_back(str_cat(i));
  }
  return names;
}

void ScanLister::name_box_classes() {
  manifest_.box_classes = options_.box_classes.empty() ? records_.box_classes
                                                       : options_.box_classes;
  if (!manifest_.box_classes.empty()) {
    return;
  }
  std::set<std::string> names;
  bool has_boxes = false;
  for (const ScanRecord& record : records_.scans) {
    if (!record.fields.contains("boxes")) {
      continue;
    }
    has_boxes = true;
    const Json& boxes = record.fields.at("boxes");
    if (!boxes.is_array()) {
      fail(record, "'boxes' is no array");
    }
    for (const Json& box : boxes) {
      names.insert(box_class_of(record, box));
    }
  }
  if (has_boxes && names.empty()) {
    names.insert("object");
  }
  manifest_.box_classes.assign(names.begin(), names.end());
}

void ScanLister::select_split() {
  if (options_.split.empty()) {
    return;
  }
  std::set<std::string> met;
  std::vector<ScanRecord> chosen;
  for (ScanRecord& record : records_.scans) {
    const auto split = text_of(record, "split");
    if (!split) {
      fail(record,
           str_cat("no split, but '", options_.split, "' is asked for"));
    }
    met.insert(*split);
    if (*split == options_.split) {
      chosen.push_back(std::move(record));
    }
  }
  if (chosen.empty()) {
    const std::vector<std::string> names(met.begin(), met.end());
    throw ConfigError(
        one_line(str_cat("split '", options_.split, "': ", list_path_, " has '",
                         str_join(names, "', '"),
                         "'; nearest: ", nearest_word(options_.split, names))));
  }
  records_.scans = std::move(chosen);
}

void ScanLister::name_mask_classes() {
  const ScanRecord& first = records_.scans.front();
  const bool has_masks = first.fields.contains("mask");
  for (const ScanRecord& record : records_.scans) {
    if (record.fields.contains("mask") != has_masks) {
      fail(record, str_cat(has_masks ? "no mask, but " : "a mask, but ",
                           first.place, has_masks ? " has one" : " has none"));
    }
  }
  if (!has_masks) {
    return;
  }
  manifest_.mask_classes = options_.mask_classes.empty()
                               ? records_.mask_classes
                               : options_.mask_classes;
  if (manifest_.mask_classes.empty()) {
    leave_out_masks();
  }
}

// Masks of a list that is made for labels or boxes too.
void ScanLister::leave_out_masks() {
  const Json& fields = records_.scans.front().fields;
  if (!fields.contains("label") && !fields.contains("boxes")) {
    throw ConfigError(str_cat(
        list_path_, ": has only masks, and 'mask-classes' does not name their ",
        "values (background first)"));
  }
  for (ScanRecord& record : records_.scans) {
    record.fields.erase("mask");
  }
  manifest_.ignored.push_back(str_cat(
      list_path_, ": its masks, as 'mask-classes' does not name their values"));
}

void ScanLister::append(const ScanRecord& record) {
  VolumeEntry volume;
  std::string id;
  volume.image = file_of(record, "image", id);
  if (record.fields.contains("mask")) {
    std::string ignored;
    volume.mask = file_of(record, "mask", ignored);
  }
  if (record.fields.contains("boxes")) {
    for (const Json& box : record.fields.at("boxes")) {
      volume.boxes.push_back(box_of(record, box));
    }
  }
  if (const auto text = text_of(record, "key_slice")) {
    volume.key_slice = key_slice_of(record, *text);
    id = str_cat(id, "@", volume.key_slice);
  }
  const auto [before, is_new] = place_of_.emplace(id, record.place);
  if (!is_new) {
    fail(record, str_cat("'", id, "' is already in ", before->second));
  }
  manifest_.entries.push_back(
      make_scan_entry(std::move(volume), id, label_of(record),
                      text_of(record, "subject").value_or("")));
}

// Whether the scan has such a slice shows when it is read.
int64_t ScanLister::key_slice_of(const ScanRecord& record,
                                 const std::string& text) {
  const auto slice = parse_int(text);
  if (!slice || *slice < 0) {
    fail(record, str_cat("key_slice '", text, "', want a whole number from 0"));
  }
  return *slice;
}

int64_t ScanLister::label_of(const ScanRecord& record) const {
  const auto text = text_of(record, "label");
  return text ? find_class(record, *text) : 0;
}

// A member of the classes, or a position in them.
int64_t ScanLister::find_class(const ScanRecord& record,
                               const std::string& text) const {
  const std::vector<std::string>& classes = manifest_.classes;
  const auto found = std::find(classes.begin(), classes.end(), text);
  if (found != classes.end()) {
    return found - classes.begin();
  }
  const auto num_classes = static_cast<int64_t>(classes.size());
  const std::optional<int64_t> label = parse_int(text);
  if (!label || *label < 0 || *label >= num_classes) {
    fail(record,
         str_cat("label '", text, "', want 0 to ", num_classes - 1,
                 " or a class name; nearest: ", nearest_word(text, classes)));
  }
  return *label;
}

// The file of a field, and its id.
VolumeFile ScanLister::file_of(const ScanRecord& record,
                               const std::string& field,
                               std::string& id) const {
  if (!record.fields.contains(field)) {
    fail(record, str_cat("no '", field, "'"));
  }
  const Json& json = record.fields.at(field);
  VolumeFile file;
  if (json.is_object()) {
    id = json_get<std::string>(json, "path", record.where);
    if (json.contains("part")) {
      file.part = json_get<std::string>(json, "part", record.where);
    }
    if (json.contains("position")) {
      file.position = json_get<int64_t>(json, "position", record.where);
    }
  } else if (json.is_string()) {
    id = json.get<std::string>();
  } else {
    fail(record, str_cat("'", field, "' is ", json.dump(), ", want a path"));
  }
  file.path = resolve(record, id);
  id += file.part.empty() ? "" : "#" + file.part;
  id += file.position < 0 ? "" : str_cat("[", file.position, "]");
  if (record.fields.contains("spacing_mm")) {
    file.spacing_mm =
        three_numbers(record, record.fields.at("spacing_mm"), "'spacing_mm'");
  }
  return file;
}

// The path of a file that exists; makes the path of the list plain.
std::string ScanLister::resolve(const ScanRecord& record,
                                std::string& path) const {
  std::string full = path;
  if (!path.starts_with('/')) {
    const auto below = path_below(path);
    if (!below) {
      fail(record, str_cat("no file '", path,
                           "': empty or outside of the list's folder"));
    }
    path = *below;
    full = join_path(root_, path);
  }
  if (!files_.exists(full)) {
    fail(record, str_cat("no file '", full, "'"));
  }
  return full;
}

LabelledBox ScanLister::box_of(const ScanRecord& record,
                               const Json& json) const {
  const std::string name = box_class_of(record, json);
  const std::vector<std::string>& names = manifest_.box_classes;
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) {
    fail(record, str_cat("box class '", name, "' is none of '",
                         str_join(names, "', '"), "'"));
  }
  LabelledBox box;
  box.label = found - names.begin();
  box.low = three_numbers(record, json.value("low", Json()), "a box's 'low'");
  box.high =
      three_numbers(record, json.value("high", Json()), "a box's 'high'");
  for (size_t axis = 0; axis < 3; ++axis) {
    if (!(box.low[axis] >= 0.0 && box.low[axis] < box.high[axis])) {
      fail(record, str_cat("a box from ", box.low[axis], " to ", box.high[axis],
                           " along axis ", axis, ", want 0 <= low < high"));
    }
  }
  return box;
}

std::string ScanLister::box_class_of(const ScanRecord& record,
                                     const Json& json) const {
  if (!json.is_object()) {
    fail(record, str_cat("a box is ", json.dump(), ", want an object"));
  }
  return json.contains("class")
             ? json_get<std::string>(json, "class", record.where)
             : "object";
}

}  // namespace

Manifest list_scans(const std::string& list_path,
                    const ScanListOptions& options) {
  return ScanLister(list_path, options).list();
}

Manifest list_volumes_csv(const std::string& csv_path, const std::string& root,
                          const std::vector<std::string>& classes) {
  ScanListOptions options;
  options.root = root;
  options.classes = classes;
  return list_scans(csv_path, options);
}

}  // namespace voxlift::dataio
