#pragma once
// Which files make a data set, and what each of them is.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dataio/box.h"
#include "dataio/decode/volume_file.h"

namespace voxlift::dataio {

// What one sample decodes to.
enum class Modality { kPhotograph, kVolume };

const char* modality_name(Modality modality);  // "photograph", "volume".
// Throws DataError naming `origin` for any other text.
Modality parse_modality(const std::string& name, const std::string& origin);

// The parts of a scan beside its image.
struct VolumeEntry {
  VolumeFile image;
  std::optional<VolumeFile> mask;
  std::vector<LabelledBox> boxes;  // In voxels of the image as read.
  int64_t key_slice = -1;          // As VolumeFacts::key_slice.
};

struct SourceEntry {
  std::string path;  // Where its bytes are.
  std::string id;    // Path below the data set's root: unique, stable.
  int64_t label = 0;
  // Bytes of the file that are the sample: those of a member of a tar file.
  // Length -1: all of it.
  int64_t offset = 0;
  int64_t length = -1;
  // Patient or other unit that must not be split; empty: the sample itself.
  std::string subject = {};
  // Scans only; photographs have none. Shared: entries are copied around.
  std::shared_ptr<const VolumeEntry> volume = nullptr;
};

// Entries are in the order of their samples: sorted by (label, id) for class
// folders, in list order where there is a list.
struct Manifest {
  Modality modality = Modality::kPhotograph;
  std::vector<std::string> classes;  // Position = label.
  // Position = value in the masks, 0 the background; empty: no masks.
  std::vector<std::string> mask_classes;
  // Position = LabelledBox::label; empty: no boxes.
  std::vector<std::string> box_classes;
  std::vector<SourceEntry> entries;
  // Files and folders that were seen and left out, each with the reason.
  std::vector<std::string> ignored;
};

}  // namespace voxlift::dataio
