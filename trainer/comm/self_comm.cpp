#include "trainer/comm/self_comm.h"

#include <cstring>

#include "base/error.h"
#include "base/strings.h"

namespace voxlift::trainer {

void SelfComm::broadcast(Buffer /*buffer*/, int root) {
  VOXLIFT_CHECK(root == 0, "root outside the group");
}

void SelfComm::all_gather(Buffer mine, Buffer all) {
  VOXLIFT_CHECK(mine.bytes() == all.bytes(), "all_gather counts");
  if (mine.bytes() > 0) {
    std::memcpy(all.data, mine.data, static_cast<size_t>(mine.bytes()));
  }
}

void SelfComm::exchange(int peer, Buffer /*send*/, Buffer /*recv*/) {
  throw InternalError(str_cat("exchange with rank ", peer, " of 1"));
}

}  // namespace voxlift::trainer
