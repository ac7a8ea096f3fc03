#pragma once
// What every use of <mpi.h> here needs. Only for sources of MpiComm.

#include <mpi.h>

#include "trainer/comm/communicator.h"

namespace voxlift::trainer {

MPI_Datatype mpi_type(DType dtype);

// Throws CommError naming `call` and what MPI says, unless it succeeded.
void check_mpi(int code, const char* call);

}  // namespace voxlift::trainer
