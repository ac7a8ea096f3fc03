#include "trainer/comm/mpi_calls.h"

#include <array>

#include "base/error.h"
#include "base/strings.h"

namespace voxlift::trainer {

MPI_Datatype mpi_type(DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
      return MPI_FLOAT;
    case DType::kFloat64:
      return MPI_DOUBLE;
    case DType::kInt64:
      return MPI_INT64_T;
    case DType::kUint8:
      return MPI_BYTE;
  }
  throw InternalError("unknown dtype");
}

void check_mpi(int code, const char* call) {
  if (code != MPI_SUCCESS) {
    std::array<char, MPI_MAX_ERROR_STRING> text{};
    int length = 0;
    MPI_Error_string(code, text.data(), &length);
    throw CommError(str_cat(call, ": ", text.data()));
  }
}

}  // namespace voxlift::trainer
