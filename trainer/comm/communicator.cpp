#include "trainer/comm/communicator.h"

#include <algorithm>
#include <exception>

#include "base/error.h"
#include "base/strings.h"
#include "trainer/comm/tree_reduce.h"

namespace voxlift::trainer {

int64_t dtype_bytes(DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
      return 4;
    case DType::kFloat64:
    case DType::kInt64:
      return 8;
    case DType::kUint8:
      return 1;
  }
  throw InternalError("unknown dtype");
}

Buffer Buffer::slice(int64_t begin, int64_t end) const {
  VOXLIFT_CHECK(0 <= begin && begin <= end && end <= count, "slice bounds");
  return {static_cast<std::byte*>(data) + begin * dtype_bytes(dtype),
          end - begin, dtype};
}

namespace {

template <typename T>
Buffer make_buffer(std::span<T> values, DType dtype) {
  return {values.data(), static_cast<int64_t>(values.size()), dtype};
}

void check_deadline(double seconds, const std::string& path) {
  if (!(seconds > 0.0)) {
    throw ConfigError(
        str_cat(path, " = ", seconds, ": must be more than 0 seconds"));
  }
}

}  // namespace

Buffer buffer_of(std::span<float> values) {
  return make_buffer(values, DType::kFloat32);
}

Buffer buffer_of(std::span<double> values) {
  return make_buffer(values, DType::kFloat64);
}

Buffer buffer_of(std::span<int64_t> values) {
  return make_buffer(values, DType::kInt64);
}

Buffer buffer_of(std::span<std::byte> values) {
  return make_buffer(values, DType::kUint8);
}

void CommConfig::validate(const std::string& path) const {
  check_deadline(first_deadline_s, path + ".first_deadline_s");
  check_deadline(deadline_s, path + ".deadline_s");
}

void Communicator::all_reduce_tree(Buffer buffer,
                                   const TreeArithmetic& arithmetic) {
  tree_all_reduce(*this, buffer, arithmetic);
}

std::vector<std::vector<std::byte>> all_gather_bytes(
    Communicator& comm, std::span<const std::byte> mine) {
  const auto num_ranks = static_cast<size_t>(comm.size());
  auto my_size = static_cast<int64_t>(mine.size());
  std::vector<int64_t> sizes(num_ranks);
  comm.all_gather(buffer_of(std::span(&my_size, 1)), buffer_of(sizes));
  const int64_t longest = *std::max_element(sizes.begin(), sizes.end());
  std::vector<std::byte> padded(static_cast<size_t>(longest));
  std::copy(mine.begin(), mine.end(), padded.begin());
  std::vector<std::byte> all(padded.size() * num_ranks);
  if (longest > 0) {
    comm.all_gather(buffer_of(padded), buffer_of(all));
  }
  std::vector<std::vector<std::byte>> pieces;
  for (size_t r = 0; r < num_ranks; ++r) {
    const auto* begin = all.data() + r * padded.size();
    pieces.emplace_back(begin, begin + sizes[r]);
  }
  return pieces;
}

int64_t all_reduce_max(Communicator& comm, int64_t value) {
  std::vector<int64_t> all(static_cast<size_t>(comm.size()));
  comm.all_gather(buffer_of(std::span(&value, 1)), buffer_of(all));
  return *std::max_element(all.begin(), all.end());
}

void broadcast_bytes(Communicator& comm, std::vector<std::byte>* bytes) {
  constexpr int64_t kSliceBytes = 64 << 20;
  auto size = static_cast<int64_t>(bytes->size());
  comm.broadcast(buffer_of(std::span(&size, 1)), 0);
  bytes->resize(static_cast<size_t>(size));
  const Buffer all = buffer_of(std::span(*bytes));
  for (int64_t begin = 0; begin < size; begin += kSliceBytes) {
    comm.broadcast(all.slice(begin, std::min(size, begin + kSliceBytes)), 0);
  }
}

void run_alike(Communicator& comm, const std::function<void()>& body) {
  std::exception_ptr error;
  try {
    body();
  } catch (...) {
    error = std::current_exception();
  }
  if (error == nullptr || comm.rank() != 0) {
    try {
      comm.barrier();  // Ends here on ranks whose rank 0 has failed, too.
    } catch (const CommError&) {
      if (error == nullptr) {
        throw;
      }
    }
  }
  if (error != nullptr) {
    std::rethrow_exception(error);
  }
}

}  // namespace voxlift::trainer
