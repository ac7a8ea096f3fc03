#include "sharding/h5.h"

#include <fcntl.h>

#include <algorithm>
#include <bit>
#include <functional>
#include <iterator>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/strings.h"
#include "sharding/h5_library.h"

namespace voxlift::sharding {

static_assert(std::endian::native == std::endian::little,
              "files are little-endian and written as they lie in memory");

namespace {

bool is_signed_integer(const H5Handle& type) {
  return H5Tget_class(type.get()) == H5T_INTEGER &&
         H5Tget_sign(type.get()) == H5T_SGN_2;
}

std::string type_name(const H5Handle& type) {
  const size_t bits = 8 * H5Tget_size(type.get());
  switch (H5Tget_class(type.get())) {
    case H5T_INTEGER:
      return str_cat(is_signed_integer(type) ? "int" : "uint", bits);
    case H5T_FLOAT:
      return str_cat("float", bits);
    case H5T_STRING:
      return "a string";
    default:
      return "an HDF5 type that is no number";
  }
}

// Whether every value of an integer type fits T.
template <typename T>
bool integer_fits(bool is_signed, size_t bytes) {
  if (std::is_floating_point_v<T>) {
    return true;
  }
  if (is_signed) {
    return std::is_signed_v<T> && bytes <= sizeof(T);
  }
  return std::is_signed_v<T> ? bytes < sizeof(T) : bytes <= sizeof(T);
}

template <typename T>
void require_fits(const H5Handle& type, const std::string& where) {
  const H5T_class_t stored = H5Tget_class(type.get());
  const size_t bytes = H5Tget_size(type.get());
  const bool fits = (stored == H5T_INTEGER &&
                     integer_fits<T>(is_signed_integer(type), bytes)) ||
                    (stored == H5T_FLOAT && std::is_floating_point_v<T> &&
                     bytes <= sizeof(T));
  if (!fits) {
    H5Handle wanted(H5Tcopy(native_type<T>()));
    throw DataError(str_cat(where, ": holds ", type_name(type),
                            ", which does not fit ", type_name(wanted)));
  }
}

void require_string(const H5Handle& type, const std::string& where) {
  if (H5Tget_class(type.get()) != H5T_STRING) {
    throw DataError(
        str_cat(where, ": holds ", type_name(type), ", not a string"));
  }
}

// Number of elements, refused above `max` before anyone allocates.
int64_t checked_count(const H5Handle& space, int64_t max,
                      const std::string& where) {
  const int64_t count = check_read(H5Sget_simple_extent_npoints(space.get()),
                                   where, "cannot count elements");
  if (count > max) {
    throw DataError(str_cat(where, ": has ", count, " elements, at most ", max,
                            " are allowed"));
  }
  return count;
}

std::string until_nul(const char* text, size_t max_size) {
  return {text, std::find(text, text + max_size, '\0')};
}

// Reads `count` strings; `read(type, buffer)` fills the buffer with them.
using ReadCall = std::function<herr_t(hid_t type, void* buffer)>;

std::vector<std::string> read_fixed_strings(const H5Handle& type, int64_t count,
                                            const ReadCall& read,
                                            const std::string& where) {
  const size_t width = H5Tget_size(type.get());
  std::vector<char> buffer(width * static_cast<size_t>(count));
  check_read(read(type.get(), buffer.data()), where, "cannot read");
  std::vector<std::string> values;
  for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
    values.push_back(until_nul(buffer.data() + i * width, width));
  }
  return values;
}

std::vector<std::string> read_variable_strings(const H5Handle& type,
                                               const H5Handle& space,
                                               const ReadCall& read,
                                               const std::string& where) {
  const auto count =
      static_cast<size_t>(H5Sget_simple_extent_npoints(space.get()));
  std::vector<char*> buffer(count, nullptr);
  check_read(read(type.get(), buffer.data()), where, "cannot read");
  std::vector<std::string> values;
  std::transform(buffer.begin(), buffer.end(), std::back_inserter(values),
                 [](const char* text) { return text == nullptr ? "" : text; });
  H5Dvlen_reclaim(type.get(), space.get(), H5P_DEFAULT, buffer.data());
  return values;
}

std::vector<std::string> read_any_strings(const H5Handle& type,
                                          const H5Handle& space,
                                          int64_t max_elements,
                                          const ReadCall& read,
                                          const std::string& where) {
  require_string(type, where);
  const int64_t count = checked_count(space, max_elements, where);
  if (H5Tis_variable_str(type.get()) > 0) {
    return read_variable_strings(type, space, read, where);
  }
  const auto width = static_cast<int64_t>(H5Tget_size(type.get()));
  if (count > H5Dataset::kMaxElements / width) {
    throw DataError(str_cat(where, ": has ", count, " strings of ", width,
                            " bytes, at most ", H5Dataset::kMaxElements,
                            " bytes are allowed"));
  }
  return read_fixed_strings(type, count, read, where);
}

H5Handle string_type(size_t width, const std::string& where) {
  H5Handle type(H5Tcopy(H5T_C_S1));
  check_write(H5Tset_size(type.get(), std::max<size_t>(width, 1)), where,
              "cannot size a string type");
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  H5Tset_strpad(type.get(), H5T_STR_NULLPAD);
  return type;
}

H5Handle make_dataset(hid_t group, const std::string& name, hid_t type,
                      const H5Handle& space, const std::string& where) {
  const H5Handle plist(H5Pcreate(H5P_DATASET_CREATE));
  H5Pset_layout(plist.get(), H5D_CONTIGUOUS);
  H5Pset_alloc_time(plist.get(), H5D_ALLOC_TIME_EARLY);
  H5Pset_fill_time(plist.get(), H5D_FILL_TIME_NEVER);
  // Equal samples give equal bytes: no time stamps.
  H5Pset_obj_track_times(plist.get(), false);
  return write_handle(H5Dcreate2(group, name.c_str(), type, space.get(),
                                 H5P_DEFAULT, plist.get(), H5P_DEFAULT),
                      where, "cannot create");
}

struct OpenAttribute {
  H5Handle attribute;
  H5Handle type;
  H5Handle space;
};

OpenAttribute open_attribute(const H5Handle& node, const std::string& name,
                             const std::string& where) {
  OpenAttribute open;
  open.attribute = read_handle(H5Aopen(node.get(), name.c_str(), H5P_DEFAULT),
                               where, "no such attribute");
  open.type = read_handle(H5Aget_type(open.attribute.get()), where,
                          "cannot read the type");
  open.space = read_handle(H5Aget_space(open.attribute.get()), where,
                           "cannot read the shape");
  return open;
}

void write_scalar(const H5Handle& node, const std::string& name, hid_t type,
                  const void* value, const std::string& where) {
  const H5Handle space(H5Screate(H5S_SCALAR));
  const H5Handle attribute =
      write_handle(H5Acreate2(node.get(), name.c_str(), type, space.get(),
                              H5P_DEFAULT, H5P_DEFAULT),
                   where, "cannot create");
  check_write(H5Awrite(attribute.get(), type, value), where, "cannot write");
}

// What H5Aiterate2 and H5Literate call with each name.
template <typename Info>
herr_t collect(hid_t /*node*/, const char* name, const Info*, void* names) {
  static_cast<std::vector<std::string>*>(names)->emplace_back(name);
  return 0;
}

}  // namespace

