#pragma once
// Scans from files of every supported format.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dataio/decode/decoder.h"
#include "dataio/volume.h"

namespace voxlift::dataio {

// How an array without a header of its own lies in its file, slowest first.
enum class ArrayAxes { kDHW, kHWD };

// Which voxels to read.
struct VolumeFile {
  // A file, or a folder: of one DICOM series, or of numbered PNG slices.
  std::string path{};
  // Of .npz: the member. Of a folder with several DICOM series: the
  // SeriesInstanceUID. "rgb": the planes of a photograph. Empty: only one.
  std::string part{};
  // Of an array of four axes: the position along the first; of NIfTI, NRRD and
  // DICOM without positions in space: the frame. -1: there is only one.
  int64_t position = -1;
  // Of a folder of numbered slices: the numbers to read, both included, and
  // what is subtracted from each 16-bit value. -1, -1: all of them.
  int64_t first_slice = -1;
  int64_t last_slice = -1;
  double subtract = 0.0;
  // (D, H, W), for formats without one (.npy, .npz, PNG) and DICOM files that
  // do not say theirs. Ignored elsewhere.
  std::optional<std::array<double, 3>> spacing_mm{};
  // Of an array of three axes (.npy, .npz): their order as stored; the scan is
  // read as (D, H, W) either way. Ignored elsewhere.
  ArrayAxes axes = ArrayAxes::kDHW;

  bool operator==(const VolumeFile&) const = default;
};

// What was found beside the voxels.
struct VolumeNotes {
  std::string format;       // "NIfTI-1", "DICOM series".
  std::string stored_type;  // Of a voxel in the file: "int16".
  // Files of a folder that are not part of the scan, each "name: reason", and
  // what had to be assumed ("no PixelSpacing: ...").
  std::vector<std::string> remarks;
};

// Reads and decodes. The format is told by the content, not by the name:
//   NIfTI-1 and -2, .nii, .nii.gz and pairs (.hdr or .img given);
//   DICOM: a file (single or multi-frame) or a folder with one series, sorted
//     by position, rescale slope and intercept applied;
//   MetaImage .mha, .mhd with its data file; NRRD .nrrd, .nhdr;
//   NumPy .npy, .npz with 2 or 3 axes (D, H, W), or 4 and a position;
//   PNG, 8 or 16 bits grey: one slice, or a folder of slices.
// Voxels keep their stored order: nothing is reoriented (transform it with the
// recipe step "orient"). docs/formats.md has the rules of each format.
// Memory: the voxels as float32 and a buffer; of DICOM also one encoded file
// and its decoded frames.
// Any thread. Throws DataError "path: reason" in one line, IoError.
[[nodiscard]] Volume read_volume(const VolumeFile& file,
                                 const DecodeLimits& limits = {},
                                 VolumeNotes* notes = nullptr);

}  // namespace voxlift::dataio
