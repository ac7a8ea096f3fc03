#pragma once
// One function per format of scans, behind read_volume(). Each throws DataError
// and IoError as read_volume() does, and fills `notes`.

#include "dataio/decode/volume_file.h"

namespace voxlift::dataio {

Volume read_nifti(const VolumeFile& file, const DecodeLimits& limits,
                  VolumeNotes& notes);
Volume read_dicom_file(const VolumeFile& file, const DecodeLimits& limits,
                       VolumeNotes& notes);
Volume read_dicom_folder(const VolumeFile& file, const DecodeLimits& limits,
                         VolumeNotes& notes);
Volume read_metaimage(const VolumeFile& file, const DecodeLimits& limits,
                      VolumeNotes& notes);
Volume read_nrrd(const VolumeFile& file, const DecodeLimits& limits,
                 VolumeNotes& notes);
Volume read_npy(const VolumeFile& file, const DecodeLimits& limits,
                VolumeNotes& notes);
Volume read_npz(const VolumeFile& file, const DecodeLimits& limits,
                VolumeNotes& notes);
// Of a photograph (JPEG or PNG): red, green and blue, 1 mm apart. Asked for by
// VolumeFile::part "rgb".
inline constexpr const char* kColourPlanes = "rgb";
Volume read_colour_planes(const VolumeFile& file, const DecodeLimits& limits,
                          VolumeNotes& notes);
Volume read_png_slice(const VolumeFile& file, const DecodeLimits& limits,
                      VolumeNotes& notes);
Volume read_png_folder(const VolumeFile& file, const DecodeLimits& limits,
                       VolumeNotes& notes);

// True if the folder holds a file named by a number and ".png".
bool has_png_slices(const std::string& folder);

// The frame that `position` picks out of `num_frames`; -1 picks the only one.
// Throws DataError if there are several and none is picked, or it is too high.
int64_t pick_frame(int64_t position, int64_t num_frames,
                   const std::string& origin);

// The path of a data file that the header at `header_path` names. Throws
// DataError unless `name` is a plain name: no folder, no "..", no pattern.
std::string beside_header(const std::string& header_path,
                          const std::string& name);

}  // namespace voxlift::dataio
