#include "trainer/comm/mpi_windows.h"

#include <sys/statvfs.h>

#include <cstring>

#include "trainer/comm/mpi_calls.h"

namespace voxlift::trainer {
namespace {

constexpr int64_t kPageBytes = 4096;
constexpr uintptr_t kCacheLineBytes = 64;

// Open MPI reserves no memory: where too little is left, the first write would
// end the process with SIGBUS.
bool has_room(int64_t bytes) {
  struct statvfs info {};

  if (::statvfs("/dev/shm", &info) != 0) {
    return true;  // The memory is elsewhere.
  }
  return static_cast<double>(info.f_bavail) *
             static_cast<double>(info.f_frsize) >
         1.1 * static_cast<double>(bytes);
}

std::byte* aligned(void* pointer) {
  const auto address = reinterpret_cast<uintptr_t>(pointer);
  const uintptr_t rest = address % kCacheLineBytes;
  return static_cast<std::byte*>(pointer) +
         (rest == 0 ? 0 : kCacheLineBytes - rest);
}

}  // namespace

bool MpiWindows::all_agree(bool mine) const {
  int value = mine ? 1 : 0;
  check_mpi(MPI_Allreduce(MPI_IN_PLACE, &value, 1, MPI_INT, MPI_MIN, host_),
            "MPI_Allreduce");
  return value == 1;
}

std::optional<SharedWindow> MpiWindows::make(int64_t bytes) {
  int rank = 0;
  int size = 1;
  MPI_Comm_rank(host_, &rank);
  MPI_Comm_size(host_, &size);
  const int64_t pages = (bytes + kCacheLineBytes) / kPageBytes + 1;
  if (!all_agree(has_room(pages * kPageBytes * size))) {
    return std::nullopt;
  }
  MPI_Win window = MPI_WIN_NULL;
  void* mine = nullptr;
  const int code = MPI_Win_allocate_shared(pages * kPageBytes, 1, MPI_INFO_NULL,
                                           host_, &mine, &window);
  if (!all_agree(code == MPI_SUCCESS)) {
    return std::nullopt;
  }
  windows_.push_back(window);
  std::memset(aligned(mine), 0, static_cast<size_t>(bytes));
  check_mpi(MPI_Barrier(host_), "MPI_Barrier");
  SharedWindow shared{.segments = {}, .bytes = bytes};
  for (int r = 0; r < size; ++r) {
    MPI_Aint segment_bytes = 0;
    int unit = 0;
    void* segment = nullptr;
    check_mpi(MPI_Win_shared_query(window, r, &segment_bytes, &unit, &segment),
              "MPI_Win_shared_query");
    shared.segments.push_back(aligned(segment));
  }
  return shared;
}

void MpiWindows::release() {
  for (MPI_Win& window : windows_) {
    MPI_Win_free(&window);
  }
  windows_.clear();
}

}  // namespace voxlift::trainer
