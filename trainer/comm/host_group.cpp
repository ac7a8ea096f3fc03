#include "trainer/comm/host_group.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/strings.h"
#include "trainer/comm/copy_sum.h"

namespace voxlift::trainer {
namespace {

// Two pieces of each rank fit into its second-level cache.
constexpr int64_t kPieceBytes = 512 * 1024;
constexpr int64_t kMeetingBytes = 128;  // Neighbouring lines are fetched, too.
constexpr int64_t kPrivateMemory = -1;  // In place of a window's number.

void copy_bytes(void* to, const void* from, int64_t bytes) {
  if (bytes > 0) {
    std::memcpy(to, from, static_cast<size_t>(bytes));
  }
}

}  // namespace

// Lives in memory of several processes: plain numbers only.
struct HostGroup::Meeting {
  std::atomic<int64_t> times_met;
  // What the rank sums, written before it comes to the meeting.
  int64_t window;
  int64_t offset;
  int64_t bytes;

  static_assert(std::atomic<int64_t>::is_always_lock_free);
};

int64_t HostGroup::window_bytes() {
  return kMeetingBytes + 2 * kPieceBytes;
}

HostGroup::HostGroup(int local_rank, std::vector<int> ranks,
                     SharedWindow window, Wait wait)
    : local_rank_(local_rank),
      ranks_(std::move(ranks)),
      wait_(std::move(wait)) {
  static_assert(sizeof(Meeting) <= kMeetingBytes);
  VOXLIFT_CHECK(window.bytes >= window_bytes(), "a window is too small");
  for (std::byte* segment : window.segments) {
    meetings_.push_back(reinterpret_cast<Meeting*>(segment));
  }
  windows_.push_back(std::move(window));
}

void HostGroup::add_window(SharedWindow window) {
  VOXLIFT_CHECK(window.segments.size() == ranks_.size(), "a segment per rank");
  windows_.push_back(std::move(window));
}

// ---- meetings ----

void HostGroup::announce(int64_t window, int64_t offset, int64_t bytes) {
  Meeting& mine = *meetings_[static_cast<size_t>(local_rank_)];
  mine.window = window;
  mine.offset = offset;
  mine.bytes = bytes;
}

// Between the first meeting of a sum and the second nobody announces another.
void HostGroup::check_announced() const {
  const Meeting& mine = *meetings_[static_cast<size_t>(local_rank_)];
  for (size_t r = 0; r < ranks_.size(); ++r) {
    const Meeting& other = *meetings_[r];
    VOXLIFT_CHECK(other.window == mine.window && other.offset == mine.offset &&
                      other.bytes == mine.bytes,
                  str_cat("ranks ", ranks_[static_cast<size_t>(local_rank_)],
                          " and ", ranks_[r], " sum different vectors, of ",
                          mine.bytes, " and ", other.bytes, " bytes"));
  }
}

void HostGroup::meet() {
  const int64_t now = ++times_met_;
  meetings_[static_cast<size_t>(local_rank_)]->times_met.store(
      now, std::memory_order_release);
  const auto all_are_there = [this, now] {
    return std::all_of(
        meetings_.begin(), meetings_.end(), [now](const Meeting* meeting) {
          return meeting->times_met.load(std::memory_order_acquire) >= now;
        });
  };
  if (!all_are_there()) {
    wait_(all_are_there, [this] { return missing_ranks(); });
  }
}

std::string HostGroup::missing_ranks() const {
  std::string text = "; ranks not there:";
  for (size_t r = 0; r < ranks_.size(); ++r) {
    if (meetings_[r]->times_met.load() < times_met_) {
      text += str_cat(" ", ranks_[r]);
    }
  }
  return text;
}

// ---- sums ----

std::optional<HostGroup::Place> HostGroup::find(const Buffer& buffer) const {
  const auto* data = static_cast<const std::byte*>(buffer.data);
  for (size_t w = 1; w < windows_.size(); ++w) {
    const std::byte* begin =
        windows_[w].segments[static_cast<size_t>(local_rank_)];
    if (data >= begin && data + buffer.bytes() <= begin + windows_[w].bytes) {
      return Place{static_cast<int64_t>(w), data - begin};
    }
  }
  return std::nullopt;
}

std::vector<std::byte*> HostGroup::copies_at(Place place) const {
  std::vector<std::byte*> copies =
      windows_[static_cast<size_t>(place.window)].segments;
  for (std::byte*& copy : copies) {
    copy += place.offset;
  }
  return copies;
}

void HostGroup::sum_part(const std::vector<std::byte*>& copies,
                         const Buffer& buffer,
                         const AcrossHosts& across) const {
  const ElementRange part = part_of(buffer.count, buffer.dtype, local_rank_,
                                    static_cast<int>(copies.size()));
  if (!across) {
    sum_copies(copies, copies, part, buffer.dtype);
    return;
  }
  std::byte* const mine = copies[static_cast<size_t>(local_rank_)];
  sum_copies(copies, std::span(&mine, 1), part, buffer.dtype);
  const Buffer sum =
      Buffer{mine, buffer.count, buffer.dtype}.slice(part.begin, part.end);
  across(sum);
  const int64_t offset = part.begin * dtype_bytes(buffer.dtype);
  for (std::byte* copy : copies) {
    if (copy != mine) {
      copy_bytes(copy + offset, sum.data, sum.bytes());
    }
  }
}

void HostGroup::reduce_in_place(Place place, const Buffer& buffer,
                                const AcrossHosts& across) {
  announce(place.window, place.offset, buffer.bytes());
  meet();
  check_announced();
  sum_part(copies_at(place), buffer, across);
  meet();
}

void HostGroup::reduce_through_window(const Buffer& buffer,
                                      const AcrossHosts& across) {
  const int64_t per_piece = kPieceBytes / dtype_bytes(buffer.dtype);
  const int64_t num_pieces = (buffer.count + per_piece - 1) / per_piece;
  const auto place_of = [](int64_t piece) {
    return Place{0, kMeetingBytes + piece % 2 * kPieceBytes};
  };
  const auto piece_of = [&](int64_t piece) {
    return buffer.slice(piece * per_piece,
                        std::min(buffer.count, (piece + 1) * per_piece));
  };
  const auto mine_at = [&](int64_t piece) {
    return copies_at(place_of(piece))[static_cast<size_t>(local_rank_)];
  };
  announce(kPrivateMemory, 0, buffer.bytes());
  copy_bytes(mine_at(0), buffer.data, piece_of(0).bytes());
  meet();
  check_announced();
  for (int64_t piece = 0; piece < num_pieces; ++piece) {
    sum_part(copies_at(place_of(piece)), piece_of(piece), across);
    if (piece + 1 < num_pieces) {
      const Buffer next = piece_of(piece + 1);
      copy_bytes(mine_at(piece + 1), next.data, next.bytes());
    }
    meet();
    copy_bytes(piece_of(piece).data, mine_at(piece), piece_of(piece).bytes());
  }
}

void HostGroup::all_reduce(Buffer buffer, const AcrossHosts& across) {
  if (const auto place = find(buffer); place.has_value()) {
    reduce_in_place(*place, buffer, across);
  } else if (buffer.count > 0) {
    reduce_through_window(buffer, across);
  }
}

}  // namespace voxlift::trainer
