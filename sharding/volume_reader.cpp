#include "sharding/volume_reader.h"

#include <algorithm>
#include <span>

#include "base/crc32c.h"
#include "base/error.h"
#include "base/strings.h"
#include "sharding/h5.h"
#include "sharding/shard_format.h"
#include "sharding/stored_volume.h"

namespace voxlift::sharding {
namespace {

constexpr int64_t kMaxSide = int64_t{1} << 20;
constexpr int64_t kMaxVoxels = int64_t{1} << 34;
// Elements of one chunk; ours have 4096.
constexpr int64_t kMaxChunkElements = int64_t{1} << 24;

template <typename T>
void read_rows(const H5Group& root, const char* name, int64_t columns,
               int64_t max_rows, std::vector<T>& array) {
  const H5Dataset dataset = root.dataset(name);
  array = dataset.read<T>(columns * max_rows);
  if (static_cast<int64_t>(array.size()) % columns != 0) {
    throw DataError(str_cat("'", root.file(), "' /", name, ": has ",
                            array.size(), " elements, not rows of ", columns));
  }
}

}  // namespace

VolumeReader::VolumeReader(const std::string& path) : Shard(path) {
  const H5File h5 = H5File::open(path);
  const H5Group root = h5.root();
  read_header(root, dataio::Modality::kVolume);
  read_arrays(root);
  check_arrays();
  check_index_crc(index_crc32c(index_));
}

void VolumeReader::read_arrays(const H5Group& root) {
  index_.has_mask = root.read_attribute<int64_t>(kHasMaskAttribute) != 0;
  // Every row takes at least 4 bytes of the file.
  const int64_t max_rows = file_bytes() / 4;
  visit_arrays(index_, [&](const char* name, auto& array, int columns) {
    read_rows(root, name, columns, max_rows, array);
  });
  index_.id = read_names(root, kIdDataset, max_rows);
  index_.subject = read_names(root, kSubjectDataset, max_rows);
}

void VolumeReader::check_arrays() {
  const auto num_samples = index_.label.size();
  const auto check_rows = [&](const char* name, size_t size, size_t columns,
                              size_t rows) {
    if (size != columns * rows) {
      throw DataError(str_cat("'", path(), "': /", name, " has ",
                              size / columns, " rows, want ", rows));
    }
  };
  check_rows(kIdDataset, index_.id.size(), 1, num_samples);
  check_rows(kSubjectDataset, index_.subject.size(), 1, num_samples);
  check_rows("storage", index_.storage.size(), 1, num_samples);
  check_rows("shape", index_.shape.size(), 3, num_samples);
  check_rows("chunk", index_.chunk.size(), 3, num_samples);
  check_rows("spacing_mm", index_.spacing_mm.size(), 3, num_samples);
  check_rows("affine", index_.affine.size(), 12, num_samples);
  check_rows("moments", index_.moments.size(), 4, num_samples);
  check_rows("key_slice", index_.key_slice.size(), 1, num_samples);
  check_rows("num_boxes", index_.num_boxes.size(), 1, num_samples);
  const size_t num_boxes = index_.box_label.size();
  check_rows("box", index_.box.size(), 6, num_boxes);
  for (int64_t i = 0; i < index_.num_samples(); ++i) {
    check_sample_arrays(i);
  }
  starts_ = find_starts(index_);
  check_rows("box_label", num_boxes, 1,
             static_cast<size_t>(starts_.box.back()));
  check_table(index_.image, "image");
  if (index_.has_mask) {
    check_table(index_.mask, "mask");
    check_rows("mask_foreground", index_.mask_foreground.size(), 1,
               static_cast<size_t>(starts_.chunk.back()));
    for (int64_t i = 0; i < index_.num_samples(); ++i) {
      check_foreground(i);
    }
  }
  for (const auto* lengths : {&index_.image.length, &index_.mask.length}) {
    for (const int64_t length : *lengths) {
      num_bytes_ += length;
    }
  }
}

void VolumeReader::check_sample_arrays(int64_t i) const {
  const dataio::Shape3 shape = index_.shape_of(i);
  const dataio::Shape3 chunk = index_.chunk_of(i);
  int64_t num_voxels = 1;
  int64_t num_elements = 1;
  for (size_t axis = 0; axis < 3; ++axis) {
    const bool good = shape[axis] > 0 && shape[axis] <= kMaxSide &&
                      chunk[axis] > 0 && chunk[axis] <= shape[axis];
    num_voxels *= good ? shape[axis] : kMaxVoxels;
    num_elements *= good ? std::min(chunk[axis], kMaxChunkElements) : 1;
    if (!good || num_voxels > kMaxVoxels || num_elements > kMaxChunkElements) {
      throw DataError(str_cat(describe(i), ": shape ", shape[0], " x ",
                              shape[1], " x ", shape[2], " in chunks of ",
                              chunk[0], " x ", chunk[1], " x ", chunk[2]));
    }
  }
  const auto position = static_cast<size_t>(i);
  const int64_t storage = index_.storage[position];
  if (storage < 0 || storage > static_cast<int64_t>(VoxelStorage::kFloat32)) {
    throw DataError(
        str_cat(describe(i), ": storage is ", storage, ", want 0 to 2"));
  }
  const int64_t num_boxes = index_.num_boxes[position];
  if (num_boxes < 0 || num_boxes > kMaxSide) {
    throw DataError(str_cat(describe(i), ": num_boxes is ", num_boxes));
  }
}

// A chunk holds as many voxels as its sides say; they fit as checked above.
void VolumeReader::check_foreground(int64_t i) const {
  const dataio::Shape3 chunk = index_.chunk_of(i);
  const int64_t num_elements = chunk[0] * chunk[1] * chunk[2];
  for (int64_t c = first_chunk(i); c < first_chunk(i + 1); ++c) {
    const int64_t count = index_.mask_foreground[static_cast<size_t>(c)];
    if (count < 0 || count > num_elements) {
      throw DataError(str_cat(describe(i), ": mask_foreground of chunk ",
                              c - first_chunk(i), " is ", count,
                              ", but a chunk has ", num_elements, " voxels"));
    }
  }
}

void VolumeReader::check_table(const ChunkTable& table,
                               const char* name) const {
  const auto num_chunks = static_cast<size_t>(starts_.chunk.back());
  for (const size_t size :
       {table.offset.size(), table.length.size(), table.crc32c.size()}) {
    if (size != num_chunks) {
      throw DataError(str_cat("'", path(), "': /", name, "_... has ", size,
                              " elements, but the volumes have ", num_chunks,
                              " chunks"));
    }
  }
  const int64_t end = file_bytes();
  for (size_t c = 0; c < num_chunks; ++c) {
    const int64_t offset = table.offset[c];
    const int64_t length = table.length[c];
    if (offset < 0 || length <= 0 || offset > end || length > end - offset) {
      throw DataError(str_cat("'", path(), "': ", name, " chunk ", c, " has ",
                              length, " bytes from byte ", offset,
                              " on, but the file has ", end, " bytes"));
    }
  }
}

void VolumeReader::read_run(const ChunkTable& table, int64_t first,
                            int64_t last, std::vector<std::byte>& buffer,
                            const VisitStored& visit) const {
  const auto end_of = [&](int64_t c) {
    return table.offset[static_cast<size_t>(c)] +
           table.length[static_cast<size_t>(c)];
  };
  while (first < last) {
    const int64_t begin = table.offset[static_cast<size_t>(first)];
    int64_t stop = first + 1;
    while (stop < last &&
           table.offset[static_cast<size_t>(stop)] == end_of(stop - 1)) {
      ++stop;
    }
    buffer.resize(static_cast<size_t>(end_of(stop - 1) - begin));
    file().read_at(buffer, begin);
    for (; first < stop; ++first) {
      const auto c = static_cast<size_t>(first);
      visit(first, std::span<const std::byte>(buffer).subspan(
                       static_cast<size_t>(table.offset[c] - begin),
                       static_cast<size_t>(table.length[c])));
    }
  }
}

std::unique_ptr<dataio::VolumeSource> VolumeReader::volume(
    int64_t i, bool verify_checksums) const {
  VOXLIFT_CHECK(i >= 0 && i < num_samples(), str_cat("sample ", i));
  return std::make_unique<StoredVolume>(*this, i, verify_checksums);
}

int64_t VolumeReader::check_sample(int64_t i) const {
  {
    const H5File h5 = H5File::open(path());
    const H5Group root = h5.root();
    check_layout(root, kImageGroup, index_.image, i);
    if (index_.has_mask) {
      check_layout(root, kMaskGroup, index_.mask, i);
    }
  }
  return StoredVolume(*this, i, /*verify_checksums=*/true).check();
}

// Who reads the dataset through HDF5 gets the bytes that the tables mean.
void VolumeReader::check_layout(const H5Group& root, const char* group,
                                const ChunkTable& table, int64_t i) const {
  const H5Dataset dataset = root.group(group).dataset(volume_name(i));
  const dataio::Shape3 shape = index_.shape_of(i);
  const dataio::Shape3 chunk = index_.chunk_of(i);
  const auto equals = [](const std::vector<int64_t>& a,
                         const dataio::Shape3& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  };
  if (!equals(dataset.shape(), shape) ||
      !equals(dataset.chunk_shape(), chunk) ||
      !dataset.is_shuffled_deflated()) {
    throw DataError(str_cat(describe(i), ": ", dataset.name(),
                            " has another shape, chunk or filter than the "
                            "index says"));
  }
  std::vector<std::byte> stored;
  auto c = static_cast<size_t>(first_chunk(i));
  for_each_chunk(shape, chunk, [&](const dataio::Shape3& first) {
    dataset.read_chunk({first.begin(), first.end()}, stored);
    if (crc32c(stored) != table.crc32c[c++]) {
      throw DataError(str_cat(describe(i), ": ", dataset.name(), " chunk ",
                              static_cast<int64_t>(c) - 1 - first_chunk(i),
                              " is not the one that the index means"));
    }
  });
}

uint64_t VolumeReader::content_key(int64_t i) const {
  const auto chunks = [&](const std::vector<uint32_t>& crcs) {
    return std::as_bytes(
        std::span(crcs).subspan(static_cast<size_t>(first_chunk(i)),
                                static_cast<size_t>(index_.num_chunks_of(i))));
  };
  const dataio::Shape3 shape = index_.shape_of(i);
  uint32_t crc = crc32c(chunks(index_.image.crc32c),
                        crc32c(std::as_bytes(std::span(shape))));
  if (index_.has_mask) {
    crc = crc32c(chunks(index_.mask.crc32c), crc);
  }
  return static_cast<uint64_t>(shape[0] * shape[1] * shape[2]) << 32 | crc;
}

uint32_t VolumeReader::add_fingerprint(uint32_t crc) const {
  const auto add = [&](const auto& array) {
    crc = crc32c(std::as_bytes(std::span(array)), crc);
  };
  add(index_.label);
  add(index_.shape);
  add(index_.spacing_mm);
  add(index_.image.crc32c);
  add(index_.mask.crc32c);
  add(index_.box);
  add(index_.box_label);
  return crc;
}

}  // namespace voxlift::sharding
