#include "sharding/shard_writer.h"

#include <fcntl.h>

#include <utility>
#include <vector>

#include "base/crc32c.h"
#include "base/error.h"
#include "base/strings.h"
#include "sharding/shard_format.h"

namespace voxlift::sharding {
namespace {

template <typename T>
void write_array(H5Group& root, const char* name,
                 const std::vector<T>& values) {
  root.create_dataset<T>(name, {static_cast<int64_t>(values.size())})
      .template write<T>(values);
}

std::span<const uint8_t> as_uint8(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
}

}  // namespace

ShardWriter::ShardWriter(std::string path, const ShardHeader& header,
                         int64_t num_bytes, Files& files)
    : path_(std::move(path)),
      temporary_(path_ + ".tmp"),
      num_bytes_(num_bytes),
      files_(files) {
  VOXLIFT_CHECK(num_bytes > 0, "a shard needs bytes");
  file_ = H5File::create(temporary_);
  H5Group root = file_->root();
  root.write_string_attribute(kFormatAttribute, kShardFormat);
  root.write_attribute<int64_t>(kVersionAttribute,
                                format_version(header.modality));
  root.write_string_attribute(kModalityAttribute,
                              dataio::modality_name(header.modality));
  root.write_string_attribute(kPlanDigestAttribute, header.plan_digest);
  bytes_ = root.create_dataset<uint8_t>(kBytesDataset, {num_bytes});
}

ShardWriter::~ShardWriter() {
  if (!file_.has_value()) {
    return;
  }
  bytes_.reset();
  file_.reset();
  try {
    files_.remove_all(temporary_);
  } catch (const Error&) {
    // What stopped the writer is on its way; the next pack removes the rest.
  }
}

void ShardWriter::append(std::span<const std::byte> bytes, int64_t label,
                         const std::string& id) {
  const auto length = static_cast<int64_t>(bytes.size());
  VOXLIFT_CHECK(length <= num_bytes_ - position_, "more bytes than announced");
  if (length > 0) {
    bytes_->write(as_uint8(bytes), position_);
  }
  index_.offset.push_back(position_);
  index_.length.push_back(length);
  index_.label.push_back(label);
  index_.crc32c.push_back(crc32c(bytes));
  index_.id.push_back(id);
  position_ += length;
}

uint32_t ShardWriter::write_index() {
  H5Group root = file_->root();
  write_array(root, kOffsetDataset, index_.offset);
  write_array(root, kLengthDataset, index_.length);
  write_array(root, kLabelDataset, index_.label);
  write_array(root, kCrcDataset, index_.crc32c);
  root.create_strings(kIdDataset, index_.id);
  const uint32_t crc = index_crc32c(index_);
  root.write_attribute<uint32_t>(kIndexCrcAttribute, crc);
  return crc;
}

uint32_t ShardWriter::finish() {
  VOXLIFT_CHECK(position_ == num_bytes_, "fewer bytes than announced");
  const uint32_t crc = write_index();
  bytes_.reset();
  file_->close();
  FileDescriptor(temporary_, O_RDONLY).sync();
  files_.rename_durable(temporary_, path_);
  file_.reset();  // Last: until here the destructor cleans up.
  return crc;
}

}  // namespace voxlift::sharding
