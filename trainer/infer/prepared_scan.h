#pragma once
// A scan from its file to where a network can read it.

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "dataio/decode/volume_file.h"
#include "dataio/recipe/recipe.h"
#include "dataio/transform/volume_transform.h"
#include "dataio/volume_source.h"
#include "trainer/infer/grid_map.h"
#include "trainer/infer/image_reader.h"

namespace voxlift::trainer {

// Treated like the scans that the network was trained on: by the recipe of its
// data set, then by its transform. Movable; owns the voxels.
class PreparedScan {
 public:
  // Reads the file. Throws DataError naming it if it cannot be read, a step
  // refuses it, or voxels are NaN or infinite; IoError.
  // Memory: the voxels as float32, while a step runs twice.
  PreparedScan(const dataio::VolumeFile& file, const dataio::Recipe& recipe,
               const dataio::VolumeTransformConfig& transform);

  // As the file has it.
  const ScanGrid& original() const { return original_; }

  const std::array<double, 3>& original_spacing_mm() const {
    return original_spacing_mm_;
  }

  // After the recipe: what training reads samples of.
  const dataio::VolumeSource& source() const { return *source_; }

  // What a network for segmentation sees: `source`, resized where the transform
  // does that, and its grid. The reader lives no longer than this object.
  const ScanGrid& seen() const { return seen_; }

  // The grid of the sample that an evaluation with `transform` takes from it.
  ScanGrid sampled(const dataio::VolumeTransformConfig& transform) const;

  ImageReader reader() const;

  const std::string& path() const { return file_.path; }

  // The voxels of the file, read again. Throws as the constructor.
  dataio::Volume read_original() const { return dataio::read_volume(file_); }

 private:
  dataio::VolumeFile file_;
  ScanGrid original_;
  std::array<double, 3> original_spacing_mm_{};
  std::unique_ptr<dataio::VolumeSource> source_;
  std::unique_ptr<dataio::VolumeSource> resized_;  // Null: source_ is seen.
  ScanGrid seen_;
  std::optional<dataio::Normaliser> normaliser_;
};

}  // namespace voxlift::trainer
