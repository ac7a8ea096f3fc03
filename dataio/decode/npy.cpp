#include "dataio/decode/npy.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/strings.h"
#include "dataio/decode/volume_formats.h"
#include "dataio/decode/world.h"

namespace voxlift::dataio {

namespace {

// Reads no more than the header, so that `source` then stands at the voxels.
NpyHeader read_header(ByteSource& source, const std::string& origin) {
  std::vector<std::byte> head(12);
  head.resize(source.read(head));
  if (head.size() == 12) {
    // Magic, version and length tell how long the text is.
    const bool first = head[6] == std::byte{1};
    size_t length = std::to_integer<size_t>(head[8]) |
                    std::to_integer<size_t>(head[9]) << 8;
    if (!first) {
      length |= std::to_integer<size_t>(head[10]) << 16 |
                std::to_integer<size_t>(head[11]) << 24;
    }
    const size_t end = (first ? 10 : 12) + length;
    if (end > 12 && end <= kMaxNpyHeaderBytes) {
      head.resize(end);
      head.resize(12 + source.read(std::span(head).subspan(12)));
    }
  }
  return parse_npy_header(head, origin);
}

struct Frame {
  Shape3 shape{1, 1, 1};
  int64_t num_frames = 1;
  int64_t index = 0;
};

Frame choose_frame(const NpyHeader& header, int64_t position,
                   const std::string& origin) {
  const size_t num_axes = header.shape.size();
  if (num_axes < 2 || num_axes > 4) {
    throw DataError(
        str_cat(origin, ": an array of ", num_axes, " axes, want 2 to 4"));
  }
  if (position >= 0 && num_axes != 4) {
    throw DataError(str_cat(origin, ": position ", position,
                            " is asked for, the array has ", num_axes,
                            " axes, not 4"));
  }
  Frame frame;
  const size_t num_sides = std::min<size_t>(num_axes, 3);
  std::copy(header.shape.end() - static_cast<std::ptrdiff_t>(num_sides),
            header.shape.end(),
            frame.shape.end() - static_cast<std::ptrdiff_t>(num_sides));
  frame.num_frames = num_axes == 4 ? header.shape[0] : 1;
  frame.index = pick_frame(position, frame.num_frames, origin);
  return frame;
}

// Whether all frames fit into what the source can give.
void check_frames(const Frame& frame, const NpyHeader& header,
                  const ByteSource& source, const std::string& origin,
                  const DecodeLimits& limits) {
  check_claim(frame.shape, header.code.type, source, origin, limits);
  const int64_t frame_bytes = frame.shape[0] * frame.shape[1] * frame.shape[2] *
                              scalar_bytes(header.code.type);
  if (frame.num_frames > source.max_bytes() / frame_bytes) {
    throw DataError(str_cat(origin, ": claims ", frame.num_frames, " x ",
                            frame_bytes, " bytes, there are at most ",
                            source.max_bytes()));
  }
}

// The first axis varies fastest: the voxels come in the order (frame, d, h, w)
// with w slowest, and go to their places piece by piece.
void read_fortran(ByteSource& source, const ScalarCode& code,
                  const Frame& frame, const std::string& origin,
                  std::vector<float>& voxels) {
  const auto [depth, height, width] = frame.shape;
  voxels.resize(static_cast<size_t>(depth * height * width));
  std::vector<float> run;
  for (int64_t w = 0; w < width; ++w) {
    for (int64_t h = 0; h < height; ++h) {
      for (int64_t d = 0; d < depth; ++d) {
        // One number of each frame: the asked one is kept.
        run.clear();
        read_scalars(source, code, frame.num_frames, origin, run);
        voxels[static_cast<size_t>((d * height + h) * width + w)] =
            run[static_cast<size_t>(frame.index)];
      }
    }
  }
}

// As above for one frame: a column of d at a time.
void read_fortran_columns(ByteSource& source, const ScalarCode& code,
                          const Shape3& shape, const std::string& origin,
                          std::vector<float>& voxels) {
  const auto [depth, height, width] = shape;
  voxels.resize(static_cast<size_t>(depth * height * width));
  std::vector<float> columns;
  for (int64_t w = 0; w < width; ++w) {
    columns.clear();
    read_scalars(source, code, depth * height, origin, columns);
    for (int64_t h = 0; h < height; ++h) {
      for (int64_t d = 0; d < depth; ++d) {
        voxels[static_cast<size_t>((d * height + h) * width + w)] =
            columns[static_cast<size_t>(h * depth + d)];
      }
    }
  }
}

// From (H, W, D) to (D, H, W).
void move_depth_first(Volume& volume) {
  const auto [height, width, depth] = volume.shape;
  std::vector<float> voxels(volume.voxels.size());
  const float* from = volume.voxels.data();
  for (int64_t h = 0; h < height; ++h) {
    for (int64_t w = 0; w < width; ++w) {
      for (int64_t d = 0; d < depth; ++d) {
        voxels[static_cast<size_t>((d * height + h) * width + w)] = *from++;
      }
    }
  }
  volume.shape = {depth, height, width};
  volume.voxels = std::move(voxels);
}

}  // namespace

Volume read_npy_array(ByteSource& source, const VolumeFile& file,
                      const std::string& origin, const DecodeLimits& limits,
                      VolumeNotes& notes) {
  const NpyHeader header = read_header(source, origin);
  const Frame frame = choose_frame(header, file.position, origin);
  check_frames(frame, header, source, origin, limits);
  Volume volume;
  volume.shape = frame.shape;
  volume.spacing_mm = file.spacing_mm.value_or(volume.spacing_mm);
  check_spacing(volume.spacing_mm, origin);
  volume.affine = affine_from_spacing(volume.spacing_mm);
  notes.stored_type = scalar_name(header.code.type);
  if (!header.fortran_order) {
    const int64_t bytes_each = scalar_bytes(header.code.type);
    skip_exactly(source, frame.index * volume.num_voxels() * bytes_each,
                 origin);
    read_scalars(source, header.code, volume.num_voxels(), origin,
                 volume.voxels);
  } else if (frame.num_frames == 1) {
    read_fortran_columns(source, header.code, frame.shape, origin,
                         volume.voxels);
  } else {
    read_fortran(source, header.code, frame, origin, volume.voxels);
  }
  if (file.axes == ArrayAxes::kHWD) {
    move_depth_first(volume);
  }
  return volume;
}

Volume read_npy(const VolumeFile& file, const DecodeLimits& limits,
                VolumeNotes& notes) {
  notes.format = "NumPy";
  const auto source = make_file_source(file.path);
  Volume volume = read_npy_array(*source, file, file.path, limits, notes);
  if (file.position < 0 && source->max_bytes() > 0) {
    throw DataError(str_cat(file.path, ": ", source->max_bytes(),
                            " bytes follow the array"));
  }
  return volume;
}

}  // namespace voxlift::dataio
