#include "dataio/contact_sheet.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "dataio/glyphs.h"
#include "dataio/transform/resize.h"

namespace voxlift::dataio {

namespace {

constexpr uint8_t kPaper = 32;
constexpr std::array<uint8_t, 3> kInk = {220, 220, 220};

uint8_t to_byte(double value) {
  return static_cast<uint8_t>(std::lround(std::clamp(value, 0.0, 255.0)));
}

Image scaled(const Image& image, int64_t height, int64_t width) {
  const int64_t plane = height * width;
  std::vector<float> planes(static_cast<size_t>(3 * plane));
  resize_bilinear(
      image,
      {{0, 0, image.height, image.width}, height, width, {0, 0, height, width}},
      {0, 1, 2}, planes);
  Image result{height, width, {}};
  for (int64_t i = 0; i < plane; ++i) {
    for (int64_t c = 0; c < 3; ++c) {
      result.rgb.push_back(to_byte(planes[static_cast<size_t>(c * plane + i)]));
    }
  }
  return result;
}

// The largest picture of the same proportions in a square of `side`.
Image scaled_into(const Image& image, int64_t side) {
  const int64_t longest = std::max(image.height, image.width);
  return scaled(image, std::max<int64_t>(1, image.height * side / longest),
                std::max<int64_t>(1, image.width * side / longest));
}

void paste(const Image& from, int64_t top, int64_t left, Image& to) {
  for (int64_t y = 0; y < from.height; ++y) {
    std::copy_n(from.pixel(y, 0), 3 * from.width, to.pixel(top + y, left));
  }
}

// Values to grey so that the smallest is black and the largest white.
Image grey(std::span<const float> values, int64_t height, int64_t width,
           float low, float high) {
  const double range = high > low ? high - low : 1.0;
  Image image{height, width, {}};
  for (const float value : values) {
    const uint8_t byte =
        std::isfinite(value) ? to_byte(255.0 * (value - low) / range) : 0;
    image.rgb.insert(image.rgb.end(), 3, byte);
  }
  return image;
}

Image middle_grey(std::span<const float> voxels, const Shape3& shape) {
  float low = INFINITY;
  float high = -INFINITY;
  for (const float voxel : voxels) {
    if (std::isfinite(voxel)) {
      low = std::min(low, voxel);
      high = std::max(high, voxel);
    }
  }
  const int64_t slice = shape[1] * shape[2];
  return grey(voxels.subspan(static_cast<size_t>(shape[0] / 2 * slice),
                             static_cast<size_t>(slice)),
              shape[1], shape[2], low, high);
}

constexpr int64_t kCaptionScale = 2;

// Where the cells lie.
class Layout {
 public:
  Layout(int64_t count, const ContactSheetConfig& config, bool has_captions)
      : columns_(std::min(config.columns, count)),
        rows_((count + columns_ - 1) / columns_),
        gap_(config.gap),
        step_x_(config.cell_size + config.gap),
        step_y_(step_x_ +
                (has_captions ? kCaptionScale * kGlyphHeight + 4 : 0)) {}

  Image empty_sheet() const {
    Image sheet{rows_ * step_y_ + gap_, columns_ * step_x_ + gap_, {}};
    sheet.rgb.assign(static_cast<size_t>(3 * sheet.height * sheet.width),
                     kPaper);
    return sheet;
  }

  // Top and left of cell i.
  std::pair<int64_t, int64_t> corner(int64_t i) const {
    return {gap_ + i / columns_ * step_y_, gap_ + i % columns_ * step_x_};
  }

 private:
  int64_t columns_;
  int64_t rows_;
  int64_t gap_;
  int64_t step_x_;
  int64_t step_y_;
};

// As many letters as fit.
void write_caption(const std::string& caption, int64_t top, int64_t left,
                   int64_t width, Image& sheet) {
  const int64_t num_letters = width / (kCaptionScale * (kGlyphWidth + 1));
  draw_text(sheet, top, left,
            caption.substr(0, static_cast<size_t>(num_letters)), kCaptionScale,
            kInk);
}

}  // namespace

Image contact_sheet(std::span<const Image> cells,
                    const ContactSheetConfig& config,
                    const std::vector<std::string>& captions) {
  VOXLIFT_CHECK(!cells.empty() && config.columns > 0 && config.cell_size > 0 &&
                    config.gap >= 0,
                "contact sheet");
  VOXLIFT_CHECK(captions.empty() || captions.size() == cells.size(),
                "a caption for each cell");
  const Layout layout(static_cast<int64_t>(cells.size()), config,
                      !captions.empty());
  Image sheet = layout.empty_sheet();
  for (size_t i = 0; i < cells.size(); ++i) {
    const auto [top, left] = layout.corner(static_cast<int64_t>(i));
    const Image cell = scaled_into(cells[i], config.cell_size);
    paste(cell, top + (config.cell_size - cell.height) / 2,
          left + (config.cell_size - cell.width) / 2, sheet);
    if (!captions.empty()) {
      write_caption(captions[i], top + config.cell_size + 3, left,
                    config.cell_size, sheet);
    }
  }
  return sheet;
}

Image planes_to_image(std::span<const float> sample, const SampleShape& shape,
                      double mean, double std) {
  VOXLIFT_CHECK(static_cast<int64_t>(sample.size()) == shape.num_elements() &&
                    shape.channels == 1,
                "a sample of one channel");
  if (shape.depth != 3) {
    return middle_grey(sample, {shape.depth, shape.height, shape.width});
  }
  const auto plane = static_cast<size_t>(shape.height * shape.width);
  Image image{shape.height, shape.width, {}};
  image.rgb.reserve(3 * plane);
  for (size_t i = 0; i < plane; ++i) {
    for (size_t c = 0; c < 3; ++c) {
      image.rgb.push_back(to_byte(sample[c * plane + i] * std + mean));
    }
  }
  return image;
}

Image middle_slice(const Volume& volume) {
  return middle_grey(volume.voxels, volume.shape);
}

}  // namespace voxlift::dataio
