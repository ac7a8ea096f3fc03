#pragma once
// Slices of a scan as pictures, with what was found there drawn on them.

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "dataio/image.h"

namespace voxlift::dataio {

using Color = std::array<uint8_t, 3>;

// Values from black to white; what lies beyond is cut.
struct GreyWindow {
  double low = 0.0;
  double high = 1.0;
};

// From the `share` quantile of the finite voxels to the 1 - `share` quantile,
// of a million voxels at most, evenly spread. One value only: it is black.
GreyWindow quantile_window(std::span<const float> voxels, double share);

// One slice, H x W voxels, each drawn as a square of `scale` pixels.
struct SliceShape {
  int64_t height = 0;
  int64_t width = 0;
  int64_t scale = 1;
};

// The slice in grey. What is not finite is black.
Image grey_slice(std::span<const float> voxels_HW, const SliceShape& shape,
                 const GreyWindow& window);

// Bright colors that differ from each other and from grey, by class; after
// eight they repeat.
Color class_color(int64_t label);

// Colors the inner edge, one pixel wide, of every region of one label that is
// not 0, in the label's color: the pixels of it beside another label, 4
// neighbours, or beside the end of the picture.
void outline_labels(std::span<const uint8_t> labels_HW, const SliceShape& shape,
                    Image& image);

// Edges in voxels: the first voxel spans 0 to 1.
struct SliceBox {
  double top = 0.0;
  double left = 0.0;
  double bottom = 0.0;
  double right = 0.0;
};

// A frame one pixel wide along the edges, inside of them, and `text` above it,
// or below its upper edge where there is no room. What lies beyond the picture
// is cut.
void outline_box(const SliceBox& box, const std::string& text,
                 const Color& color, const SliceShape& shape, Image& image);

}  // namespace voxlift::dataio
