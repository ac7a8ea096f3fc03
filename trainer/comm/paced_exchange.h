#pragma once
// A long exchange with one peer, cut into pieces that keep step.

#include <mpi.h>

#include <array>
#include <cstdint>
#include <optional>

#include "trainer/comm/communicator.h"

namespace voxlift::trainer {

// Sends a vector to a peer and receives one from it, both at once: a piece goes
// out only when the piece kWindow before it has come from the peer, so neither
// direction can run ahead of the other.
//
// Why: each direction's acknowledgements wait in the other's queue. Without a
// bound on what is queued, TCP between two hosts falls into a mode in which the
// directions take turns and each moves half of what the link could (Zhang,
// Shenker and Clark, "Observations on the dynamics of a congestion control
// algorithm: the effects of two-way traffic", SIGCOMM 1991,
// DOI 10.1145/115992.116006). Figures: docs/communication.md.
//
// Pieces are so short that MPI sends them eagerly, without asking the receiver.
// Threads: one at a time. The peer must do the same with the counts swapped.
class PacedExchange {
 public:
  // Shorter vectors gain nothing: send them whole.
  static constexpr int64_t kLeastBytes = 128 * 1024;

  // The buffers must outlive this.
  PacedExchange(MPI_Comm group, int peer, Buffer send, Buffer recv);

  // Moves what can be moved. The share of a window that has come since the call
  // before; nothing once all is there and all is sent. Throws CommError.
  std::optional<double> advance();

 private:
  // With the header, below the eager limit of Open MPI's TCP (64 KiB).
  static constexpr int64_t kPieceBytes = 60 * 1024;
  // 1 MB under way: a link of 1 Gbit/s is busy for 8 ms without our help.
  static constexpr int64_t kWindow = 16;

  // The pieces of one direction, begun and ended in order.
  struct Stream {
    Buffer buffer;
    int64_t num_pieces = 0;
    int64_t num_begun = 0;
    int64_t num_ended = 0;
    std::array<MPI_Request, 2 * kWindow> requests{};

    explicit Stream(Buffer whole);

    Buffer piece(int64_t index) const;
    MPI_Request* request(int64_t index);
    void note_ended();  // Counts the oldest ones that have ended.

    bool ended() const { return num_ended == num_pieces; }
  };

  void begin_receives();
  void begin_sends();

  MPI_Comm group_;
  int peer_;
  Stream send_;
  Stream recv_;
};

}  // namespace voxlift::trainer
