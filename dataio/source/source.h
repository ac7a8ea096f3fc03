#pragma once
// Data set layouts: what lies where, turned into a manifest. No file's content
// is read here but the lists; pictures are known by their extension (.jpg,
// .jpeg, .png, .jpe, any case) and checked when they are decoded.
//
// Common to all: paths may hold blanks and any bytes; links are followed, a
// folder that was walked before (a loop) is left out and noted. Throws
// DataError naming file (and line) if the layout is wrong or there is no
// sample, IoError if something cannot be read.

#include <string>
#include <vector>

#include "dataio/manifest.h"

namespace voxlift::dataio {

// root/<class>/**: one folder per class, sorted bytewise; the position is the
// label. Sub-folders of a class belong to it. Files at the top, dot files and
// files that are no picture go to `ignored`. Throws DataError if a class folder
// holds no picture.
Manifest list_class_folders(const std::string& root);

// The ImageNet layout; `split` is "train" or "val". Classes are the folders of
// root/train in both.
//   train: root/train/<synset>/**.
//   val:   root/meta/val.txt, lines "file label", files below root/val, labels
//          positions in the classes, in list order. Where there is no such
//          list, root/val/<synset>/**.
// Throws ConfigError for another split; DataError naming the line for a
// malformed line, a label out of range, a missing file or a second mention.
Manifest list_imagenet(const std::string& root, const std::string& split);

// Scans from a CSV file with a header line; columns "path" and "label", others
// are ignored; fields may be quoted as in RFC 4180. Paths are relative to
// `root` (empty: the CSV's own folder) or absolute. Labels are whole numbers
// from 0, or names; with `classes` given they are positions in it or its
// members, else numbers make classes "0".."max" and names are sorted.
// Throws DataError naming the line for a missing column or file, a bad label, a
// second mention of a path.
Manifest list_volumes_csv(const std::string& csv_path,
                          const std::string& root = "",
                          const std::vector<std::string>& classes = {});

}  // namespace voxlift::dataio
