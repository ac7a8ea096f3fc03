#include "dataio/source/lidc.h"

#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/strings.h"
#include "dataio/source/csv_table.h"
#include "dataio/source/scan_files.h"
#include "dataio/source/split.h"

namespace voxlift::dataio {

namespace {

constexpr const char* kInfoFile = "info/lidc_nodule_info_new_with_subset.csv";
constexpr const char* kSplitFile = "train_test_split.csv";
constexpr int64_t kIndeterminate = 3;
constexpr std::array<double, 3> kSpacingMm = {1.0, 1.0, 1.0};

class LidcLister {
 public:
  LidcLister(const std::string& root, LidcTask task)
      : root_(root),
        task_(task),
        info_(join_path(root, kInfoFile), {"index", "uid", "malignancy_mode"}),
        lists_(join_path(root, kSplitFile), {"train", "test"}) {
    manifest_.modality = Modality::kVolume;
    if (task == LidcTask::kMalignancy) {
      manifest_.classes = {"benign", "malignant"};
    } else {
      manifest_.classes = {kNoClass};
      manifest_.mask_classes = {"background", "nodule"};
    }
  }

  Manifest list(const std::string& split) {
    index_info();
    const auto train = read_list("train");
    const auto test = read_list("test");
    check_disjoint(train, test);
    for (size_t row = 0; row < info_.num_rows(); ++row) {
      const std::string nodule = info_.field(row, "index");
      if ((split != "test" && train.contains(nodule)) ||
          (split != "train" && test.contains(nodule))) {
        append(row, nodule);
      }
    }
    if (manifest_.entries.empty()) {
      throw DataError(
          str_cat(join_path(root_, kSplitFile), ": no nodule for ", split));
    }
    return std::move(manifest_);
  }

 private:
  // Nodule and the row that lists it first.
  using Rows = std::unordered_map<std::string, size_t>;

  void index_info() {
    for (size_t row = 0; row < info_.num_rows(); ++row) {
      const auto [before, is_new] =
          info_rows_.emplace(info_.field(row, "index"), row);
      if (!is_new) {
        info_.fail(row, str_cat("'", before->first, "' is already in line ",
                                info_.line(before->second)));
      }
    }
  }

  Rows read_list(const std::string& column) const {
    Rows rows;
    for (size_t row = 0; row < lists_.num_rows(); ++row) {
      const std::string file = lists_.field(row, column);
      if (file.empty()) {
        continue;  // The shorter list has ended.
      }
      const std::string nodule = without_scan_extension(file);
      if (nodule == file || !info_rows_.contains(nodule)) {
        lists_.fail(row, str_cat("'", file, "' is no nodule of ", kInfoFile));
      }
      rows.emplace(nodule, row);
    }
    return rows;
  }

  void check_disjoint(const Rows& train, const Rows& test) const {
    for (const auto& [nodule, row] : test) {
      const auto found = train.find(nodule);
      if (found != train.end()) {
        lists_.fail(
            row, str_cat("'", nodule, "' is for testing, but line ",
                         lists_.line(found->second), " has it for training"));
      }
    }
  }

  void append(size_t row, const std::string& nodule) {
    int64_t label = 0;
    if (task_ == LidcTask::kMalignancy) {
      const int64_t mode = info_.whole_number(row, "malignancy_mode");
      if (mode < 1 || mode > 5) {
        info_.fail(row, str_cat("malignancy_mode is ", mode, ", want 1 to 5"));
      }
      if (mode == kIndeterminate) {
        return;
      }
      label = mode < kIndeterminate ? 0 : 1;
    }
    const auto below = path_below(str_cat("nodule/", nodule, ".npz"));
    const std::string path = join_path(root_, below.value_or(""));
    if (!below || !files_.exists(path)) {
      info_.fail(row, str_cat("no file '", path, "'"));
    }
    manifest_.entries.push_back(make_scan_entry(volume_of(path), *below, label,
                                                info_.field(row, "uid")));
  }

  VolumeEntry volume_of(const std::string& path) const {
    VolumeEntry volume;
    volume.image.path = path;
    volume.image.part = "voxel";
    volume.image.spacing_mm = kSpacingMm;
    if (task_ == LidcTask::kSegmentation) {
      volume.mask = volume.image;
      volume.mask->part = "answer1";
    }
    return volume;
  }

  const std::string& root_;
  LidcTask task_;
  CsvTable info_;
  CsvTable lists_;
  RealFiles files_;
  Rows info_rows_;
  Manifest manifest_;
};

}  // namespace

Manifest list_lidc(const std::string& root, const std::string& split,
                   LidcTask task) {
  check_split(split, {"train", "test", "all"});
  return LidcLister(root, task).list(split);
}

}  // namespace voxlift::dataio
