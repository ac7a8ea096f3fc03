#!/usr/bin/env bash
# Installs what the tests need, builds everything and runs all tests but the
# slow ones. The last lines are ctest's summary.
#
#   scripts/test.sh [CTEST_OPTION...]    for example: scripts/test.sh -R pack
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install_deps.sh
jobs=$(nproc)
echo "building with $jobs jobs in build/cpu-release"
cmake --preset cpu-release
cmake --build --preset cpu-release -j "$jobs"

# Ranks outnumber cores in the tests: a waiting one must give its core away.
export OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_hwloc_base_binding_policy=none
export OMPI_MCA_rmaps_base_oversubscribe=1
if [ "$(id -u)" -eq 0 ]; then
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
# Those that start ranks run alone.
exec ctest --preset all -j "$jobs" "$@"
