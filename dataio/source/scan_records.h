#pragma once
// Lists of scans, whatever their form, as records of named fields.

#include <string>
#include <vector>

#include "base/json.h"

namespace voxlift::dataio {

// One scan of a list. Fields: "image", "mask" (a path, or an object with
// "path", "part", "position"), "label", "subject", "split" (text or number),
// "boxes" (array), "spacing_mm" (array), "key_slice" (number or text); those
// that are absent are left out.
struct ScanRecord {
  Json fields;
  std::string place;  // "line 3", "scan 4": within the list.
  std::string where;  // "list.csv:3", "list.json: scan 4".
};

struct ScanRecords {
  std::vector<ScanRecord> scans;
  // Where the list names them; empty otherwise.
  std::vector<std::string> classes;
  std::vector<std::string> mask_classes;
  std::vector<std::string> box_classes;
};

// Reads a list by its name: .json, .jsonl, or else CSV. For the forms see
// list_scans. Throws IoError, or DataError naming file and line or scan.
ScanRecords read_scan_records(const std::string& path);

}  // namespace voxlift::dataio
