#pragma once
// Scans from lists and class folders of the user's own.

#include <string>
#include <vector>

#include "dataio/manifest.h"

namespace voxlift::dataio {

struct ScanListOptions {
  // Folder of the list's relative paths; empty: the list's own.
  std::string root;
  // Keeps the scans whose "split" is this; empty: all.
  std::string split;
  // Override the list's own names.
  std::vector<std::string> classes;
  std::vector<std::string> mask_classes;
  std::vector<std::string> box_classes;
};

// Scans from a list, in its order, of one of these forms:
//   CSV with a header; columns "image" (or "path") and at least one of "label",
//     "mask", "boxes"; also "subject", "split", "spacing_mm", "key_slice";
//     "boxes" and "spacing_mm" hold JSON; other columns are ignored;
//   .json: an array of objects with these fields, or an object with it as
//     "scans" and perhaps "classes", "mask_classes", "box_classes";
//   .jsonl: one such object a line;
//   dataset.json of the Medical Segmentation Decathlon (splits train and test).
// A box is {"low": [d,h,w], "high": [d,h,w], "class": "name"}, in voxels as in
// LabelledBox; without any class the one class is "object". In JSON an image or
// mask may be an object: "path", "part" and "position" as in VolumeFile.
//
// Paths are absolute, or relative and then within the folder; ids are the
// image's path, followed by "@" and the key slice where there is one. Labels
// are whole numbers from 0, or names; with classes given they are positions in
// them or members, else numbers make classes "0".."max" and names are sorted.
// Scans without labels all have the class "scan". Classes are those of the
// whole list, whatever the split. Where nothing names the masks' values, masks
// are left out and noted in `ignored`.
// Throws IoError; ConfigError for a split that no scan has, or for only masks
// that nothing names; DataError naming the line or scan for a missing column or
// file, an unsafe path, a bad label or box, or a second mention of an image.
Manifest list_scans(const std::string& list_path,
                    const ScanListOptions& options);

// list_scans of a CSV file.
Manifest list_volumes_csv(const std::string& csv_path,
                          const std::string& root = "",
                          const std::vector<std::string>& classes = {});

// root/<class>/**: one folder per class, sorted bytewise; the position is the
// label. A file named like a scan (has_scan_extension) is one, and so is a
// folder below a class that directly holds .dcm or .png files (a DICOM series,
// numbered slices). Rules, `ignored` and errors are those of
// list_class_folders.
Manifest list_scan_folders(const std::string& root);

}  // namespace voxlift::dataio
