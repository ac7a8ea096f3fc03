#include <optional>

#include "base/error.h"
#include "base/strings.h"
#include "dataio/decode/byte_source.h"
#include "dataio/decode/nrrd_header.h"
#include "dataio/decode/text_header.h"
#include "dataio/decode/volume_formats.h"

namespace voxlift::dataio {

namespace {

void skip_lines(ByteSource& source, int64_t count, const std::string& path) {
  std::byte c{};
  for (int64_t line = 0; line < count;) {
    if (source.read(std::span(&c, 1)) == 0) {
      throw DataError(
          str_cat(path, ": has ", line, " lines, line skip is ", count));
    }
    line += c == std::byte{'\n'} ? 1 : 0;
  }
}

std::unique_ptr<ByteSource> inflate(std::unique_ptr<ByteSource> source,
                                    NrrdEncoding encoding,
                                    const std::string& path) {
  switch (encoding) {
    case NrrdEncoding::kGzip:
      return make_gzip_source(std::move(source), path);
    case NrrdEncoding::kBzip2:
      return make_bzip2_source(std::move(source), path);
    default:
      return source;
  }
}

// At the first voxel. Lines are skipped before inflating, bytes after.
std::unique_ptr<ByteSource> open_voxels(const NrrdHeader& header,
                                        const std::string& path,
                                        int64_t voxel_bytes) {
  auto file = make_file_source(
      path, header.data_file.empty() ? header.header_bytes : 0);
  skip_lines(*file, header.line_skip, path);
  auto source = inflate(std::move(file), header.encoding, path);
  const int64_t gap = header.byte_skip >= 0 ? header.byte_skip
                                            : source->max_bytes() - voxel_bytes;
  if (gap < 0) {
    throw DataError(str_cat(path, ": the header claims ", voxel_bytes,
                            " bytes of voxels, the file has ",
                            source->max_bytes()));
  }
  skip_exactly(*source, gap, path);
  return source;
}

// Numbers in text, one at a time.
class TextNumbers {
 public:
  TextNumbers(ByteSource& source, const std::string& path)
      : source_(source), path_(path), buffer_(1 << 14, '\0') {}

  double next() {
    std::string word;
    while (const auto c = next_char()) {
      const bool blank = *c <= ' ' || *c == ',';
      if (blank && !word.empty()) {
        break;
      }
      if (!blank) {
        word += *c;
      }
      if (word.size() > kMaxDigits) {
        break;
      }
    }
    const auto number = parse_double(word);
    if (!number.has_value()) {
      throw DataError(str_cat(path_, ": '", printable(word),
                              "' among the text voxels, want a number"));
    }
    return *number;
  }

 private:
  static constexpr size_t kMaxDigits = 64;

  std::optional<char> next_char() {
    if (at_ == length_) {
      length_ = source_.read(std::as_writable_bytes(std::span(buffer_)));
      at_ = 0;
    }
    return at_ < length_ ? std::optional(buffer_[at_++]) : std::nullopt;
  }

  ByteSource& source_;
  const std::string& path_;
  std::string buffer_;
  size_t at_ = 0;
  size_t length_ = 0;
};

// Text: a digit and a blank at least for each number.
void read_text(ByteSource& source, const NrrdHeader& header, int64_t frame,
               const std::string& path, Volume& volume) {
  const int64_t count = volume.num_voxels();
  if ((frame + 1) > (source.max_bytes() + 1) / 2 / count) {
    throw DataError(str_cat(path, ": claims ", header.num_frames, " x ", count,
                            " numbers, ", source.max_bytes(),
                            " bytes of text cannot hold them"));
  }
  TextNumbers numbers(source, path);
  for (int64_t i = 0; i < frame * count; ++i) {
    numbers.next();
  }
  volume.voxels.resize(static_cast<size_t>(count));
  for (float& voxel : volume.voxels) {
    voxel = static_cast<float>(numbers.next());
  }
}

void read_binary(ByteSource& source, const NrrdHeader& header, int64_t frame,
                 const DecodeLimits& limits, const std::string& path,
                 Volume& volume) {
  check_claim(header.shape, header.code.type, source, path, limits);
  const int64_t frame_bytes =
      volume.num_voxels() * scalar_bytes(header.code.type);
  if (header.num_frames > source.max_bytes() / frame_bytes) {
    throw DataError(str_cat(path, ": claims ", header.num_frames, " x ",
                            frame_bytes, " bytes, there are at most ",
                            source.max_bytes()));
  }
  skip_exactly(source, frame * frame_bytes, path);
  read_scalars(source, header.code, volume.num_voxels(), path, volume.voxels);
}

}  // namespace

Volume read_nrrd(const VolumeFile& file, const DecodeLimits& limits,
                 VolumeNotes& notes) {
  const NrrdHeader header =
      parse_nrrd_header(read_text_head(file.path), file.path);
  const std::string path = header.data_file.empty()
                               ? file.path
                               : beside_header(file.path, header.data_file);
  check_shape(header.shape, file.path, limits);
  const int64_t frame = pick_frame(file.position, header.num_frames, file.path);
  Volume volume;
  volume.shape = header.shape;
  volume.spacing_mm = header.spacing_mm;
  volume.affine = header.affine;
  const int64_t frame_bytes =
      volume.num_voxels() * scalar_bytes(header.code.type);
  if (header.num_frames > INT64_MAX / frame_bytes) {
    throw DataError(str_cat(path, ": claims ", header.num_frames, " frames"));
  }
  const auto source =
      open_voxels(header, path, header.num_frames * frame_bytes);
  if (header.encoding == NrrdEncoding::kText) {
    read_text(*source, header, frame, path, volume);
  } else {
    read_binary(*source, header, frame, limits, path, volume);
  }
  source->finish();
  notes.format = "NRRD";
  notes.stored_type = scalar_name(header.code.type);
  return volume;
}

}  // namespace voxlift::dataio
