#include "sharding/volume_writer.h"

#include <fcntl.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>
#include <vector>

#include "base/crc32c.h"
#include "base/error.h"
#include "base/strings.h"
#include "dataio/memory_volume.h"
#include "sharding/shard_format.h"

namespace voxlift::sharding {
namespace {

using dataio::Shape3;
using dataio::VoxelBox;

template <typename T>
void append_all(std::vector<T>& array, const auto& values) {
  array.insert(array.end(), values.begin(), values.end());
}

Shape3 chunk_for(const Shape3& shape) {
  Shape3 chunk;
  for (size_t axis = 0; axis < 3; ++axis) {
    chunk[axis] = std::min(shape[axis], kChunkSide);
  }
  return chunk;
}

// The voxels of a chunk that begins at `start`, 0 beyond the volume.
template <typename Stored, typename T>
void gather_chunk(std::span<const T> voxels, const Shape3& shape,
                  const VoxelBox& chunk, std::vector<Stored>& elements) {
  elements.assign(static_cast<size_t>(chunk.num_voxels()), Stored{});
  const int64_t width = std::min(chunk.size[2], shape[2] - chunk.start[2]);
  for (int64_t d = 0; d < std::min(chunk.size[0], shape[0] - chunk.start[0]);
       ++d) {
    for (int64_t h = 0; h < std::min(chunk.size[1], shape[1] - chunk.start[1]);
         ++h) {
      const int64_t row = (chunk.start[0] + d) * shape[1] + chunk.start[1] + h;
      const T* from =
          &voxels[static_cast<size_t>(row * shape[2] + chunk.start[2])];
      Stored* to = &elements[static_cast<size_t>((d * chunk.size[1] + h) *
                                                 chunk.size[2])];
      std::transform(from, from + width, to,
                     [](T voxel) { return static_cast<Stored>(voxel); });
    }
  }
}

void check_finite(std::span<const float> voxels, const std::string& id) {
  const auto num_bad =
      std::count_if(voxels.begin(), voxels.end(),
                    [](float voxel) { return !std::isfinite(voxel); });
  if (num_bad > 0) {
    throw DataError(str_cat(id, ": ", num_bad, " of ", voxels.size(),
                            " voxels are NaN or infinite"));
  }
}

}  // namespace

VolumeWriter::VolumeWriter(std::string path, const ShardHeader& header,
                           bool has_mask, Files& files)
    : path_(std::move(path)), temporary_(path_ + ".tmp"), files_(files) {
  index_.has_mask = has_mask;
  file_ = H5File::create(temporary_, /*has_chunks=*/true);
  written_.emplace(temporary_, O_RDONLY);
  H5Group root = file_->root();
  root.write_string_attribute(kFormatAttribute, kShardFormat);
  root.write_attribute<int64_t>(kVersionAttribute, kVolumeVersion);
  root.write_string_attribute(kModalityAttribute,
                              dataio::modality_name(header.modality));
  root.write_string_attribute(kPlanDigestAttribute, header.plan_digest);
  root.write_attribute<int64_t>(kHasMaskAttribute, has_mask ? 1 : 0);
  root.create_group(kImageGroup);
  if (has_mask) {
    root.create_group(kMaskGroup);
  }
}

VolumeWriter::~VolumeWriter() {
  if (!file_.has_value()) {
    return;
  }
  file_.reset();
  try {
    files_.remove_all(temporary_);
  } catch (const Error&) {
    // What stopped the writer is on its way; the next pack removes the rest.
  }
}

void VolumeWriter::append(const dataio::Scan& scan, int64_t label,
                          const std::string& id, const std::string& subject) {
  const std::span<const float> voxels = scan.image.voxels;
  VOXLIFT_CHECK(scan.image.num_voxels() == static_cast<int64_t>(voxels.size()),
                "size of the image");
  VOXLIFT_CHECK(scan.mask.size() == (index_.has_mask ? voxels.size() : 0),
                "size of the mask");
  check_finite(voxels, id);
  append_facts(scan, label, id, subject);
  switch (static_cast<VoxelStorage>(index_.storage.back())) {
    case VoxelStorage::kUint8:
      write_voxels<uint8_t, float>(kImageGroup, voxels, index_.image);
      break;
    case VoxelStorage::kInt16:
      write_voxels<int16_t, float>(kImageGroup, voxels, index_.image);
      break;
    case VoxelStorage::kFloat32:
      write_voxels<float, float>(kImageGroup, voxels, index_.image);
      break;
  }
  if (index_.has_mask) {
    write_voxels<uint8_t, uint8_t>(kMaskGroup, scan.mask, index_.mask);
    count_foreground(scan.mask);
  }
}

void VolumeWriter::append_facts(const dataio::Scan& scan, int64_t label,
                                const std::string& id,
                                const std::string& subject) {
  const dataio::Volume& image = scan.image;
  const dataio::VoxelMoments moments = dataio::measure_voxels(image.voxels);
  index_.id.push_back(id);
  index_.subject.push_back(subject);
  index_.label.push_back(label);
  index_.storage.push_back(static_cast<int64_t>(choose_storage(image.voxels)));
  append_all(index_.shape, image.shape);
  append_all(index_.chunk, chunk_for(image.shape));
  append_all(index_.spacing_mm, image.spacing_mm);
  for (const auto& row : image.affine) {
    append_all(index_.affine, row);
  }
  append_all(index_.moments, std::vector<double>{moments.mean, moments.std,
                                                 moments.min, moments.max});
  index_.key_slice.push_back(scan.key_slice);
  index_.num_boxes.push_back(static_cast<int64_t>(scan.boxes.size()));
  for (const dataio::LabelledBox& box : scan.boxes) {
    append_all(index_.box, box.low);
    append_all(index_.box, box.high);
    index_.box_label.push_back(box.label);
  }
}

template <typename Stored, typename T>
void VolumeWriter::write_voxels(const char* group, std::span<const T> voxels,
                                ChunkTable& table) {
  const int64_t sample = index_.num_samples() - 1;
  const Shape3 shape = index_.shape_of(sample);
  const Shape3 chunk = index_.chunk_of(sample);
  H5Dataset dataset = file_->root().group(group).create_chunked<Stored>(
      volume_name(sample), {shape.begin(), shape.end()},
      {chunk.begin(), chunk.end()});
  std::vector<Stored> elements;
  for_each_chunk(shape, chunk, [&](const Shape3& start) {
    gather_chunk(voxels, shape, {start, chunk}, elements);
    const auto stored =
        encoder_.encode(std::as_bytes(std::span(elements)), sizeof(Stored));
    const std::vector<int64_t> first(start.begin(), start.end());
    dataset.write_chunk(first, stored);
    const int64_t offset =
        is_at(end_, stored) ? end_ : dataset.chunk_place(first).offset;
    const auto length = static_cast<int64_t>(stored.size());
    table.offset.push_back(offset);
    table.length.push_back(length);
    table.crc32c.push_back(crc32c(stored));
    num_bytes_ += length;
    end_ = offset + length;
  });
}

// HDF5 lays chunks down one behind the other, but it is slow to say so: asked
// only where that is not what the file holds.
bool VolumeWriter::is_at(int64_t offset, std::span<const std::byte> stored) {
  found_.resize(stored.size());
  try {
    written_->read_at(found_, offset);
  } catch (const DataError&) {
    return false;  // The file ends before.
  }
  return std::equal(stored.begin(), stored.end(), found_.begin());
}

void VolumeWriter::count_foreground(std::span<const uint8_t> mask) {
  const int64_t sample = index_.num_samples() - 1;
  const Shape3 shape = index_.shape_of(sample);
  std::vector<uint8_t> elements;
  const Shape3 chunk = index_.chunk_of(sample);
  for_each_chunk(shape, chunk, [&](const Shape3& start) {
    gather_chunk(mask, shape, {start, chunk}, elements);
    index_.mask_foreground.push_back(
        std::count_if(elements.begin(), elements.end(),
                      [](uint8_t label) { return label > 0; }));
  });
}

uint32_t VolumeWriter::write_index() {
  H5Group root = file_->root();
  visit_arrays(index_, [&](const char* name, const auto& array, int columns) {
    using T = typename std::decay_t<decltype(array)>::value_type;
    std::vector<int64_t> shape = {static_cast<int64_t>(array.size()) / columns};
    if (columns > 1) {
      shape.push_back(columns);
    }
    H5Dataset dataset = root.create_dataset<T>(name, shape);
    dataset.template write_all<T>(array);
  });
  root.create_strings(kIdDataset, index_.id);
  root.create_strings(kSubjectDataset, index_.subject);
  const uint32_t crc = index_crc32c(index_);
  root.write_attribute<uint32_t>(kIndexCrcAttribute, crc);
  return crc;
}

uint32_t VolumeWriter::finish() {
  VOXLIFT_CHECK(index_.num_samples() > 0, "a shard needs a sample");
  const uint32_t crc = write_index();
  file_->close();
  FileDescriptor(temporary_, O_RDONLY).sync();
  files_.rename_durable(temporary_, path_);
  file_.reset();  // Last: until here the destructor cleans up.
  return crc;
}

}  // namespace voxlift::sharding
