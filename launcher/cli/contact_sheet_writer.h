#pragma once
// Samples of a packed data set as one picture.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dataio/manifest.h"
#include "dataio/volume.h"
#include "dataio/volume_source.h"

namespace voxlift::launcher {

struct ContactSheetOptions {
  std::string file;  // PNG to write.
  // "none": as stored; "train", "eval": what the network would see.
  std::string transform = "none";
  int64_t count = 32;
  int64_t image_size = 224;             // Photographs.
  dataio::Shape3 shape = {48, 48, 48};  // Scans.
  uint64_t seed = 0;
  int64_t epoch = 0;

  void validate() const;  // Throws ConfigError.
};

// Samples, wherever they are.
struct SampleSource {
  dataio::Modality modality = dataio::Modality::kPhotograph;
  int64_t num_samples = 0;
  // Photographs: the encoded bytes.
  std::function<std::vector<std::byte>(int64_t id)> read;
  // Scans.
  std::function<std::unique_ptr<dataio::VolumeSource>(int64_t id)> volume;
  std::function<std::string(int64_t id)> caption;
  std::function<std::string(int64_t id)> describe;  // For errors.
};

// Writes `count` samples, evenly spread over the source. The draws of a sample
// are those of training: (seed, epoch, sample id). Throws DataError, IoError.
void write_contact_sheet(const SampleSource& source,
                         const ContactSheetOptions& options);

}  // namespace voxlift::launcher
