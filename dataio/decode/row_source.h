#pragma once
// A part of a picture, row by row.

#include <cstdint>

namespace voxlift::dataio {

// Rows of three interleaved bytes a pixel, red first, from the top to the
// bottom. One thread.
class RowSource {
 public:
  RowSource() = default;
  RowSource(const RowSource&) = delete;
  RowSource& operator=(const RowSource&) = delete;
  virtual ~RowSource() = default;

  // Row `y`, counted in the whole picture, from the part's first column on.
  // From call to call y falls by at most 1. The pointer holds until a row after
  // y + 1 is asked for.
  virtual const uint8_t* row(int64_t y) = 0;
};

}  // namespace voxlift::dataio
