// One shard of scans: voxels in chunks.

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/strings.h"
#include "dataio/scan.h"
#include "sharding/shard_packer.h"
#include "sharding/volume_writer.h"

namespace voxlift::sharding {
namespace {

// Memory: one scan. Every scan is decoded, whatever config.check says.
class VolumePacker : public ShardPacker {
 public:
  using ShardPacker::ShardPacker;

 protected:
  void pack() override {
    VolumeWriter writer(path(), {plan().modality, plan().digest},
                        !plan().mask_classes.empty(), files());
    for (int64_t i = shard().begin; i < shard().end; ++i) {
      dataio::Scan scan;
      const bool good =
          attempt(sample(i), [&] { scan = read_checked(sample(i)); });
      if (good && !refused()) {
        const dataio::SourceEntry& source = sample(i).source;
        writer.append(scan, source.label, source.id, source.subject);
        count(sample(i));
      }
      progress(1);
    }
    if (!refused() && writer.index().num_samples() > 0) {
      summary().bytes = writer.num_bytes();
      summary().index_crc32c = writer.finish();
      summary().file = shard().file;
    }
  }

  bool is_readable(const PlannedSample& sample) override {
    return attempt(sample, [&] { (void)read_checked(sample); });
  }

 private:
  // Reads and prepares the scan. Throws DataError where it does not fit the
  // data set.
  dataio::Scan read_checked(const PlannedSample& sample) const {
    const dataio::SourceEntry& source = sample.source;
    dataio::Scan scan = dataio::read_scan(*source.volume);
    if (output().prepare) {
      output().prepare(scan, source.path);
    }
    check_voxels(scan, source.path);
    check_labels(scan, source.path);
    return scan;
  }

  static void check_voxels(const dataio::Scan& scan, const std::string& path) {
    const std::vector<float>& voxels = scan.image.voxels;
    const auto num_bad =
        std::count_if(voxels.begin(), voxels.end(),
                      [](float voxel) { return !std::isfinite(voxel); });
    if (num_bad > 0) {
      throw DataError(str_cat(path, ": ", num_bad, " of ", voxels.size(),
                              " voxels are NaN or infinite"));
    }
  }

  void check_labels(const dataio::Scan& scan, const std::string& path) const {
    const auto num_classes = static_cast<int64_t>(plan().mask_classes.size());
    if ((num_classes > 0) != !scan.mask.empty()) {
      throw DataError(str_cat(path, num_classes > 0
                                        ? ": has no mask, others have one"
                                        : ": has a mask without classes"));
    }
    const auto max = std::max_element(scan.mask.begin(), scan.mask.end());
    if (max != scan.mask.end() && *max >= num_classes) {
      throw DataError(str_cat(path, ": the mask holds ", int{*max},
                              ", but there are ", num_classes,
                              " mask classes"));
    }
    const auto num_box_classes =
        static_cast<int64_t>(plan().box_classes.size());
    for (const dataio::LabelledBox& box : scan.boxes) {
      if (box.label < 0 || box.label >= num_box_classes) {
        throw DataError(str_cat(path, ": a box has label ", box.label,
                                ", but there are ", num_box_classes,
                                " box classes"));
      }
    }
  }
};

}  // namespace

std::unique_ptr<ShardPacker> make_volume_packer(const PackPlan& plan,
                                                int64_t shard,
                                                const PackOutput& output,
                                                Files& files) {
  return std::make_unique<VolumePacker>(plan, shard, output, files);
}

}  // namespace voxlift::sharding
