#include "trainer/comm/nccl_comm.h"

#include <cuda_runtime_api.h>
#include <nccl.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <thread>

#include "base/clock.h"
#include "base/error.h"
#include "base/strings.h"

namespace voxlift::trainer {
namespace {

constexpr auto kNap = std::chrono::microseconds(20);

void check_cuda(cudaError_t code, const char* call) {
  if (code != cudaSuccess) {
    throw CommError(str_cat(call, ": ", cudaGetErrorString(code)));
  }
}

ncclDataType_t nccl_type(DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
      return ncclFloat32;
    case DType::kFloat64:
      return ncclFloat64;
    case DType::kInt64:
      return ncclInt64;
    case DType::kUint8:
      return ncclUint8;
  }
  throw InternalError("unknown dtype");
}

// Device memory, a stream and an event, freed with their owner.
class DeviceWord {
 public:
  DeviceWord() {
    check_cuda(cudaMalloc(&data_, sizeof(int64_t)), "cudaMalloc");
  }

  ~DeviceWord() { cudaFree(data_); }

  DeviceWord(const DeviceWord&) = delete;
  DeviceWord& operator=(const DeviceWord&) = delete;

  void* get() const { return data_; }

 private:
  void* data_ = nullptr;
};

class Stream {
 public:
  Stream() {
    check_cuda(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking),
               "cudaStreamCreateWithFlags");
  }

  ~Stream() { cudaStreamDestroy(stream_); }

  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  cudaStream_t get() const { return stream_; }

 private:
  cudaStream_t stream_ = nullptr;
};

class Event {
 public:
  Event() {
    check_cuda(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming),
               "cudaEventCreateWithFlags");
  }

  ~Event() { cudaEventDestroy(event_); }

  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  cudaEvent_t get() const { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};

class NcclComm : public Communicator {
 public:
  NcclComm(Communicator& bootstrap, const NcclOptions& options,
           const CommConfig& config)
      : rank_(bootstrap.rank()),
        size_(bootstrap.size()),
        config_(config),
        device_(options.device),
        compute_stream_(static_cast<cudaStream_t>(options.compute_stream)) {
    ncclUniqueId id{};
    if (rank_ == 0) {
      check("ncclGetUniqueId", ncclGetUniqueId(&id));
    }
    bootstrap.broadcast(buffer_of(std::as_writable_bytes(std::span(&id, 1))),
                        0);
    ncclConfig_t nccl_config = NCCL_CONFIG_INITIALIZER;
    nccl_config.blocking = 0;
    check("ncclCommInitRankConfig",
          ncclCommInitRankConfig(&comm_, size_, id, rank_, &nccl_config));
    wait_for_launch("ncclCommInitRankConfig");
  }

  // A communicator that was not finished is aborted: nobody waits for it.
  ~NcclComm() override { close(); }

  int rank() const override { return rank_; }

  int size() const override { return size_; }

  const char* name() const override { return "nccl"; }

  void barrier() override { all_reduce_sum({word_.get(), 1, DType::kInt64}); }

  void broadcast(Buffer buffer, int root) override {
    run("broadcast", [&] {
      return ncclBroadcast(buffer.data, buffer.data, count(buffer),
                           nccl_type(buffer.dtype), root, comm_, stream_.get());
    });
  }

  void all_reduce_sum(Buffer buffer) override {
    run("all_reduce_sum", [&] {
      return ncclAllReduce(buffer.data, buffer.data, count(buffer),
                           nccl_type(buffer.dtype), ncclSum, comm_,
                           stream_.get());
    });
  }

  void all_gather(Buffer mine, Buffer all) override {
    VOXLIFT_CHECK(all.count == mine.count * size_, "all_gather counts");
    run("all_gather", [&] {
      return ncclAllGather(mine.data, all.data, count(mine),
                           nccl_type(mine.dtype), comm_, stream_.get());
    });
  }

