#pragma once
// A small generated world to detect in: pictures with boxes, in COCO's layout.

#include <cstdint>
#include <string>
#include <vector>

#include "dataio/box.h"
#include "dataio/image.h"
#include "dataio/synth.h"

namespace voxlift::dataio {

struct SynthBoxesConfig {
  int64_t train = 96;  // Pictures.
  int64_t val = 24;
  int64_t size = 64;  // Longer side in pixels; the other is 3 / 4 of it.
  uint64_t seed = 1;

  void validate(const std::string& path) const;  // Throws ConfigError.
};

struct BoxedImage {
  Image image;
  std::vector<LabelledBox> boxes;  // Depth 0 to 1, label 0.
};

// Dark noise with one or two bright squares, whose sides are 3 / 16 to 5 / 16
// of `size`; one picture in four stands upright. A pure function of the
// arguments; any thread.
BoxedImage synth_boxed_image(const SynthBoxesConfig& config,
                             const std::string& split, int64_t index);

// Writes train.json, val.json and the pictures that they list, split/N.png,
// below `dir`. Equal configs give equal bytes. Throws ConfigError if `dir`
// holds such a list already, IoError.
void write_synth_boxes(const std::string& dir, const SynthBoxesConfig& config,
                       const SynthProgress& progress = nullptr);

}  // namespace voxlift::dataio