H5Handle::~H5Handle() {
  if (id_ >= 0) {
    prepare_library();
    H5Idec_ref(id_);
  }
}

H5Node::H5Node(H5Handle handle, std::string file, std::string name)
    : handle_(std::move(handle)),
      file_(std::move(file)),
      name_(std::move(name)) {}

std::string H5Node::where(const std::string& attribute) const {
  prepare_library();
  const std::string node = "'" + file_ + "' " + name_;
  return attribute.empty() ? node : node + " attribute '" + attribute + "'";
}

std::vector<std::string> H5Node::attribute_names() const {
  const std::string object = where();
  std::vector<std::string> names;
  check_read(H5Aiterate2(handle_.get(), H5_INDEX_NAME, H5_ITER_NATIVE, nullptr,
                         collect<H5A_info_t>, &names),
             object, "cannot list attributes");
  std::sort(names.begin(), names.end());
  return names;
}

bool H5Node::has_attribute(const std::string& attribute) const {
  const std::string object = where(attribute);
  return check_read(H5Aexists(handle_.get(), attribute.c_str()), object,
                    "cannot look up") > 0;
}

std::string H5Node::read_string_attribute(const std::string& attribute) const {
  const std::string object = where(attribute);
  const OpenAttribute open = open_attribute(handle_, attribute, object);
  const ReadCall read = [&](hid_t type, void* buffer) {
    return H5Aread(open.attribute.get(), type, buffer);
  };
  const auto values = read_any_strings(open.type, open.space, 1, read, object);
  if (values.empty()) {
    throw DataError(str_cat(object, ": is empty, one string is needed"));
  }
  return values.front();
}

