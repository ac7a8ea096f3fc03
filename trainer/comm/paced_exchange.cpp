#include "trainer/comm/paced_exchange.h"

#include <algorithm>

#include "trainer/comm/mpi_calls.h"

namespace voxlift::trainer {
namespace {

constexpr int kTag = 3;

}  // namespace

PacedExchange::Stream::Stream(Buffer whole) : buffer(whole) {
  num_pieces = (whole.bytes() + kPieceBytes - 1) / kPieceBytes;
  requests.fill(MPI_REQUEST_NULL);
}

Buffer PacedExchange::Stream::piece(int64_t index) const {
  const int64_t per_piece = kPieceBytes / dtype_bytes(buffer.dtype);
  return buffer.slice(index * per_piece,
                      std::min(buffer.count, (index + 1) * per_piece));
}

MPI_Request* PacedExchange::Stream::request(int64_t index) {
  return &requests[static_cast<size_t>(index) % requests.size()];
}

void PacedExchange::Stream::note_ended() {
  for (int done = 1; num_ended < num_begun; ++num_ended) {
    check_mpi(MPI_Test(request(num_ended), &done, MPI_STATUS_IGNORE),
              "MPI_Test");
    if (done == 0) {
      return;
    }
  }
}

PacedExchange::PacedExchange(MPI_Comm group, int peer, Buffer send, Buffer recv)
    : group_(group), peer_(peer), send_(send), recv_(recv) {
  begin_receives();
  begin_sends();
}

// Twice the window, since the peer may already know that a piece has arrived
// here when this does not.
void PacedExchange::begin_receives() {
  const int64_t end = std::min(recv_.num_pieces, recv_.num_ended + 2 * kWindow);
  for (; recv_.num_begun < end; ++recv_.num_begun) {
    const Buffer piece = recv_.piece(recv_.num_begun);
    check_mpi(MPI_Irecv(piece.data, static_cast<int>(piece.count),
                        mpi_type(piece.dtype), peer_, kTag, group_,
                        recv_.request(recv_.num_begun)),
              "MPI_Irecv");
  }
}

void PacedExchange::begin_sends() {
  const int64_t in_step = recv_.ended() ? send_.num_pieces : recv_.num_ended;
  const int64_t end = std::min(
      {send_.num_pieces, in_step + kWindow, send_.num_ended + kWindow});
  for (; send_.num_begun < end; ++send_.num_begun) {
    const Buffer piece = send_.piece(send_.num_begun);
    check_mpi(MPI_Isend(piece.data, static_cast<int>(piece.count),
                        mpi_type(piece.dtype), peer_, kTag, group_,
                        send_.request(send_.num_begun)),
              "MPI_Isend");
  }
}

std::optional<double> PacedExchange::advance() {
  const int64_t before = recv_.num_ended + send_.num_ended;
  recv_.note_ended();
  begin_receives();
  send_.note_ended();
  begin_sends();
  if (recv_.ended() && send_.ended()) {
    return std::nullopt;
  }
  const int64_t moved = recv_.num_ended + send_.num_ended - before;
  return static_cast<double>(moved) / static_cast<double>(2 * kWindow);
}

}  // namespace voxlift::trainer
