#include "sharding/shard.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/crc32c.h"
#include "base/error.h"
#include "base/strings.h"
#include "sharding/shard_format.h"
#include "sharding/shard_reader.h"
#include "sharding/volume_reader.h"

namespace voxlift::sharding {
namespace {

void check_format(const H5Group& root) {
  const std::string& path = root.file();
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
}

void check_version(const H5Group& root, dataio::Modality modality) {
  const auto version = root.read_attribute<int64_t>(kVersionAttribute);
  if (version != format_version(modality)) {
    throw DataError(str_cat("'", root.file(), "': version is ", version,
                            ", for samples of the modality ",
                            dataio::modality_name(modality),
                            " this program knows ", format_version(modality)));
  }
}

dataio::Modality read_modality(const H5Group& root) {
  return dataio::parse_modality(root.read_string_attribute(kModalityAttribute),
                                root.file());
}

}  // namespace

Shard::Shard(const std::string& path) : file_(path, O_RDONLY) {}

void Shard::read_header(const H5Group& root, dataio::Modality modality) {
  check_format(root);
  modality_ = read_modality(root);
  if (modality_ != modality) {
    throw DataError(str_cat("'", path(), "': holds samples of the modality ",
                            dataio::modality_name(modality_), ", want ",
                            dataio::modality_name(modality)));
  }
  check_version(root, modality_);
  plan_digest_ = root.read_string_attribute(kPlanDigestAttribute);
  index_crc_ = root.read_attribute<uint32_t>(kIndexCrcAttribute);
}

void Shard::check_index_crc(uint32_t crc) const {
  if (crc != index_crc_) {
    throw DataError(
        str_cat("'", path(), "': the index is damaged: its checksum is ",
                crc_text(crc), ", stored is ", crc_text(index_crc_)));
  }
}

int64_t Shard::file_bytes() const {
  struct stat info {};

  if (::fstat(file_.get(), &info) != 0) {
    throw_io_error("cannot stat", file_.path(), errno);
  }
  return info.st_size;
}

const std::string& Shard::subject(int64_t i) const {
  return ids()[static_cast<size_t>(i)];
}

void Shard::will_need(int64_t /*i*/) const {}

std::string Shard::describe(int64_t i) const {
  // Made for every sample that is read, so not by str_cat(), whose stream takes
  // ten times as long.
  return ids()[static_cast<size_t>(i)] + " (shard " + base_name(path()) +
         ", sample " + std::to_string(i) + ")";
}

std::unique_ptr<Shard> open_shard(const std::string& path) {
  dataio::Modality modality{};
  {
    const H5File h5 = H5File::open(path);
    const H5Group root = h5.root();
    check_format(root);
    modality = read_modality(root);
  }
  if (modality == dataio::Modality::kPhotograph) {
    return std::make_unique<ShardReader>(path);
  }
  return std::make_unique<VolumeReader>(path);
}

std::vector<std::string> read_names(const H5Group& root, const char* name,
                                    int64_t max_samples) {
  const H5Dataset names = root.dataset(name);
  if (names.element_bytes() > kMaxIdBytes) {
    throw DataError(str_cat("'", root.file(), "': /", name, " is ",
                            names.element_bytes(), " bytes wide, at most ",
                            kMaxIdBytes, " are allowed"));
  }
  return names.read_strings(max_samples);
}

FileChecksum checksum_file(const std::string& path) {
  constexpr int64_t kPieceBytes = 4 << 20;
  const FileDescriptor file(path, O_RDONLY);
  FileChecksum sum;
  sum.bytes = RealFiles().size_bytes(path);
  std::vector<std::byte> piece;
  for (int64_t offset = 0; offset < sum.bytes; offset += kPieceBytes) {
    piece.resize(
        static_cast<size_t>(std::min(kPieceBytes, sum.bytes - offset)));
    file.read_at(piece, offset);
    sum.crc32c = crc32c(piece, sum.crc32c);
  }
  return sum;
}

std::string crc_text(uint32_t crc) {
  return "0x" + hex(crc, 8);
}

}  // namespace voxlift::sharding
