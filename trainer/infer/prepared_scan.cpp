#include "trainer/infer/prepared_scan.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "base/strings.h"
#include "dataio/memory_volume.h"
#include "dataio/recipe/scan_geometry.h"
#include "dataio/transform/fit_volume.h"

namespace voxlift::trainer {
namespace {

ScanGrid grid_of(const dataio::Volume& volume) {
  return {volume.shape, volume.affine};
}

// The whole of `source` in `shape` voxels.
dataio::Scan resized(const dataio::VolumeSource& source,
                     const dataio::Shape3& shape) {
  const dataio::VolumeFacts& facts = source.facts();
  dataio::Scan scan;
  scan.image.shape = facts.shape;
  scan.image.spacing_mm = facts.spacing_mm;
  scan.image.affine = facts.affine;
  scan.image.voxels.resize(static_cast<size_t>(scan.image.num_voxels()));
  source.read_image({{0, 0, 0}, facts.shape}, scan.image.voxels);
  dataio::resize_scan(scan, shape);
  return scan;
}

}  // namespace

PreparedScan::PreparedScan(const dataio::VolumeFile& file,
                           const dataio::Recipe& recipe,
                           const dataio::VolumeTransformConfig& transform)
    : file_(file) {
  dataio::Scan scan;
  scan.image = dataio::read_volume(file);
  original_ = grid_of(scan.image);
  original_spacing_mm_ = scan.image.spacing_mm;
  recipe.apply(scan, file.path);
  seen_ = grid_of(scan.image);
  source_ = dataio::make_memory_volume(std::move(scan), file.path);
  normaliser_.emplace(transform, source_->facts());
  if (transform.fit == "resize" && seen_.shape != transform.shape) {
    dataio::Scan fitted = resized(*source_, transform.shape);
    seen_ = grid_of(fitted.image);
    resized_ = dataio::make_memory_volume(std::move(fitted), file.path);
  }
}

ScanGrid PreparedScan::sampled(
    const dataio::VolumeTransformConfig& transform) const {
  const ScanGrid whole = {source_->facts().shape, source_->facts().affine};
  return transform.fit == "resize"
             ? divided(whole, transform.shape)
             : part_of(whole,
                       dataio::center_start(whole.shape, transform.shape),
                       transform.shape);
}

ImageReader PreparedScan::reader() const {
  return read_normalised(resized_ ? *resized_ : *source_, *normaliser_);
}

}  // namespace voxlift::trainer
