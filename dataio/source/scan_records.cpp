#include "dataio/source/scan_records.h"

#include <array>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/strings.h"
#include "dataio/decode/text_header.h"
#include "dataio/source/csv_table.h"

namespace voxlift::dataio {

namespace {

constexpr int64_t kMaxListBytes = int64_t{1} << 30;

const std::vector<std::string>& known_fields() {
  static const std::vector<std::string> kFields = {
      "image", "path",       "mask",    "label",    "split",
      "boxes", "spacing_mm", "subject", "key_slice"};
  return kFields;
}

// In a CSV file these hold JSON.
bool is_json_column(const std::string& name) {
  return name == "boxes" || name == "spacing_mm";
}

ScanRecord csv_record(const CsvTable& table, size_t row,
                      const std::string& path) {
  const std::string place = str_cat("line ", table.line(row));
  ScanRecord record{Json::object(), place, str_cat(path, ":", table.line(row))};
  for (const std::string& column : known_fields()) {
    const std::string text = table.field(row, column);
    if (!table.has(column) || (text.empty() && column != "path")) {
      continue;
    }
    const std::string name = column == "path" ? "image" : column;
    if (record.fields.contains(name)) {
      table.fail(row, "both 'image' and 'path' are given");
    }
    record.fields[name] =
        is_json_column(column)
            ? parse_json(text, str_cat(record.where, " (", column, ")"))
            : Json(text);
  }
  return record;
}

ScanRecords read_csv(const std::string& path) {
  const CsvTable table(path, {});
  if (!table.has("path") && !table.has("image")) {
    throw DataError(str_cat(path, ":1: no column 'path' or 'image' in the ",
                            "header '",
                            printable(str_join(table.columns(), ",")), "'"));
  }
  if (!table.has("label") && !table.has("mask") && !table.has("boxes")) {
    throw DataError(str_cat(path, ":1: no column 'label', 'mask' or 'boxes' ",
                            "in the header '",
                            printable(str_join(table.columns(), ",")), "'"));
  }
  ScanRecords records;
  for (size_t row = 0; row < table.num_rows(); ++row) {
    records.scans.push_back(csv_record(table, row, path));
  }
  return records;
}

ScanRecord json_record(const Json& scan, std::string place,
                       const std::string& where) {
  if (!scan.is_object()) {
    throw DataError(str_cat(where, ": not an object"));
  }
  ScanRecord record{Json::object(), std::move(place), where};
  for (const auto& [key, value] : scan.items()) {
    const std::string wanted = nearest_word(key, known_fields());
    if (wanted != key) {
      throw DataError(one_line(
          str_cat(where, ": unknown field '", key, "'; nearest: ", wanted)));
    }
    const std::string name = key == "path" ? "image" : key;
    if (record.fields.contains(name)) {
      throw DataError(where + ": both 'image' and 'path' are given");
    }
    if (!value.is_null()) {
      record.fields[name] = value;
    }
  }
  return record;
}

void append_scans(const Json& scans, const std::string& path,
                  ScanRecords& records) {
  for (const Json& scan : scans) {
    const std::string place = str_cat("scan ", records.scans.size() + 1);
    records.scans.push_back(
        json_record(scan, place, str_cat(path, ": ", place)));
  }
}

std::vector<std::string> names_at(const Json& object, const std::string& key,
                                  const std::string& path) {
  return object.contains(key)
             ? json_get<std::vector<std::string>>(object, key, path)
             : std::vector<std::string>();
}

// {"0": "background", "1": "liver"} -> names by value.
std::vector<std::string> decathlon_labels(const Json& object,
                                          const std::string& path) {
  const Json labels = json_get<Json>(object, "labels", path);
  std::vector<std::string> names;
  for (size_t i = 0; i < labels.size(); ++i) {
    names.push_back(
        json_get<std::string>(labels, str_cat(i), path + " (labels)"));
  }
  return names;
}

// One scan of the Decathlon's form: "label" is the mask's path, and a test scan
// may be its path alone.
Json decathlon_scan(const Json& scan, const std::string& split) {
  Json fields = Json{{"split", split}};
  if (!scan.is_object()) {
    fields["image"] = scan;
    return fields;
  }
  for (const auto& [key, value] : scan.items()) {
    fields[key == "label" ? "mask" : key] = value;
  }
  return fields;
}

// dataset.json of the Medical Segmentation Decathlon.
ScanRecords read_decathlon(const Json& object, const std::string& path) {
  ScanRecords records;
  records.mask_classes = decathlon_labels(object, path);
  Json scans = Json::array();
  for (const auto& [key, split] :
       {std::pair{"training", "train"}, std::pair{"test", "test"}}) {
    if (!object.contains(key)) {
      continue;
    }
    for (const Json& scan : json_get<Json::array_t>(object, key, path)) {
      scans.push_back(decathlon_scan(scan, split));
    }
  }
  append_scans(scans, path, records);
  return records;
}

ScanRecords read_json(const std::string& path) {
  const Json json =
      parse_json(as_text(RealFiles().read(path, kMaxListBytes)), path);
  if (json.is_object() && json.contains("training")) {
    return read_decathlon(json, path);
  }
  ScanRecords records;
  if (json.is_array()) {
    append_scans(json, path, records);
    return records;
  }
  if (!json.is_object()) {
    throw DataError(path + ": neither an array of scans nor an object");
  }
  records.classes = names_at(json, "classes", path);
  records.mask_classes = names_at(json, "mask_classes", path);
  records.box_classes = names_at(json, "box_classes", path);
  append_scans(json_get<Json::array_t>(json, "scans", path), path, records);
  return records;
}

ScanRecords read_json_lines(const std::string& path) {
  const auto bytes = RealFiles().read(path, kMaxListBytes);
  ScanRecords records;
  int64_t line = 0;
  for (const std::string& text : str_split(as_text(bytes), '\n')) {
    ++line;
    if (!str_trim(text).empty()) {
      const std::string where = str_cat(path, ":", line);
      records.scans.push_back(
          json_record(parse_json(text, where), str_cat("line ", line), where));
    }
  }
  return records;
}

}  // namespace

ScanRecords read_scan_records(const std::string& path) {
  const std::string lower = to_lower(path);
  ScanRecords records = lower.ends_with(".json")    ? read_json(path)
                        : lower.ends_with(".jsonl") ? read_json_lines(path)
                                                    : read_csv(path);
  if (records.scans.empty()) {
    throw DataError(path + ": the list has no scan");
  }
  return records;
}

}  // namespace voxlift::dataio
