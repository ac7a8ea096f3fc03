#pragma once
// The lists of DeepLesion as key slices: DL_info.csv and COCO-style JSON.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace voxlift::dataio {

// x and y in pixels from 0; low included, high excluded.
struct LesionBox {
  std::array<double, 2> low_xy{};
  std::array<double, 2> high_xy{};
};

struct KeySlice {
  std::string folder;  // "000001_02_03".
  int64_t slice = 0;   // Its number: the file is NNN.png.
  double pixel_mm = 0.0;
  double slice_mm = 0.0;  // From slice to slice.
  int64_t width = 0;
  int64_t height = 0;
  int64_t split = 0;  // 1 train, 2 val, 3 test.
  std::vector<LesionBox> boxes;
  std::string where;  // "DL_info.csv:12": for errors.
};

// Key slices in the order of their first mention. Throw IoError, or DataError
// as list_deeplesion says.
std::vector<KeySlice> read_deeplesion_csv(const std::string& path,
                                          bool keep_noisy);
// `split`: that of all its images.
std::vector<KeySlice> read_deeplesion_json(const std::string& path,
                                           int64_t split, bool keep_noisy);

}  // namespace voxlift::dataio