template <typename T>
std::vector<T> H5Node::read_array_attribute(
    const std::string& attribute) const {
  const std::string object = where(attribute);
  const OpenAttribute open = open_attribute(handle_, attribute, object);
  require_fits<T>(open.type, object);
  const int64_t count =
      checked_count(open.space, H5Dataset::kMaxElements, object);
  std::vector<T> values(static_cast<size_t>(count));
  if (count > 0) {
    check_read(H5Aread(open.attribute.get(), native_type<T>(), values.data()),
               object, "cannot read");
  }
  return values;
}

template <typename T>
T H5Node::read_attribute(const std::string& attribute) const {
  const auto values = read_array_attribute<T>(attribute);
  if (values.size() != 1) {
    throw DataError(str_cat(where(attribute), ": has ", values.size(),
                            " elements, one is needed"));
  }
  return values.front();
}

void H5Node::write_string_attribute(const std::string& attribute,
                                    const std::string& value) {
  const std::string object = where(attribute);
  const H5Handle type = string_type(value.size(), object);
  write_scalar(handle_, attribute, type.get(), value.c_str(), object);
}

template <typename T>
void H5Node::write_attribute(const std::string& attribute, T value) {
  write_scalar(handle_, attribute, native_type<T>(), &value, where(attribute));
}

std::vector<int64_t> H5Dataset::shape() const {
  const std::string object = where();
  const H5Handle space = space_of(handle_, object);
  std::vector<hsize_t> dims(static_cast<size_t>(check_read(
      H5Sget_simple_extent_ndims(space.get()), object, "cannot read it")));
  check_read(H5Sget_simple_extent_dims(space.get(), dims.data(), nullptr),
             object, "cannot read the shape");
  return {dims.begin(), dims.end()};
}

int64_t H5Dataset::num_elements() const {
  const std::string object = where();
  const H5Handle space = space_of(handle_, object);
  return checked_count(space, INT64_MAX, object);
}

int64_t H5Dataset::element_bytes() const {
  const H5Handle type = type_of(handle_, where());
  return static_cast<int64_t>(H5Tget_size(type.get()));
}

template <typename T>
void H5Dataset::require_type() const {
  const std::string object = where();
  require_fits<T>(type_of(handle_, object), object);
}

template <typename T>
std::vector<T> H5Dataset::read(int64_t max_elements) const {
  require_type<T>();
  const std::string object = where();
  const H5Handle space = space_of(handle_, object);
  std::vector<T> values(
      static_cast<size_t>(checked_count(space, max_elements, object)));
  if (!values.empty()) {
    check_read(H5Dread(handle_.get(), native_type<T>(), H5S_ALL, H5S_ALL,
                       H5P_DEFAULT, values.data()),
               object, "cannot read");
  }
  return values;
}

