#pragma once
// What SLURM's own commands say, understood. Pure.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace voxlift::launcher {

// The PMIx plugins in the output of `srun --mpi=list` ("pmix", "pmix_v4");
// empty where Open MPI's ranks cannot be started by srun.
std::vector<std::string> pmix_plugins(std::string_view text);

// A time as `squeue --format %e` prints it ("2026-11-21T13:32:14", local), in
// seconds since 1970; 0 for N/A and anything else.
int64_t parse_slurm_time(std::string_view text);

// The nodes that can run a step, of the lines "NAME STATE" of `sinfo -h -N -o
// '%N %T'`: not down, drained, failing or without answer ("mixed*").
std::vector<std::string> living_nodes(std::string_view text);

// The value of "KEY = VALUE" in the output of `scontrol show config`, or of
// KEY=VALUE in `scontrol show partition`; empty if there is none.
std::string slurm_setting(std::string_view text, std::string_view key);

}  // namespace voxlift::launcher
