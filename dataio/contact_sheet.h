#pragma once
// Many small pictures on one, to look at a data set.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dataio/image.h"
#include "dataio/transform/sample.h"

namespace voxlift::dataio {

struct ContactSheetConfig {
  int64_t columns = 8;
  // Side of a cell in pixels; pictures keep their proportions inside.
  int64_t cell_size = 128;
  // Space between cells, and around them.
  int64_t gap = 4;
};

// Cells from left to right and down. `captions` are written under the cells in
// small capitals (digits, Latin letters, "-_./:"; others show as blanks); there
// are as many as cells, or none. Any thread.
Image contact_sheet(std::span<const Image> cells,
                    const ContactSheetConfig& config,
                    const std::vector<std::string>& captions = {});

// A transformed sample as a picture. Three planes deep: the planes as red,
// green and blue, `mean` and `std` of the normalisation undone. Deeper: the
// middle slice in grey, from the sample's smallest to its largest value.
Image planes_to_image(std::span<const float> sample, const SampleShape& shape,
                      double mean, double std);

// The middle slice (of the depth) of a scan, in grey, from its smallest to its
// largest finite voxel.
Image middle_slice(const Volume& volume);

}  // namespace voxlift::dataio