std::vector<std::string> H5Dataset::read_strings(int64_t max_elements) const {
  const std::string object = where();
  const H5Handle type = type_of(handle_, object);
  const H5Handle space = space_of(handle_, object);
  const ReadCall read = [&](hid_t memory_type, void* buffer) {
    return H5Dread(handle_.get(), memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT,
                   buffer);
  };
  return read_any_strings(type, space, max_elements, read, object);
}

template <typename T>
void H5Dataset::write(std::span<const T> values, int64_t first) {
  const std::string object = where();
  const auto start = static_cast<hsize_t>(first);
  const auto count = static_cast<hsize_t>(values.size());
  const H5Handle file_space = space_of(handle_, object);
  check_write(H5Sselect_hyperslab(file_space.get(), H5S_SELECT_SET, &start,
                                  nullptr, &count, nullptr),
              object, "cannot select");
  const H5Handle memory_space =
      simple_space({static_cast<int64_t>(values.size())});
  check_write(H5Dwrite(handle_.get(), native_type<T>(), memory_space.get(),
                       file_space.get(), H5P_DEFAULT, values.data()),
              object, "cannot write");
}

template <typename T>
void H5Dataset::write_all(std::span<const T> values) {
  VOXLIFT_CHECK(num_elements() == static_cast<int64_t>(values.size()),
                "number of elements");
  if (!values.empty()) {
    check_write(H5Dwrite(handle_.get(), native_type<T>(), H5S_ALL, H5S_ALL,
                         H5P_DEFAULT, values.data()),
                where(), "cannot write");
  }
}

std::optional<int64_t> H5Dataset::file_offset() const {
  const std::string object = where();
  const H5Handle plist = read_handle(H5Dget_create_plist(handle_.get()), object,
                                     "cannot read the layout");
  if (H5Pget_layout(plist.get()) != H5D_CONTIGUOUS ||
      H5Pget_external_count(plist.get()) != 0) {
    return std::nullopt;
  }
  const haddr_t offset = H5Dget_offset(handle_.get());
  if (offset == HADDR_UNDEF) {
    return std::nullopt;
  }
  return static_cast<int64_t>(offset);
}

std::vector<std::string> H5Group::children() const {
  const std::string object = where();
  std::vector<std::string> names;
  check_read(H5Literate(handle_.get(), H5_INDEX_NAME, H5_ITER_NATIVE, nullptr,
                        collect<H5L_info_t>, &names),
             object, "cannot list");
  std::sort(names.begin(), names.end());
  return names;
}

bool H5Group::has(const std::string& name) const {
  const std::string object = where();
  return check_read(H5Lexists(handle_.get(), name.c_str(), H5P_DEFAULT), object,
                    "cannot look up") > 0;
}

H5Group H5Group::group(const std::string& name) const {
  prepare_library();
  H5Group child(H5Handle(H5Gopen2(handle_.get(), name.c_str(), H5P_DEFAULT)),
                file(), child_name(name));
  check_read(child.handle_.get(), child.where(), "no such group");
  return child;
}

H5Dataset H5Group::dataset(const std::string& name) const {
  prepare_library();
  H5Dataset child(H5Handle(H5Dopen2(handle_.get(), name.c_str(), H5P_DEFAULT)),
                  file(), child_name(name));
  check_read(child.handle_.get(), child.where(), "no such dataset");
  return child;
}

H5Group H5Group::create_group(const std::string& name) {
  const std::string object = where();
  const H5Handle plist(H5Pcreate(H5P_GROUP_CREATE));
  // Equal samples give equal bytes: no time stamps.
  H5Pset_obj_track_times(plist.get(), false);
  H5Handle handle =
      write_handle(H5Gcreate2(handle_.get(), name.c_str(), H5P_DEFAULT,
                              plist.get(), H5P_DEFAULT),
                   object, "cannot create a group");
  return {std::move(handle), file(), child_name(name)};
}

template <typename T>
H5Dataset H5Group::create_dataset(const std::string& name,
                                  const std::vector<int64_t>& shape) {
  const std::string object = where();
  const H5Handle space = simple_space(shape);
  return {make_dataset(handle_.get(), name, native_type<T>(), space, object),
          file(), child_name(name)};
}

