#pragma once
// The pixels of a DICOM file.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dataio/decode/dicom_elements.h"
#include "dataio/decode/raw_voxels.h"

namespace voxlift::dataio {

// What the header says of the pixels, checked.
struct DicomPixels {
  int64_t num_frames = 1;
  int64_t height = 0;
  int64_t width = 0;
  ScalarCode code;  // Slope and offset are those of each frame.
  int bits_stored = 0;
};

// Throws DataError if there is no image of one grey channel with 8, 16 or 32
// bits, or more is claimed than the limit or the file can hold.
DicomPixels describe_pixels(const DicomFile& file, const std::string& origin,
                            const DecodeLimits& limits);

// The numbers of all frames as stored, in order, in this machine's byte order
// after convert_scalars() with pixels.code. Uncompressed ones are copied;
// encapsulated ones are decoded by GDCM in a process of its own, since it ends
// the process on some damaged streams. Any thread. Throws DataError.
std::vector<std::byte> read_pixels(const DicomFile& file,
                                   const DicomPixels& pixels,
                                   const std::string& origin);

}  // namespace voxlift::dataio
