// The chunked datasets of h5.h.

#include <algorithm>

#include "base/error.h"
#include "base/strings.h"
#include "sharding/h5.h"
#include "sharding/h5_library.h"

namespace voxlift::sharding {
namespace {

// Level that the file names; write_chunk() brings its own streams.
constexpr unsigned kDeflateLevel = 6;

constexpr hsize_t kMaxChunkBytes = 256 << 20;

std::vector<hsize_t> to_dims(const std::vector<int64_t>& shape) {
  return {shape.begin(), shape.end()};
}

H5Handle creation_of(const H5Handle& dataset, const std::string& where) {
  return read_handle(H5Dget_create_plist(dataset.get()), where,
                     "cannot read the layout");
}

H5Z_filter_t filter_at(const H5Handle& plist, int position) {
  unsigned flags = 0;
  unsigned config = 0;
  size_t num_values = 0;
  return H5Pget_filter2(plist.get(), static_cast<unsigned>(position), &flags,
                        &num_values, nullptr, 0, nullptr, &config);
}

}  // namespace

std::vector<int64_t> H5Dataset::chunk_shape() const {
  const H5Handle plist = creation_of(handle_, where());
  if (H5Pget_layout(plist.get()) != H5D_CHUNKED) {
    return {};
  }
  std::vector<hsize_t> dims(shape().size());
  check_read(
      H5Pget_chunk(plist.get(), static_cast<int>(dims.size()), dims.data()),
      where(), "cannot read the chunks");
  return {dims.begin(), dims.end()};
}

bool H5Dataset::is_shuffled_deflated() const {
  const H5Handle plist = creation_of(handle_, where());
  return H5Pget_nfilters(plist.get()) == 2 &&
         filter_at(plist, 0) == H5Z_FILTER_SHUFFLE &&
         filter_at(plist, 1) == H5Z_FILTER_DEFLATE;
}

void H5Dataset::write_chunk(const std::vector<int64_t>& first,
                            std::span<const std::byte> stored) {
  const std::string object = where();
  const std::vector<hsize_t> position = to_dims(first);
  check_write(H5Dwrite_chunk(handle_.get(), H5P_DEFAULT, 0, position.data(),
                             stored.size(), stored.data()),
              object, "cannot write a chunk");
}

ChunkPlace H5Dataset::chunk_place(const std::vector<int64_t>& first) const {
  const std::string object = where();
  const std::vector<hsize_t> position = to_dims(first);
  unsigned left_out = 0;
  haddr_t offset = HADDR_UNDEF;
  hsize_t length = 0;
  check_read(H5Dget_chunk_info_by_coord(handle_.get(), position.data(),
                                        &left_out, &offset, &length),
             object, "cannot find a chunk");
  if (offset == HADDR_UNDEF) {
    throw DataError(object + ": a chunk was never written");
  }
  return {static_cast<int64_t>(offset), static_cast<int64_t>(length)};
}

void H5Dataset::read_chunk(const std::vector<int64_t>& first,
                           std::vector<std::byte>& stored) const {
  const std::string object = where();
  const std::vector<hsize_t> position = to_dims(first);
  hsize_t length = 0;
  check_read(H5Dget_chunk_storage_size(handle_.get(), position.data(), &length),
             object, "cannot find a chunk");
  if (length == 0 || length > kMaxChunkBytes) {
    throw DataError(str_cat(object, ": a chunk has ", length,
                            " bytes, want 1 to ", kMaxChunkBytes));
  }
  stored.resize(length);
  uint32_t left_out = 0;
  check_read(H5Dread_chunk(handle_.get(), H5P_DEFAULT, position.data(),
                           &left_out, stored.data()),
             object, "cannot read a chunk");
  if (left_out != 0) {
    throw DataError(object + ": a chunk has not passed all filters");
  }
}

template <typename T>
H5Dataset H5Group::create_chunked(const std::string& name,
                                  const std::vector<int64_t>& shape,
                                  const std::vector<int64_t>& chunk) {
  const std::string object = where();
  const H5Handle space = simple_space(shape);
  const H5Handle plist(H5Pcreate(H5P_DATASET_CREATE));
  const std::vector<hsize_t> sides = to_dims(chunk);
  check_write(
      H5Pset_chunk(plist.get(), static_cast<int>(sides.size()), sides.data()),
      object, "cannot set the chunks");
  H5Pset_shuffle(plist.get());
  H5Pset_deflate(plist.get(), kDeflateLevel);
  H5Pset_fill_time(plist.get(), H5D_FILL_TIME_NEVER);
  // Equal samples give equal bytes: no time stamps.
  H5Pset_obj_track_times(plist.get(), false);
  return {write_handle(
              H5Dcreate2(handle_.get(), name.c_str(), native_type<T>(),
                         space.get(), H5P_DEFAULT, plist.get(), H5P_DEFAULT),
              object, "cannot create"),
          file(), child_name(name)};
}

template H5Dataset H5Group::create_chunked<uint8_t>(
    const std::string&, const std::vector<int64_t>&,
    const std::vector<int64_t>&);
template H5Dataset H5Group::create_chunked<int16_t>(
    const std::string&, const std::vector<int64_t>&,
    const std::vector<int64_t>&);
template H5Dataset H5Group::create_chunked<float>(const std::string&,
                                                  const std::vector<int64_t>&,
                                                  const std::vector<int64_t>&);

}  // namespace voxlift::sharding
