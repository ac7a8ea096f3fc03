#include "sharding/shard_reader.h"

#include <fcntl.h>

#include <array>
#include <span>

#include "base/crc32c.h"
#include "base/error.h"
#include "base/strings.h"
#include "sharding/h5.h"
#include "sharding/shard_format.h"

namespace voxlift::sharding {
namespace {

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
  index.id = read_names(root, kIdDataset, max_samples);
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

}  // namespace

ShardReader::ShardReader(const std::string& path) : Shard(path) {
  const H5File h5 = H5File::open(path);
  const H5Group root = h5.root();
  read_header(root, dataio::Modality::kPhotograph);
  read_arrays(root);
  check_index();
}

void ShardReader::read_arrays(const H5Group& root) {
  const int64_t end = file_bytes();
  const H5Dataset bytes = root.dataset(kBytesDataset);
  bytes_offset_ = locate_bytes(bytes, end, path());
  num_bytes_ = bytes.num_elements();
  // Every sample takes at least its 8 bytes of /offset.
  index_ = read_index(root, end / 8);
}

void ShardReader::check_index() const {
  const size_t num_samples = index_.offset.size();
  check_size(index_.length.size(), kLengthDataset, num_samples, path());
  check_size(index_.label.size(), kLabelDataset, num_samples, path());
  check_size(index_.crc32c.size(), kCrcDataset, num_samples, path());
  check_size(index_.id.size(), kIdDataset, num_samples, path());
  check_index_crc(index_crc32c(index_));
  for (size_t i = 0; i < num_samples; ++i) {
    check_sample_place(i);
  }
}

void ShardReader::check_sample_place(size_t i) const {
  const int64_t offset = index_.offset[i];
  const int64_t length = index_.length[i];
  if (offset < 0 || length < 0 || offset > num_bytes_ ||
      length > num_bytes_ - offset) {
    throw DataError(str_cat(describe(static_cast<int64_t>(i)), ": index gives ",
                            length, " bytes from byte ", offset, " on, but /",
                            kBytesDataset, " has ", num_bytes_, " bytes"));
  }
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
  file().read_at(bytes, bytes_offset_ + index_.offset[position]);
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

int64_t ShardReader::check_sample(int64_t i) const {
  return static_cast<int64_t>(read(i, /*verify_checksum=*/true).size());
}

void ShardReader::will_need(int64_t i) const {
  VOXLIFT_CHECK(i >= 0 && i < num_samples(), str_cat("sample ", i));
  const auto position = static_cast<size_t>(i);
  // Its result tells nothing that reading will not.
  ::posix_fadvise(file().get(), bytes_offset_ + index_.offset[position],
                  index_.length[position], POSIX_FADV_WILLNEED);
}

uint64_t ShardReader::content_key(int64_t i) const {
  const auto position = static_cast<size_t>(i);
  return static_cast<uint64_t>(index_.length[position]) << 32 |
         index_.crc32c[position];
}

uint32_t ShardReader::add_fingerprint(uint32_t crc) const {
  for (size_t i = 0; i < index_.offset.size(); ++i) {
    const std::array<int64_t, 3> facts = {index_.label[i], index_.length[i],
                                          index_.crc32c[i]};
    crc = crc32c(std::as_bytes(std::span(facts)), crc);
  }
  return crc;
}

}  // namespace voxlift::sharding
