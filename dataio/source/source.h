#pragma once
// Layouts of photographs: what lies where, turned into a manifest. No content
// is read here but lists; pictures are known by their extension (.jpg, .jpeg,
// .png, .jpe, any case) and checked when they are decoded.
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

// ImageNet-1k in its original tar files, which are not extracted: `root` holds
// ILSVRC2012_img_train.tar (of one nXXXXXXXX.tar a class) and, for "val",
// ILSVRC2012_img_val.tar. Entries name the tar file and the picture's bytes in
// it; ids, labels and order are those of list_imagenet on the extracted files.
//   val: labels from root/meta/val.txt, as above; classes from
//        root/meta/synsets.txt (one a line, sorted) or else the training file.
// The list of the development kit does not serve: it counts classes in the
// order of the kit's meta.mat. Cost: one small read a picture.
// Throws as above, and DataError naming the tar file and byte for a damaged or
// unsafe header, a file that has no label or comes twice.
Manifest list_imagenet_tar(const std::string& root, const std::string& split);

}  // namespace voxlift::dataio
