#include "trainer/comm/mpi_comm.h"

#include <mpi.h>

#include <algorithm>
#include <array>
#include <bit>
#include <climits>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/strings.h"
#include "trainer/comm/host_group.h"
#include "trainer/comm/host_layout.h"
#include "trainer/comm/mpi_calls.h"
#include "trainer/comm/mpi_windows.h"
#include "trainer/comm/paced_exchange.h"
#include "trainer/comm/patience.h"
#include "trainer/comm/tree_reduce.h"

namespace voxlift::trainer {
namespace {

// MPI counts are int: longer buffers go in pieces of this many elements.
constexpr int64_t kMaxElements = int64_t{1} << 30;
static_assert(kMaxElements <= INT_MAX);

// Calls piece(begin, end) for [0, count) cut into what MPI can count.
template <typename Piece>
void for_pieces(int64_t count, Piece piece) {
  for (int64_t begin = 0; begin < count; begin += kMaxElements) {
    piece(begin, std::min(count, begin + kMaxElements));
  }
}

bool is_power_of_two(int n) {
  return std::has_single_bit(static_cast<unsigned>(n));
}

MPI_Comm split_by_host(MPI_Comm world, int ranks_per_host) {
  MPI_Comm host = MPI_COMM_NULL;
  if (ranks_per_host > 0) {
    int rank = 0;
    MPI_Comm_rank(world, &rank);
    check_mpi(MPI_Comm_split(world, rank / ranks_per_host, 0, &host),
              "MPI_Comm_split");
  } else {
    check_mpi(MPI_Comm_split_type(world, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL,
                                  &host),
              "MPI_Comm_split_type");
  }
  return host;
}

}  // namespace

struct MpiComm::Impl {
  Impl(const CommConfig& config, MPI_Comm all, MPI_Comm local)
      : world(all),
        host(local),
        rank(rank_in(all)),
        size(size_of(all)),
        patience(config, str_cat("rank ", rank, " on ", host_name())),
        windows(host) {}

  static int rank_in(MPI_Comm group) {
    int number = 0;
    MPI_Comm_rank(group, &number);
    return number;
  }

  static int size_of(MPI_Comm group) {
    int number = 0;
    MPI_Comm_size(group, &number);
    return number;
  }

  static std::string host_name() {
    std::array<char, MPI_MAX_PROCESSOR_NAME> name{};
    int length = 0;
    MPI_Get_processor_name(name.data(), &length);
    return name.data();
  }

  // ---- once ----

  void find_hosts() {
    int64_t first_rank = rank;
    check_mpi(MPI_Bcast(&first_rank, 1, MPI_INT64_T, 0, host), "MPI_Bcast");
    std::vector<int64_t> host_of_rank(static_cast<size_t>(size));
    check_mpi(MPI_Allgather(&first_rank, 1, MPI_INT64_T, host_of_rank.data(), 1,
                            MPI_INT64_T, world),
              "MPI_Allgather");
    layout = host_layout(host_of_rank, rank);
  }

  bool on_all_ranks(bool mine) const {
    int value = mine ? 1 : 0;
    check_mpi(MPI_Allreduce(MPI_IN_PLACE, &value, 1, MPI_INT, MPI_MIN, world),
              "MPI_Allreduce");
    return value == 1;
  }

  void say_once(const std::string& message) const {
    if (rank == 0) {
      log_warning(message);
    }
  }

  // Ranks of a host that can be summed before the others.
  void open_host_group() {
    if (size == layout.num_hosts) {
      return;
    }
    if (layout.num_hosts > 1 && !layout.is_subtree) {
      say_once(str_cat(size, " ranks on ", layout.num_hosts, " hosts are not ",
                       "in equal blocks of a power of two: sums go from rank ",
                       "to rank, without shared memory"));
      return;
    }
    const auto window = make_window(HostGroup::window_bytes());
    if (window.has_value()) {
      group.emplace(layout.local_rank, layout.local_ranks, *window,
                    [this](const std::function<bool()>& done,
                           const std::function<std::string()>& missing) {
                      wait_for_memory(done, missing);
                    });
    }
  }

  // On all ranks or on none.
  std::optional<SharedWindow> make_window(int64_t bytes) {
    auto window = windows.make(bytes);
    if (!on_all_ranks(window.has_value())) {
      say_once(str_cat("no ", bytes,
                       " bytes of shared memory for each rank of ",
                       "every host (see df /dev/shm): sums take a slower way"));
      return std::nullopt;
    }
    return window;
  }

  // ---- waiting ----

  void wait(std::span<MPI_Request> requests, const std::string& operation) {
    const auto all_done = [requests] {
      int done = 0;
      check_mpi(MPI_Testall(static_cast<int>(requests.size()), requests.data(),
                            &done, MPI_STATUSES_IGNORE),
                "MPI_Testall");
      return done != 0;
    };
    patience.wait(all_done, operation);
  }

