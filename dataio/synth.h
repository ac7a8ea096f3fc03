#pragma once
// A small generated world with labels, for demonstrations and tests without a
// download. Everything is a pure function of (config, label, index).

#include <cstdint>
#include <functional>
#include <string>

#include "dataio/image.h"
#include "dataio/volume.h"

namespace voxlift::dataio {

// Six shapes times four textures.
constexpr int64_t kMaxSynthPhotoClasses = 24;
// Smooth, spiculated, lobed and hollow nodules.
constexpr int64_t kMaxSynthVolumeClasses = 4;

struct SynthPhotosConfig {
  int64_t num_classes = 8;
  int64_t train_per_class = 60;
  int64_t val_per_class = 15;
  // Short side in pixels; the long one is up to 1.4 times that.
  int64_t size = 160;
  int jpeg_quality = 90;
  uint64_t seed = 1;

  void validate(const std::string& path) const;  // Throws ConfigError.
};

struct SynthVolumesConfig {
  int64_t num_classes = 2;
  int64_t train_per_class = 40;
  int64_t val_per_class = 15;
  // Sides in voxels are this to 1.25 times this.
  int64_t size = 52;
  uint64_t seed = 1;

  void validate(const std::string& path) const;  // Throws ConfigError.
};

// A photograph of one object: the class is its shape and texture; colours,
// place, scale, turn, background, distractors and noise are random. No class
// can be told by colour, so that shuffling the planes keeps the label. `index`
// tells the pictures of a class apart. Any thread.
Image synth_photograph(const SynthPhotosConfig& config, int64_t label,
                       int64_t index);

// "disc-plain", "square-stripes" ...
std::string synth_photo_class_name(int64_t label);

struct Phantom {
  Volume image;  // About 0 to 255.
  Volume mask;   // 1 in the nodule, else 0; same shape and spacing.
};

// A nodule in noisy tissue with vessels: the class is the nodule's form; size,
// place, stretch, contrast and the volume's shape are random. Any thread.
Phantom synth_phantom(const SynthVolumesConfig& config, int64_t label,
                      int64_t index);

// "smooth", "spiculated", "lobed", "hollow".
std::string synth_volume_class_name(int64_t label);

// Called after each file with how many are done, of how many.
using SynthProgress = std::function<void(int64_t done, int64_t total)>;

// Writes the ImageNet layout below `dir`: train/<n00000001>/*.JPEG, val/*.JPEG,
// meta/val.txt ("file label"). Equal configs give equal bytes. Throws
// ConfigError if `dir` holds one of these already, IoError.
void write_synth_photos(const std::string& dir, const SynthPhotosConfig& config,
                        const SynthProgress& progress = nullptr);

// Writes images/*.nii.gz, masks/*.nii.gz, train.csv and val.csv (path, label,
// mask; relative to `dir`). As above.
void write_synth_volumes(const std::string& dir,
                         const SynthVolumesConfig& config,
                         const SynthProgress& progress = nullptr);

}  // namespace voxlift::dataio