H5Dataset H5Group::create_strings(const std::string& name,
                                  const std::vector<std::string>& values) {
  const std::string object = where();
  size_t width = 1;
  for (const std::string& value : values) {
    width = std::max(width, value.size());
  }
  const H5Handle type = string_type(width, object);
  const H5Handle space = simple_space({static_cast<int64_t>(values.size())});
  std::vector<char> buffer(width * values.size(), '\0');
  for (size_t i = 0; i < values.size(); ++i) {
    std::copy(values[i].begin(), values[i].end(),
              buffer.begin() + static_cast<std::ptrdiff_t>(i * width));
  }
  H5Dataset child(make_dataset(handle_.get(), name, type.get(), space, object),
                  file(), child_name(name));
  check_write(H5Dwrite(child.handle_.get(), type.get(), H5S_ALL, H5S_ALL,
                       H5P_DEFAULT, buffer.data()),
              child.where(), "cannot write");
  return child;
}

H5File H5File::open(const std::string& path) {
  prepare_library();
  // HDF5 reports a missing file as bad content; open(2) says what it is.
  const FileDescriptor probe(path, O_RDONLY);
  const std::string object = str_cat("'", path, "'");
  const H5Handle plist(H5Pcreate(H5P_FILE_ACCESS));
  H5Pset_file_locking(plist.get(), 0, 1);
  return {read_handle(H5Fopen(path.c_str(), H5F_ACC_RDONLY, plist.get()),
                      object, "cannot open as HDF5"),
          path};
}

H5File H5File::create(const std::string& path, bool has_chunks) {
  prepare_library();
  const std::string object = str_cat("'", path, "'");
  const H5Handle plist(H5Pcreate(H5P_FILE_ACCESS));
  const H5F_libver_t version = has_chunks ? H5F_LIBVER_V110 : H5F_LIBVER_V18;
  H5Pset_libver_bounds(plist.get(), version, version);
  H5Pset_file_locking(plist.get(), 0, 1);
  const H5Handle creation =
      write_handle(H5Pcreate(H5P_FILE_CREATE), object, "cannot create");
  H5Pset_obj_track_times(creation.get(), false);
  return {write_handle(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.get(),
                                 plist.get()),
                       object, "cannot create"),
          path};
}

H5Group H5File::root() const {
  prepare_library();
  const std::string object = str_cat("'", path_, "'");
  return {read_handle(H5Gopen2(handle_.get(), "/", H5P_DEFAULT), object,
                      "cannot open the root"),
          path_, "/"};
}

void H5File::close() {
  prepare_library();
  const std::string object = str_cat("'", path_, "'");
  check_write(H5Fflush(handle_.get(), H5F_SCOPE_LOCAL), object, "cannot write");
  check_write(H5Fclose(handle_.release()), object, "cannot close");
}

#define VOXLIFT_H5_INSTANTIATE(T)                                             \
  template T H5Node::read_attribute<T>(const std::string&) const;             \
  template std::vector<T> H5Node::read_array_attribute<T>(const std::string&) \
      const;                                                                  \
  template void H5Node::write_attribute<T>(const std::string&, T);            \
  template void H5Dataset::require_type<T>() const;                           \
  template std::vector<T> H5Dataset::read<T>(int64_t) const;                  \
  template void H5Dataset::write<T>(std::span<const T>, int64_t);             \
  template void H5Dataset::write_all<T>(std::span<const T>);                  \
  template H5Dataset H5Group::create_dataset<T>(const std::string&,           \
                                                const std::vector<int64_t>&)

VOXLIFT_H5_INSTANTIATE(uint8_t);
VOXLIFT_H5_INSTANTIATE(int16_t);
VOXLIFT_H5_INSTANTIATE(uint32_t);
VOXLIFT_H5_INSTANTIATE(int64_t);
VOXLIFT_H5_INSTANTIATE(float);
VOXLIFT_H5_INSTANTIATE(double);

#undef VOXLIFT_H5_INSTANTIATE

}  // namespace voxlift::sharding