  // What this rank has sent may still be on its way: MPI moves it only while it
  // is called.
  void wait_for_memory(const std::function<bool()>& done,
                       const std::function<std::string()>& missing) {
    const auto done_or_progress = [this, &done] {
      if (done()) {
        return true;
      }
      constexpr int kUnusedTag = 2;
      int found = 0;
      check_mpi(MPI_Iprobe(MPI_ANY_SOURCE, kUnusedTag, world, &found,
                           MPI_STATUS_IGNORE),
                "MPI_Iprobe");
      return false;
    };
    patience.wait(done_or_progress, "all_reduce in shared memory", missing);
  }

  MPI_Comm world;
  MPI_Comm host;
  int rank;
  int size;
  Patience patience;
  MpiWindows windows;
  HostLayout layout;
  std::optional<HostGroup> group;  // Where ranks meet in shared memory.
  TreeArithmetic arithmetic = host_arithmetic();
};

MpiComm::MpiComm(const CommConfig& config, int ranks_per_host) {
  int provided = 0;
  check_mpi(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided),
            "MPI_Init_thread");
  if (provided < MPI_THREAD_SERIALIZED) {
    throw CommError(str_cat("MPI offers thread level ", provided,
                            ", MPI_THREAD_SERIALIZED (", MPI_THREAD_SERIALIZED,
                            ") is needed"));
  }
  MPI_Comm world = MPI_COMM_NULL;
  check_mpi(MPI_Comm_dup(MPI_COMM_WORLD, &world), "MPI_Comm_dup");
  MPI_Comm_set_errhandler(world, MPI_ERRORS_RETURN);
  const MPI_Comm host = split_by_host(world, ranks_per_host);
  impl_ = std::make_unique<Impl>(config, world, host);
  impl_->find_hosts();
  impl_->open_host_group();
}

MpiComm::~MpiComm() = default;

int MpiComm::rank() const {
  return impl_->rank;
}

int MpiComm::size() const {
  return impl_->size;
}

int MpiComm::local_rank() const {
  return impl_->layout.local_rank;
}

int MpiComm::local_size() const {
  return impl_->layout.local_size();
}

bool MpiComm::uses_shared_memory() const {
  return impl_->group.has_value();
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
  if (impl_->group.has_value()) {
    sum_over_hosts(buffer, impl_->arithmetic);
  } else if (is_power_of_two(size())) {
    // Its exchanges keep step; those of MPI_Iallreduce do not.
    tree_all_reduce(*this, buffer, impl_->arithmetic);
  } else {
    vendor_all_reduce_sum(buffer);
  }
}

void MpiComm::all_reduce_tree(Buffer buffer, const TreeArithmetic& arithmetic) {
  VOXLIFT_CHECK(is_power_of_two(size()),
                "the tree needs a power of two of ranks");
  if (impl_->group.has_value()) {
    sum_over_hosts(buffer, arithmetic);
  } else {
    tree_all_reduce(*this, buffer, arithmetic);
  }
}

void MpiComm::sum_over_hosts(Buffer buffer, const TreeArithmetic& arithmetic) {
  HostGroup::AcrossHosts across;
  if (impl_->layout.num_hosts > 1) {
    across = [&](Buffer part) {
      tree_all_reduce(*this, part, arithmetic, local_size());
    };
  }
  impl_->group->all_reduce(buffer, across);
}

std::span<std::byte> MpiComm::allocate_shared(int64_t bytes) {
  if (!impl_->group.has_value()) {
    return {};
  }
  barrier();  // The next call blocks in MPI: first wait with a deadline.
  const auto window = impl_->make_window(bytes);
  if (!window.has_value()) {
    return {};
  }
  impl_->group->add_window(*window);
  return {window->segments[static_cast<size_t>(local_rank())],
          static_cast<size_t>(bytes)};
}

void MpiComm::vendor_all_reduce_sum(Buffer buffer) {
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

void MpiComm::blocking_all_reduce_sum(Buffer buffer) {
  for_pieces(buffer.count, [&](int64_t begin, int64_t end) {
    const Buffer piece = buffer.slice(begin, end);
    check_mpi(
        MPI_Allreduce(MPI_IN_PLACE, piece.data, static_cast<int>(piece.count),
                      mpi_type(piece.dtype), MPI_SUM, impl_->world),
        "MPI_Allreduce");
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
  const std::string operation = str_cat("exchange with rank ", peer);
  if (std::max(send.bytes(), recv.bytes()) >= PacedExchange::kLeastBytes) {
    PacedExchange exchange(impl_->world, peer, send, recv);
    impl_->patience.wait_for_parts([&exchange] { return exchange.advance(); },
                                   operation);
    return;
  }
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
  impl_->wait(requests, operation);
}

void MpiComm::abort(int code) noexcept {
  MPI_Abort(MPI_COMM_WORLD, code);
}

void MpiComm::interrupt() noexcept {
  impl_->patience.interrupt();
}

void MpiComm::set_deadlines(const CommConfig& config) {
  impl_->patience.set_deadlines(config);
}

void MpiComm::finish() {
  impl_->group.reset();
  impl_->windows.release();
  MPI_Comm_free(&impl_->host);
  MPI_Comm_free(&impl_->world);
  MPI_Finalize();
}

}  // namespace voxlift::trainer
