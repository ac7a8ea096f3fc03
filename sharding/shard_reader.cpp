#include "sharding/shard_reader.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/crc32c.h"
#include "base/error.h"
#include "base/strings.h"
#include "dataio/decode/decoder.h"
#include "dataio/memory_volume.h"
#include "sharding/h5.h"
#include "sharding/shard_format.h"

namespace voxlift::sharding {
namespace {

int64_t file_size(const FileDescriptor& file) {
  struct stat info {};

  if (::fstat(file.get(), &info) != 0) {
    throw_io_error("cannot stat", file.path(), errno);
  }
  return info.st_size;
}

void check_format(const H5Group& root, const std::string& path) {
  if (!root.has_attribute(kFormatAttribute)) {
    throw DataError(str_cat("'", path,
                            "' is HDF5, but not a shard: it has no "
                            "attribute '",
                            kFormatAttribute, "'"));
  }
  const std::string format = root.read_string_attribute(kFormatAttribute);
  if (format != kShardFormat) {
    throw DataError(str_cat("'", path, "': format is '", format, "', not '",
                            kShardFormat, "'"));
  }
  const auto version = root.read_attribute<int64_t>(kVersionAttribute);
  if (version < 1 || version > kShardVersion) {
    throw DataError(str_cat("'", path, "': version is ", version,
                            ", this program knows 1 to ", kShardVersion));
  }
}

// Where /bytes lies in the file, all of it inside.
int64_t locate_bytes(const H5Dataset& bytes, int64_t file_bytes,
                     const std::string& path) {
  bytes.require_type<uint8_t>();
  const auto offset = bytes.file_offset();
  if (!offset.has_value()) {
    throw DataError(str_cat("'", path, "': /", kBytesDataset,
                            " is not contiguous in this file"));
  }
  const int64_t length = bytes.num_elements();
  if (*offset > file_bytes || length > file_bytes - *offset) {
    throw DataError(str_cat("'", path, "': /", kBytesDataset, " has ", length,
                            " bytes from byte ", *offset,
                            " on, but the file has ", file_bytes, " bytes"));
  }
  return *offset;
}

ShardIndex read_index(const H5Group& root, int64_t max_samples) {
  ShardIndex index;
  index.offset = root.dataset(kOffsetDataset).read<int64_t>(max_samples);
  index.length = root.dataset(kLengthDataset).read<int64_t>(max_samples);
  index.label = root.dataset(kLabelDataset).read<int64_t>(max_samples);
  index.crc32c = root.dataset(kCrcDataset).read<uint32_t>(max_samples);
  const H5Dataset ids = root.dataset(kIdDataset);
  if (ids.element_bytes() > kMaxIdBytes) {
    throw DataError(str_cat("'", root.file(), "': /", kIdDataset, " is ",
                            ids.element_bytes(), " bytes wide, at most ",
                            kMaxIdBytes, " are allowed"));
  }
  index.id = ids.read_strings(max_samples);
  return index;
}

void check_size(size_t size, const char* name, size_t num_samples,
                const std::string& path) {
  if (size != num_samples) {
    throw DataError(str_cat("'", path, "': /", name, " has ", size,
                            " elements, but /", kOffsetDataset, " has ",
                            num_samples));
  }
}

std::string crc_text(uint32_t crc) {
  return "0x" + hex(crc, 8);
}

}  // namespace

ShardReader::ShardReader(const std::string& path) : file_(path, O_RDONLY) {
  read_header();
  check_index();
}

void ShardReader::read_header() {
  const H5File h5 = H5File::open(path());
  const H5Group root = h5.root();
  check_format(root, path());
  modality_ = dataio::parse_modality(
      root.read_string_attribute(kModalityAttribute), path());
  plan_digest_ = root.read_string_attribute(kPlanDigestAttribute);
  const int64_t file_bytes = file_size(file_);
  const H5Dataset bytes = root.dataset(kBytesDataset);
  bytes_offset_ = locate_bytes(bytes, file_bytes, path());
  num_bytes_ = bytes.num_elements();
  // Every sample takes at least its 8 bytes of /offset.
  index_ = read_index(root, file_bytes / 8);
  index_crc_ = root.read_attribute<uint32_t>(kIndexCrcAttribute);
}

void ShardReader::check_index() const {
  const size_t num_samples = index_.offset.size();
  check_size(index_.length.size(), kLengthDataset, num_samples, path());
  check_size(index_.label.size(), kLabelDataset, num_samples, path());
  check_size(index_.crc32c.size(), kCrcDataset, num_samples, path());
  check_size(index_.id.size(), kIdDataset, num_samples, path());
  const uint32_t crc = index_crc32c(index_);
  if (crc != index_crc_) {
    throw DataError(str_cat("'", path(),
                            "': the index is damaged: its "
                            "checksum is ",
                            crc_text(crc), ", stored is ",
                            crc_text(index_crc_)));
  }
  for (size_t i = 0; i < num_samples; ++i) {
    check_sample(i);
  }
}

void ShardReader::check_sample(size_t i) const {
  const int64_t offset = index_.offset[i];
  const int64_t length = index_.length[i];
  if (offset < 0 || length < 0 || offset > num_bytes_ ||
      length > num_bytes_ - offset) {
    throw DataError(str_cat(describe(static_cast<int64_t>(i)), ": index gives ",
                            length, " bytes from byte ", offset, " on, but /",
                            kBytesDataset, " has ", num_bytes_, " bytes"));
  }
}

std::string ShardReader::describe(int64_t i) const {
  return str_cat(index_.id[static_cast<size_t>(i)], " (shard ",
                 base_name(path()), ", sample ", i, ")");
}

std::vector<std::byte> ShardReader::read(int64_t i,
                                         bool verify_checksum) const {
  std::vector<std::byte> bytes;
  read(i, verify_checksum, bytes);
  return bytes;
}

void ShardReader::read(int64_t i, bool verify_checksum,
                       std::vector<std::byte>& bytes) const {
  VOXLIFT_CHECK(i >= 0 && i < num_samples(), str_cat("sample ", i));
  const auto position = static_cast<size_t>(i);
  bytes.resize(static_cast<size_t>(index_.length[position]));
  file_.read_at(bytes, bytes_offset_ + index_.offset[position]);
  if (!verify_checksum) {
    return;
  }
  const uint32_t crc = crc32c(bytes);
  if (crc != index_.crc32c[position]) {
    throw DataError(str_cat(describe(i),
                            ": the bytes are damaged: their "
                            "checksum is ",
                            crc_text(crc), ", stored is ",
                            crc_text(index_.crc32c[position])));
  }
}

std::unique_ptr<dataio::VolumeSource> ShardReader::volume(int64_t i) const {
  const std::string origin = describe(i);
  return dataio::make_memory_volume(
      dataio::decode_volume(read(i, /*verify_checksum=*/true), origin), {},
      origin);
}

}  // namespace voxlift::sharding
