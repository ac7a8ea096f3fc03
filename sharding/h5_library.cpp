#include "sharding/h5_library.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>

#include "base/error.h"
#include "base/strings.h"

namespace voxlift::sharding {
namespace {

// Whether any write of this process failed.
std::atomic<bool>& write_failed() {
  static std::atomic<bool> failed = false;
  return failed;
}

// The library's own clean-up at exit crashes after a write that found the disk
// full; then there is nothing to save, and it is left out.
bool install_exit_handler() {
  H5dont_atexit();
  return std::atexit([] {
           if (!write_failed()) {
             H5close();
           }
         }) == 0;
}

// The innermost message of the last failed call: the most specific one.
std::string library_message() {
  std::string message = "HDF5 gives no reason";
  const auto keep_first = [](unsigned position, const H5E_error2_t* error,
                             void* out) -> herr_t {
    if (position == 0 && error->desc != nullptr) {
      *static_cast<std::string*>(out) = error->desc;
    }
    return 0;
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_first, &message);
  std::replace(message.begin(), message.end(), '\n', ' ');
  return message;
}

template <typename ErrorType>
int64_t check(int64_t result, const std::string& where, const char* what) {
  if (result < 0) {
    throw ErrorType(str_cat(where, ": ", what, ": ", library_message()));
  }
  return result;
}

}  // namespace

void prepare_library() {
  [[maybe_unused]] static const bool installed = install_exit_handler();
  [[maybe_unused]] thread_local const herr_t silent =
      H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

int64_t check_read(int64_t result, const std::string& where, const char* what) {
  return check<DataError>(result, where, what);
}

int64_t check_write(int64_t result, const std::string& where,
                    const char* what) {
  if (result < 0) {
    write_failed() = true;
  }
  return check<IoError>(result, where, what);
}

H5Handle read_handle(hid_t id, const std::string& where, const char* what) {
  return H5Handle(check_read(id, where, what));
}

H5Handle write_handle(hid_t id, const std::string& where, const char* what) {
  return H5Handle(check_write(id, where, what));
}

H5Handle type_of(const H5Handle& dataset, const std::string& where) {
  return read_handle(H5Dget_type(dataset.get()), where, "cannot read the type");
}

H5Handle space_of(const H5Handle& dataset, const std::string& where) {
  return read_handle(H5Dget_space(dataset.get()), where,
                     "cannot read the shape");
}

H5Handle simple_space(const std::vector<int64_t>& shape) {
  const std::vector<hsize_t> dims(shape.begin(), shape.end());
  return H5Handle(
      H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr));
}

}  // namespace voxlift::sharding
