#include "dataio/decode/volume_file.h"

#include "base/files.h"

namespace voxlift::dataio {

Volume read_volume(const VolumeFile& file, const DecodeLimits& limits) {
  return decode_volume(RealFiles().read(file.path), file.path, limits);
}

}  // namespace voxlift::dataio
