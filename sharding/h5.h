#pragma once
// HDF5 files behind plain C++ types: no other file includes <hdf5.h>.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace voxlift::sharding {

// Owns one identifier of the HDF5 library. Move-only.
class H5Handle {
 public:
  H5Handle() = default;

  explicit H5Handle(int64_t id) : id_(id) {}

  ~H5Handle();

  H5Handle(const H5Handle&) = delete;
  H5Handle& operator=(const H5Handle&) = delete;

  H5Handle(H5Handle&& other) noexcept : id_(other.release()) {}

  H5Handle& operator=(H5Handle&& other) noexcept {
    std::swap(id_, other.id_);
    return *this;
  }

  int64_t get() const { return id_; }

  // Gives the identifier away: the caller closes it.
  int64_t release() { return std::exchange(id_, -1); }

 private:
  int64_t id_ = -1;
};

// A group or a dataset: something that has attributes. T is one of uint8_t,
// int16_t, uint32_t, int64_t, float, double; a stored number is never
// narrowed: a type that T cannot hold is an error.
//
// Threads: any, one at a time per object (the library has one global lock).
// Errors: reading throws DataError, writing IoError, naming file, object and
// HDF5's innermost message.
class H5Node {
 public:
  const std::string& file() const { return file_; }

  // Absolute inside the file: "/", "/eval/c2".
  const std::string& name() const { return name_; }

  // Sorted. Any number of attributes.
  std::vector<std::string> attribute_names() const;
  bool has_attribute(const std::string& attribute) const;

  // Fixed or variable length.
  std::string read_string_attribute(const std::string& attribute) const;

  // An attribute of exactly one element.
  template <typename T>
  T read_attribute(const std::string& attribute) const;

  // All elements, row by row; empty where the attribute has none.
  template <typename T>
  std::vector<T> read_array_attribute(const std::string& attribute) const;

  void write_string_attribute(const std::string& attribute,
                              const std::string& value);

  template <typename T>
  void write_attribute(const std::string& attribute, T value);

 protected:
  H5Node(H5Handle handle, std::string file, std::string name);

  // "'file' object".
  std::string where(const std::string& attribute = "") const;

  std::string child_name(const std::string& name) const {
    return name_ == "/" ? "/" + name : name_ + "/" + name;
  }

  H5Handle handle_;

 private:
  std::string file_;
  std::string name_;
};

// Where in the file a stored chunk lies, and how many bytes it takes.
struct ChunkPlace {
  int64_t offset = 0;
  int64_t length = 0;

  bool operator==(const ChunkPlace&) const = default;
};

class H5Dataset : public H5Node {
 public:
  // Read limit in elements, checked before memory is taken.
  static constexpr int64_t kMaxElements = int64_t{1} << 28;

  std::vector<int64_t> shape() const;
  int64_t num_elements() const;

  // Bytes of one element as stored (the length of fixed strings).
  int64_t element_bytes() const;

  // All elements, row by row.
  template <typename T>
  std::vector<T> read(int64_t max_elements = kMaxElements) const;

  // All elements of a dataset of strings, fixed or variable length.
  std::vector<std::string> read_strings(
      int64_t max_elements = kMaxElements) const;

  // Throws DataError unless every stored number fits a T.
  template <typename T>
  void require_type() const;

  // Elements first .. first + values.size() of a 1-D dataset.
  template <typename T>
  void write(std::span<const T> values, int64_t first = 0);

  // All elements, row by row, of a dataset of any shape.
  template <typename T>
  void write_all(std::span<const T> values);

  // Where in the file the first element lies, for pread(2); nothing if the
  // elements are not one contiguous, uncompressed piece of this file.
  std::optional<int64_t> file_offset() const;

  // Sides of a chunk; empty if the dataset is not chunked.
  std::vector<int64_t> chunk_shape() const;

  // True if chunks pass the filters shuffle and deflate, in this order, and no
  // other: what voxel_chunk.h makes.
  bool is_shuffled_deflated() const;

  // Stores a chunk as it is, past the filters. `first`: its first element.
  void write_chunk(const std::vector<int64_t>& first,
                   std::span<const std::byte> stored);

  // Cost: HDF5 1.10 looks at every chunk of the dataset to tell where one is.
  ChunkPlace chunk_place(const std::vector<int64_t>& first) const;

  // The stored bytes of a chunk, past the filters. Throws DataError if it was
  // never written or not filtered like the others.
  void read_chunk(const std::vector<int64_t>& first,
                  std::vector<std::byte>& stored) const;

 private:
  friend class H5Group;
  using H5Node::H5Node;
};

class H5Group : public H5Node {
 public:
  // Names of groups and datasets in it, sorted.
  std::vector<std::string> children() const;
  bool has(const std::string& name) const;
  H5Group group(const std::string& name) const;
  H5Dataset dataset(const std::string& name) const;

  H5Group create_group(const std::string& name);

  // Contiguous, space taken now, not filled.
  template <typename T>
  H5Dataset create_dataset(const std::string& name,
                           const std::vector<int64_t>& shape);

  // In chunks that are shuffled and deflated; see write_chunk().
  template <typename T>
  H5Dataset create_chunked(const std::string& name,
                           const std::vector<int64_t>& shape,
                           const std::vector<int64_t>& chunk);

  // 1-D, contiguous, UTF-8 padded with NUL to the longest of `values`.
  H5Dataset create_strings(const std::string& name,
                           const std::vector<std::string>& values);

 private:
  friend class H5File;
  using H5Node::H5Node;
};

// An open file. Groups and datasets keep it open beyond this object.
class H5File {
 public:
  // Read-only, without file locks (network file systems lack them).
  // Throws IoError if the file cannot be opened, DataError if it is not HDF5
  // or is cut short.
  static H5File open(const std::string& path);

  // Creates or replaces; metadata is checksummed (file format of HDF5 1.8, or
  // 1.10 where there are chunks, whose index has no checksum before).
  static H5File create(const std::string& path, bool has_chunks = false);

  H5Group root() const;

  // Writes what is buffered and closes; groups and datasets must be gone.
  // Throws IoError. The destructor closes too, but silently.
  void close();

 private:
  H5File(H5Handle handle, std::string path)
      : handle_(std::move(handle)), path_(std::move(path)) {}

  H5Handle handle_;
  std::string path_;
};

}  // namespace voxlift::sharding
