#include "trainer/comm/mpi_comm.h"

#include <mpi.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <climits>
#include <thread>

#include "base/clock.h"
#include "base/error.h"
#include "base/strings.h"

namespace voxlift::trainer {
namespace {

// MPI counts are int: longer buffers go in pieces of this many elements.
constexpr int64_t kMaxElements = int64_t{1} << 30;
static_assert(kMaxElements <= INT_MAX);

// Testing for completion: first without giving up the core, then yielding it,
// then with short naps, so that a rank that waits leaves its core to others.
constexpr int kSpins = 200;
constexpr int kYields = 2000;
constexpr auto kNap = std::chrono::microseconds(50);

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

// Calls piece(begin, end) for [0, count) cut into what MPI can count.
template <typename Piece>
void for_pieces(int64_t count, Piece piece) {
  for (int64_t begin = 0; begin < count; begin += kMaxElements) {
    piece(begin, std::min(count, begin + kMaxElements));
  }
}

}  // namespace

struct MpiComm::Impl {
  explicit Impl(const CommConfig& comm_config) : config(comm_config) {}

  void wait(std::span<MPI_Request> requests, const std::string& operation) {
    const double limit_s = first ? config.first_deadline_s : config.deadline_s;
    const double start_s = clock.now_s();
    int done = 0;
    for (int64_t tries = 0; done == 0; ++tries) {
      check_mpi(MPI_Testall(static_cast<int>(requests.size()), requests.data(),
                            &done, MPI_STATUSES_IGNORE),
                "MPI_Testall");
      if (done == 0 && tries >= kSpins) {
        pause(tries, start_s, limit_s, operation);
      }
    }
    first = false;
  }

  void pause(int64_t tries, double start_s, double limit_s,
             const std::string& operation) const {
    if (interrupted.load()) {
      throw CommError(str_cat(operation, ": interrupted on rank ", rank));
    }
    if (tries < kYields) {
      ::sched_yield();
      return;
    }
    std::this_thread::sleep_for(kNap);
    if (clock.now_s() - start_s > limit_s) {
      throw CommError(str_cat(operation, ": rank ", rank, " on ", host,
                              " has waited ", limit_s, " s"));
    }
  }

  CommConfig config;
  RealClock clock;
  MPI_Comm world = MPI_COMM_NULL;
  int rank = 0;
  int size = 1;
  int local_rank = 0;
  int local_size = 1;
  std::string host;
  bool first = true;
  std::atomic<bool> interrupted{false};
};

MpiComm::MpiComm(const CommConfig& config)
    : impl_(std::make_unique<Impl>(config)) {
  int provided = 0;
  check_mpi(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided),
            "MPI_Init_thread");
  if (provided < MPI_THREAD_SERIALIZED) {
    throw CommError(str_cat("MPI offers thread level ", provided,
                            ", MPI_THREAD_SERIALIZED (", MPI_THREAD_SERIALIZED,
                            ") is needed"));
  }
  check_mpi(MPI_Comm_dup(MPI_COMM_WORLD, &impl_->world), "MPI_Comm_dup");
  MPI_Comm_set_errhandler(impl_->world, MPI_ERRORS_RETURN);
  MPI_Comm_rank(impl_->world, &impl_->rank);
  MPI_Comm_size(impl_->world, &impl_->size);
  MPI_Comm local = MPI_COMM_NULL;
  check_mpi(MPI_Comm_split_type(impl_->world, MPI_COMM_TYPE_SHARED, 0,
                                MPI_INFO_NULL, &local),
            "MPI_Comm_split_type");
  MPI_Comm_rank(local, &impl_->local_rank);
  MPI_Comm_size(local, &impl_->local_size);
  MPI_Comm_free(&local);
  std::array<char, MPI_MAX_PROCESSOR_NAME> host{};
  int length = 0;
  MPI_Get_processor_name(host.data(), &length);
  impl_->host = host.data();
}

MpiComm::~MpiComm() = default;

int MpiComm::rank() const {
  return impl_->rank;
}

int MpiComm::size() const {
  return impl_->size;
}

int MpiComm::local_rank() const {
  return impl_->local_rank;
}

int MpiComm::local_size() const {
  return impl_->local_size;
}

void MpiComm::barrier() {
  MPI_Request request = MPI_REQUEST_NULL;
  check_mpi(MPI_Ibarrier(impl_->world, &request), "MPI_Ibarrier");
  impl_->wait(std::span(&request, 1), "barrier");
}

void MpiComm::broadcast(Buffer buffer, int root) {
  for_pieces(buffer.count, [&](int64_t begin, int64_t end) {
    const Buffer piece = buffer.slice(begin, end);
    MPI_Request request = MPI_REQUEST_NULL;
    check_mpi(MPI_Ibcast(piece.data, static_cast<int>(piece.count),
                         mpi_type(piece.dtype), root, impl_->world, &request),
              "MPI_Ibcast");
    impl_->wait(std::span(&request, 1), str_cat("broadcast from rank ", root));
  });
}

void MpiComm::all_reduce_sum(Buffer buffer) {
  for_pieces(buffer.count, [&](int64_t begin, int64_t end) {
    const Buffer piece = buffer.slice(begin, end);
    MPI_Request request = MPI_REQUEST_NULL;
    check_mpi(
        MPI_Iallreduce(MPI_IN_PLACE, piece.data, static_cast<int>(piece.count),
                       mpi_type(piece.dtype), MPI_SUM, impl_->world, &request),
        "MPI_Iallreduce");
    impl_->wait(std::span(&request, 1), "all_reduce_sum");
  });
}

void MpiComm::all_gather(Buffer mine, Buffer all) {
  VOXLIFT_CHECK(all.count == mine.count * size(), "all_gather counts");
  VOXLIFT_CHECK(mine.count <= kMaxElements, "all_gather is for small buffers");
  MPI_Request request = MPI_REQUEST_NULL;
  const auto count = static_cast<int>(mine.count);
  check_mpi(MPI_Iallgather(mine.data, count, mpi_type(mine.dtype), all.data,
                           count, mpi_type(all.dtype), impl_->world, &request),
            "MPI_Iallgather");
  impl_->wait(std::span(&request, 1), "all_gather");
}

void MpiComm::exchange(int peer, Buffer send, Buffer recv) {
  constexpr int kTag = 1;
  std::vector<MPI_Request> requests;
  for_pieces(recv.count, [&](int64_t begin, int64_t end) {
    const Buffer piece = recv.slice(begin, end);
    check_mpi(MPI_Irecv(piece.data, static_cast<int>(piece.count),
                        mpi_type(piece.dtype), peer, kTag, impl_->world,
                        &requests.emplace_back(MPI_REQUEST_NULL)),
              "MPI_Irecv");
  });
  for_pieces(send.count, [&](int64_t begin, int64_t end) {
    const Buffer piece = send.slice(begin, end);
    check_mpi(MPI_Isend(piece.data, static_cast<int>(piece.count),
                        mpi_type(piece.dtype), peer, kTag, impl_->world,
                        &requests.emplace_back(MPI_REQUEST_NULL)),
              "MPI_Isend");
  });
  impl_->wait(requests, str_cat("exchange with rank ", peer));
}

void MpiComm::abort(int code) noexcept {
  MPI_Abort(MPI_COMM_WORLD, code);
}

void MpiComm::interrupt() noexcept {
  impl_->interrupted.store(true);
}

void MpiComm::set_deadlines(const CommConfig& config) {
  impl_->config = config;
  impl_->first = true;
}

void MpiComm::finish() {
  MPI_Comm_free(&impl_->world);
  MPI_Finalize();
}

}  // namespace voxlift::trainer
