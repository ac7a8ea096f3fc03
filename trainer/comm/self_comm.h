#pragma once
// A group of one.

#include "trainer/comm/communicator.h"

namespace voxlift::trainer {

// Collectives return at once. Buffers may be host or device memory, except in
// all_gather, which copies on the host.
class SelfComm : public Communicator {
 public:
  int rank() const override { return 0; }

  int size() const override { return 1; }

  const char* name() const override { return "self"; }

  void barrier() override {}

  void broadcast(Buffer /*buffer*/, int root) override;

  void all_reduce_sum(Buffer /*buffer*/) override {}

  void all_gather(Buffer mine, Buffer all) override;
  // There is no peer: always InternalError.
  void exchange(int peer, Buffer send, Buffer recv) override;

  void abort(int /*code*/) noexcept override {}

  void interrupt() noexcept override {}
};

}  // namespace voxlift::trainer
