#pragma once
// This host: cores, memory, limits, network.

#include <cstdint>
#include <string>
#include <vector>

#include "launcher/doctor/finding.h"

namespace voxlift::launcher {

// Numbers of a host, in bytes where nothing else is said; -1: unlimited.
struct MachineFacts {
  int64_t num_cores = 0;
  int64_t memory_total = 0;
  int64_t memory_available = 0;
  int64_t max_open_files = 0;  // The hard limit: programs raise to it.
  int64_t max_locked_memory = 0;
  int64_t shm_free = 0;  // In /dev/shm; 0: there is none.
  bool has_infiniband = false;
  std::vector<std::string> interfaces;  // "eth0 10.0.0.2", up, no loopback.
};

MachineFacts read_machine_facts();

// Pure.
Findings check_machine(const MachineFacts& facts);

// The number behind "KEY:" in /proc/meminfo, in bytes; 0 if it is not there.
int64_t meminfo_bytes(const std::string& text, const std::string& key);

}  // namespace voxlift::launcher