  void exchange(int peer, Buffer send, Buffer recv) override {
    run(str_cat("exchange with rank ", peer), [&] {
      ncclGroupStart();
      ncclSend(send.data, count(send), nccl_type(send.dtype), peer, comm_,
               stream_.get());
      ncclRecv(recv.data, count(recv), nccl_type(recv.dtype), peer, comm_,
               stream_.get());
      return ncclGroupEnd();
    });
  }

  void abort(int /*code*/) noexcept override { close(); }

  void interrupt() noexcept override { interrupted_.store(true); }

  void finish() override {
    check("ncclCommFinalize", ncclCommFinalize(comm_));
    wait_for_launch("ncclCommFinalize");
    ncclCommDestroy(comm_);
    comm_ = nullptr;
  }

 private:
  static size_t count(const Buffer& buffer) {
    return static_cast<size_t>(buffer.count);
  }

  void close() noexcept {
    if (comm_ != nullptr) {
      ncclCommAbort(comm_);
      comm_ = nullptr;
    }
  }

  void check(const std::string& operation, ncclResult_t code) {
    if (code != ncclSuccess && code != ncclInProgress) {
      const std::string text =
          str_cat(operation, ": ", ncclGetErrorString(code), ": ",
                  ncclGetLastError(comm_));
      close();
      throw CommError(text);
    }
  }

  // Polls until `done` or the deadline, watching for asynchronous errors.
  void poll(const std::string& operation, const std::function<bool()>& done) {
    const double limit_s =
        first_ ? config_.first_deadline_s : config_.deadline_s;
    const double start_s = clock_.now_s();
    while (!done()) {
      ncclResult_t state = ncclSuccess;
      check(operation, ncclCommGetAsyncError(comm_, &state));
      check(operation, state);
      if (interrupted_.load() || clock_.now_s() - start_s > limit_s) {
        close();
        throw CommError(str_cat(operation, ": rank ", rank_, " has waited ",
                                limit_s, " s"));
      }
      std::this_thread::sleep_for(kNap);
    }
  }

  // Non-blocking NCCL calls come back before they are under way.
  void wait_for_launch(const std::string& operation) {
    poll(operation, [this] {
      ncclResult_t state = ncclInProgress;
      ncclCommGetAsyncError(comm_, &state);
      return state != ncclInProgress;
    });
    ncclResult_t state = ncclSuccess;
    check(operation, ncclCommGetAsyncError(comm_, &state));
    check(operation, state);
  }

  void run(const std::string& operation,
           const std::function<ncclResult_t()>& launch) {
    if (comm_ == nullptr) {
      throw CommError(str_cat(operation, ": the group has ended"));
    }
    // The current device belongs to the thread, and any may call.
    check_cuda(cudaSetDevice(device_), "cudaSetDevice");
    check_cuda(cudaEventRecord(produced_.get(), compute_stream_),
               "cudaEventRecord");
    check_cuda(cudaStreamWaitEvent(stream_.get(), produced_.get(), 0),
               "cudaStreamWaitEvent");
    check(operation, launch());
    wait_for_launch(operation);
    check_cuda(cudaEventRecord(finished_.get(), stream_.get()),
               "cudaEventRecord");
    poll(operation, [this] {
      const cudaError_t state = cudaEventQuery(finished_.get());
      if (state != cudaErrorNotReady) {
        check_cuda(state, "cudaEventQuery");
      }
      return state == cudaSuccess;
    });
    first_ = false;
  }

  int rank_;
  int size_;
  CommConfig config_;
  int device_;
  cudaStream_t compute_stream_;
  RealClock clock_;
  ncclComm_t comm_ = nullptr;
  Stream stream_;
  Event produced_;
  Event finished_;
  DeviceWord word_;
  bool first_ = true;
  std::atomic<bool> interrupted_{false};
};

}  // namespace

bool nccl_available() {
  return true;
}

std::unique_ptr<Communicator> make_nccl_comm(Communicator& bootstrap,
                                             const NcclOptions& options,
                                             const CommConfig& config) {
  check_cuda(cudaSetDevice(options.device), "cudaSetDevice");
  return std::make_unique<NcclComm>(bootstrap, options, config);
}

}  // namespace voxlift::trainer
