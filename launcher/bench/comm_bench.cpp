#include "launcher/bench/comm_bench.h"

#include <algorithm>
#include <functional>
#include <map>
#include <ostream>

#include "base/clock.h"
#include "base/error.h"
#include "base/strings.h"
#include "launcher/bench/figures.h"
#include "trainer/comm/mpi_comm.h"
#include "trainer/comm/tree_reduce.h"

namespace voxlift::launcher {
namespace {

using trainer::Buffer;

struct Way {
  std::string name;
  bool in_shared_memory = false;
  std::function<void(Buffer)> sum;
};

std::vector<Way> ways_of(trainer::Communicator& comm) {
  const auto arithmetic = trainer::host_arithmetic();
  const auto tree = [&comm, arithmetic](Buffer buffer) {
    comm.all_reduce_tree(buffer, arithmetic);
  };
  std::vector<Way> ways = {
      {"exact", true, tree},
      {"exact_copied", false, tree},
      {"fast", true, [&comm](Buffer buffer) { comm.all_reduce_sum(buffer); }},
      {"exchanged", false, [&comm, arithmetic](Buffer buffer) {
         trainer::tree_all_reduce(comm, buffer, arithmetic);
       }}};
  if (auto* mpi = dynamic_cast<trainer::MpiComm*>(&comm); mpi != nullptr) {
    ways.push_back({"mpi", false, [mpi](Buffer buffer) {
                      mpi->blocking_all_reduce_sum(buffer);
                    }});
    ways.push_back({"mpi_polled", false, [mpi](Buffer buffer) {
                      mpi->vendor_all_reduce_sum(buffer);
                    }});
  }
  return ways;
}

std::vector<Way> chosen_ways(const CommBenchConfig& config,
                             trainer::Communicator& comm) {
  std::vector<Way> all = ways_of(comm);
  std::vector<std::string> names;
  for (const Way& way : all) {
    names.push_back(way.name);
  }
  for (const std::string& wanted : config.ways) {
    if (std::find(names.begin(), names.end(), wanted) == names.end()) {
      throw ConfigError(str_cat("bench.ways has '", wanted, "', there are ",
                                str_join(names, ", ")));
    }
  }
  std::erase_if(all, [&](const Way& way) {
    return !config.ways.empty() &&
           std::find(config.ways.begin(), config.ways.end(), way.name) ==
               config.ways.end();
  });
  return all;
}

// Vectors as long as the longest: in shared memory, if there is any, and not.
class Memory {
 public:
  Memory(trainer::Communicator& comm, int64_t bytes)
      : ordinary_(static_cast<size_t>(bytes)),
        shared_(comm.allocate_shared(bytes)) {}

  Buffer vector(const Way& way, int64_t bytes) {
    std::byte* data = way.in_shared_memory && !shared_.empty()
                          ? shared_.data()
                          : ordinary_.data();
    return {data, bytes / static_cast<int64_t>(sizeof(float)),
            trainer::DType::kFloat32};
  }

 private:
  std::vector<std::byte> ordinary_;
  std::span<std::byte> shared_;
};

std::span<float> floats_of(Buffer buffer) {
  return {static_cast<float*>(buffer.data), static_cast<size_t>(buffer.count)};
}

// Whole numbers, so that every order of addition gives the same; zeros
// afterwards, which stay zeros.
void check_sum(const Way& way, Buffer buffer,
               const trainer::Communicator& comm) {
  constexpr size_t kPeriod = 1021;
  const std::span<float> values = floats_of(buffer);
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] =
        static_cast<float>(i % kPeriod) + static_cast<float>(comm.rank());
  }
  way.sum(buffer);
  const auto n = static_cast<float>(comm.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const float expected =
        static_cast<float>(i % kPeriod) * n + n * (n - 1.0F) / 2.0F;
    VOXLIFT_CHECK(values[i] == expected,
                  str_cat(way.name, ": element ", i, " of ", values.size(),
                          " is ", values[i], ", not ", expected));
  }
  std::fill(values.begin(), values.end(), 0.0F);
}

// Seconds of one sum on the slowest rank. Short ones are repeated.
double time_sum(const Way& way, Buffer buffer, trainer::Communicator& comm,
                const Clock& clock) {
  const int64_t repeats = std::clamp<int64_t>(
      (1 << 20) / std::max<int64_t>(1, buffer.bytes()), 1, 50);
  comm.barrier();
  const double start_s = clock.now_s();
  for (int64_t i = 0; i < repeats; ++i) {
    way.sum(buffer);
  }
  const double mine_s = clock.now_s() - start_s;
  const int64_t slowest_ns =
      trainer::all_reduce_max(comm, static_cast<int64_t>(mine_s * 1e9));
  return static_cast<double>(slowest_ns) * 1e-9 / static_cast<double>(repeats);
}

void print(const Way& way, int64_t bytes, const std::vector<double>& seconds,
           int ranks, std::ostream& out) {
  Json line = figure("comm.allreduce", seconds, "s");
  const double share = 2.0 * (ranks - 1) / ranks;
  line["way"] = way.name;
  line["ranks"] = ranks;
  line["bytes"] = bytes;
  line["bus_bytes_per_s"] =
      share * static_cast<double>(bytes) / quantile(seconds, 0.5);
  out << line.dump() << "\n";
}

}  // namespace

void CommBenchConfig::validate(const std::string& path) const {
  if (rounds < 1) {
    throw ConfigError(
        str_cat(path, ".rounds = ", rounds, ": must be at least 1"));
  }
  if (sizes.empty()) {
    throw ConfigError(str_cat(path, ".sizes is empty: give bytes"));
  }
  for (const int64_t bytes : sizes) {
    if (bytes < 4 || bytes % 4 != 0) {
      throw ConfigError(str_cat(path, ".sizes has ", bytes,
                                ": must be multiples of 4 bytes, at least 4"));
    }
  }
}

void bench_all_reduce(const CommBenchConfig& config,
                      trainer::Communicator& comm, std::ostream& out) {
  config.validate("bench");
  if (comm.size() == 1) {
    throw ConfigError(
        "comm.allreduce needs several ranks: start it with mpirun -n 2 or "
        "voxlift-launch -n 2 --");
  }
  const RealClock clock;
  const std::vector<Way> ways = chosen_ways(config, comm);
  Memory memory(comm,
                *std::max_element(config.sizes.begin(), config.sizes.end()));
  for (const int64_t bytes : config.sizes) {
    for (const Way& way : ways) {
      check_sum(way, memory.vector(way, bytes), comm);
    }
    std::map<std::string, std::vector<double>> seconds;
    for (int64_t round = 0; round < config.rounds; ++round) {
      for (const Way& way : ways) {
        seconds[way.name].push_back(
            time_sum(way, memory.vector(way, bytes), comm, clock));
      }
    }
    for (const Way& way : ways) {
      if (comm.rank() == 0) {
        print(way, bytes, seconds[way.name], comm.size(), out);
      }
    }
  }
}

}  // namespace voxlift::launcher
