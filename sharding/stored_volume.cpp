#include "sharding/stored_volume.h"

#include <algorithm>
#include <numeric>

#include "base/crc32c.h"
#include "base/error.h"
#include "base/strings.h"
#include "sharding/voxel_join.h"

namespace voxlift::sharding {
namespace {

using dataio::Shape3;
using dataio::VoxelBox;

void check_inside(const VoxelBox& box, const Shape3& shape) {
  for (size_t axis = 0; axis < 3; ++axis) {
    VOXLIFT_CHECK(box.start[axis] >= 0 && box.size[axis] > 0 &&
                      box.start[axis] + box.size[axis] <= shape[axis],
                  "box outside of the volume");
  }
}

// The chunks of a grid that a box touches.
VoxelBox touched(const VoxelBox& box, const Shape3& chunk) {
  VoxelBox chunks;
  for (size_t axis = 0; axis < 3; ++axis) {
    chunks.start[axis] = box.start[axis] / chunk[axis];
    const int64_t last = (box.start[axis] + box.size[axis] - 1) / chunk[axis];
    chunks.size[axis] = last - chunks.start[axis] + 1;
  }
  return chunks;
}

VoxelBox intersect(const VoxelBox& a, const VoxelBox& b) {
  VoxelBox both;
  for (size_t axis = 0; axis < 3; ++axis) {
    both.start[axis] = std::max(a.start[axis], b.start[axis]);
    both.size[axis] =
        std::min(a.start[axis] + a.size[axis], b.start[axis] + b.size[axis]) -
        both.start[axis];
  }
  return both;
}

int64_t position_in(const VoxelBox& box, int64_t d, int64_t h, int64_t w) {
  return ((d - box.start[0]) * box.size[1] + h - box.start[1]) * box.size[2] +
         w - box.start[2];
}

SharedBox::Place place_in(const VoxelBox& box, const Shape3& first) {
  return {static_cast<size_t>(position_in(box, first[0], first[1], first[2])),
          static_cast<size_t>(box.size[2]),
          static_cast<size_t>(box.size[1] * box.size[2])};
}

// What a chunk and a box share.
SharedBox shared_box(const VoxelBox& chunk, const VoxelBox& box) {
  const VoxelBox both = intersect(chunk, box);
  SharedBox shared;
  std::copy(both.size.begin(), both.size.end(), shared.size.begin());
  shared.from = place_in(chunk, both.start);
  shared.to = place_in(box, both.start);
  return shared;
}

// Labels above 0 in the mask of a chunk, padding left out.
int64_t count_foreground(std::span<const std::byte> labels,
                         const VoxelBox& chunk, const VoxelBox& volume) {
  const VoxelBox inside = intersect(chunk, volume);
  std::vector<uint8_t> out(static_cast<size_t>(inside.num_voxels()));
  copy_bytes(labels, shared_box(chunk, inside), out);
  return std::count_if(out.begin(), out.end(),
                       [](uint8_t label) { return label > 0; });
}

}  // namespace

StoredVolume::StoredVolume(const VolumeReader& shard, int64_t sample,
                           bool verify_checksums)
    : shard_(shard),
      sample_(sample),
      verify_checksums_(verify_checksums),
      chunk_(shard.index().chunk_of(sample)),
      grid_(shard.index().grid_of(sample)),
      storage_(static_cast<VoxelStorage>(
          shard.index().storage[static_cast<size_t>(sample)])) {
  read_facts();
  read_boxes();
}

void StoredVolume::read_facts() {
  const VolumeIndex& index = shard_.index();
  const auto i = static_cast<size_t>(sample_);
  facts_.shape = index.shape_of(sample_);
  std::copy_n(index.spacing_mm.begin() + static_cast<int64_t>(3 * i), 3,
              facts_.spacing_mm.begin());
  for (size_t row = 0; row < 3; ++row) {
    std::copy_n(index.affine.begin() + static_cast<int64_t>(12 * i + 4 * row),
                4, facts_.affine[row].begin());
  }
  const double* moments = &index.moments[4 * i];
  facts_.moments = {moments[0], moments[1], moments[2], moments[3]};
  facts_.key_slice = index.key_slice[i];
  facts_.has_mask = index.has_mask;
  if (index.has_mask) {
    const auto begin =
        index.mask_foreground.begin() + shard_.first_chunk(sample_);
    facts_.num_foreground = std::accumulate(
        begin, begin + index.num_chunks_of(sample_), int64_t{0});
  }
}

void StoredVolume::read_boxes() {
  const VolumeIndex& index = shard_.index();
  for (int64_t b = shard_.first_box(sample_); b < shard_.first_box(sample_ + 1);
       ++b) {
    const auto row = static_cast<size_t>(b);
    dataio::LabelledBox box;
    std::copy_n(&index.box[6 * row], 3, box.low.begin());
    std::copy_n(&index.box[6 * row + 3], 3, box.high.begin());
    box.label = index.box_label[row];
    facts_.boxes.push_back(box);
  }
}

void StoredVolume::check_chunk(const ChunkTable& table, size_t chunk,
                               std::span<const std::byte> stored) const {
  const uint32_t crc = crc32c(stored);
  if (crc != table.crc32c[chunk]) {
    throw DataError(
        str_cat(describe(), ": chunk ",
                static_cast<int64_t>(chunk) - shard_.first_chunk(sample_),
                " of the ", &table == &shard_.index().mask ? "mask" : "image",
                " is damaged: its checksum is ", crc_text(crc), ", stored is ",
                crc_text(table.crc32c[chunk])));
  }
}

// Chunks that follow each other in the file are read at once: those of one row
// of the grid, as the writer lays them down.
void StoredVolume::visit_chunks(const ChunkTable& table, VoxelStorage storage,
                                const VoxelBox& box,
                                const VisitChunk& visit) const {
  check_inside(box, facts_.shape);
  const VoxelBox chunks = touched(box, chunk_);
  const int64_t num_elements = chunk_[0] * chunk_[1] * chunk_[2];
  std::vector<std::byte> planes(
      static_cast<size_t>(num_elements * storage_bytes(storage)));
  std::vector<std::byte> stored;
  ChunkDecoder decoder;
  for (int64_t d = chunks.start[0]; d < chunks.start[0] + chunks.size[0]; ++d) {
    for (int64_t h = chunks.start[1]; h < chunks.start[1] + chunks.size[1];
         ++h) {
      const int64_t row = shard_.first_chunk(sample_) +
                          (d * grid_[1] + h) * grid_[2] + chunks.start[2];
      shard_.read_run(
          table, row, row + chunks.size[2], stored,
          [&](int64_t c, std::span<const std::byte> bytes) {
            if (verify_checksums_) {
              check_chunk(table, static_cast<size_t>(c), bytes);
            }
            if (!decoder.inflate(bytes, planes)) {
              throw DataError(str_cat(describe(), ": a chunk of ", bytes.size(),
                                      " bytes does not inflate to ",
                                      planes.size(), " bytes"));
            }
            const int64_t w = chunks.start[2] + c - row;
            visit(planes,
                  {{d * chunk_[0], h * chunk_[1], w * chunk_[2]}, chunk_});
          });
    }
  }
}

void StoredVolume::read_image(const VoxelBox& box, std::span<float> out) const {
  VOXLIFT_CHECK(static_cast<int64_t>(out.size()) == box.num_voxels(),
                "size of the output");
  visit_chunks(shard_.index().image, storage_, box,
               [&](std::span<const std::byte> planes, const VoxelBox& chunk) {
                 join_planes(planes, storage_, shared_box(chunk, box), out);
               });
}

void StoredVolume::read_mask(const VoxelBox& box,
                             std::span<uint8_t> out) const {
  VOXLIFT_CHECK(facts_.has_mask, "there is no mask");
  VOXLIFT_CHECK(static_cast<int64_t>(out.size()) == box.num_voxels(),
                "size of the output");
  visit_chunks(shard_.index().mask, VoxelStorage::kUint8, box,
               [&](std::span<const std::byte> planes, const VoxelBox& chunk) {
                 copy_bytes(planes, shared_box(chunk, box), out);
               });
}

Shape3 StoredVolume::foreground_voxel(int64_t k) const {
  VOXLIFT_CHECK(k >= 0 && k < facts_.num_foreground, "foreground voxel");
  const std::vector<int64_t>& counts = shard_.index().mask_foreground;
  int64_t c = 0;
  const int64_t first = shard_.first_chunk(sample_);
  while (k >= counts[static_cast<size_t>(first + c)]) {
    k -= counts[static_cast<size_t>(first + c)];
    ++c;
  }
  const int64_t row = c / grid_[2];
  const VoxelBox chunk = {
      {row / grid_[1] * chunk_[0], row % grid_[1] * chunk_[1],
       c % grid_[2] * chunk_[2]},
      chunk_};
  const VoxelBox inside = intersect(chunk, {{0, 0, 0}, facts_.shape});
  std::vector<uint8_t> labels(static_cast<size_t>(inside.num_voxels()));
  read_mask(inside, labels);
  int64_t i = -1;
  for (int64_t left = k + 1; left > 0;) {
    ++i;
    if (i == inside.num_voxels()) {
      throw DataError(str_cat(describe(), ": chunk ", c,
                              " of the mask has fewer foreground voxels than "
                              "the index says"));
    }
    left -= labels[static_cast<size_t>(i)] > 0 ? 1 : 0;
  }
  const int64_t line = i / inside.size[2];
  return {inside.start[0] + line / inside.size[1],
          inside.start[1] + line % inside.size[1],
          inside.start[2] + i % inside.size[2]};
}

int64_t StoredVolume::check() const {
  const VolumeIndex& index = shard_.index();
  const VoxelBox all = {{0, 0, 0}, facts_.shape};
  visit_chunks(index.image, storage_, all, [](const auto&, const auto&) {});
  auto c = static_cast<size_t>(shard_.first_chunk(sample_));
  if (facts_.has_mask) {
    visit_chunks(index.mask, VoxelStorage::kUint8, all,
                 [&](std::span<const std::byte> planes, const VoxelBox& chunk) {
                   const int64_t found = count_foreground(planes, chunk, all);
                   if (found != index.mask_foreground[c++]) {
                     throw DataError(
                         str_cat(describe(), ": a chunk of the mask has ",
                                 found, " foreground voxels, the index says ",
                                 index.mask_foreground[c - 1]));
                   }
                 });
  }
  const auto sum = [&](const ChunkTable& table) {
    const auto begin = table.length.begin() + shard_.first_chunk(sample_);
    return std::accumulate(begin, begin + index.num_chunks_of(sample_),
                           int64_t{0});
  };
  return sum(index.image) + (facts_.has_mask ? sum(index.mask) : 0);
}

}  // namespace voxlift::sharding
