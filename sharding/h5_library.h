#pragma once
// What the files that talk to the HDF5 library share; included by sharding/h5*
// only.

#include <hdf5.h>

#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "sharding/h5.h"

namespace voxlift::sharding {

// Before any other call. The library prints every error unless each thread
// tells it not to.
void prepare_library();

// `result` is a status or an identifier; negative is failure. Throw DataError
// and IoError with the library's innermost message.
int64_t check_read(int64_t result, const std::string& where, const char* what);
int64_t check_write(int64_t result, const std::string& where, const char* what);

H5Handle read_handle(hid_t id, const std::string& where, const char* what);
H5Handle write_handle(hid_t id, const std::string& where, const char* what);
H5Handle type_of(const H5Handle& dataset, const std::string& where);
H5Handle space_of(const H5Handle& dataset, const std::string& where);

// A shape that cannot be is refused by whoever gets it.
H5Handle simple_space(const std::vector<int64_t>& shape);

template <typename T>
hid_t native_type() {
  return std::is_same_v<T, uint8_t>    ? H5T_NATIVE_UINT8
         : std::is_same_v<T, int16_t>  ? H5T_NATIVE_INT16
         : std::is_same_v<T, uint32_t> ? H5T_NATIVE_UINT32
         : std::is_same_v<T, int64_t>  ? H5T_NATIVE_INT64
         : std::is_same_v<T, float>    ? H5T_NATIVE_FLOAT
                                       : H5T_NATIVE_DOUBLE;
}

}  // namespace voxlift::sharding
