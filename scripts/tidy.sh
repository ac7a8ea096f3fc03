#!/usr/bin/env bash
# Runs clang-tidy 14 over the sources; any finding is an error.
#
#   scripts/tidy.sh [BUILD_DIR] [FILE...]
#
# BUILD_DIR holds compile_commands.json (default: build/tidy, which is
# configured if missing). Without files, all of our sources it knows but those
# that include LibTorch: clang 14 cannot parse the C++20 of LibTorch 1.13's
# headers.
set -euo pipefail
cd "$(dirname "$0")/.."

build=${1:-build/tidy}
[ $# -eq 0 ] || shift
tidy=$(command -v clang-tidy-14 || command -v clang-tidy || true)
if [ -z "$tidy" ]; then
  echo "scripts/tidy.sh needs clang-tidy (apt-get install clang-tidy-14)" >&2
  exit 4
fi
if [ ! -f "$build/compile_commands.json" ]; then
  cmake --preset tidy -B "$build"
fi
if [ $# -gt 0 ]; then
  files=("$@")
else
  mapfile -t files < <(grep -o '"file": "[^"]*"' "$build/compile_commands.json" |
    cut -d '"' -f 4 |
    grep -E "^$PWD/(base|dataio|sharding|trainer/comm|launcher)/" |
    grep -vE "launcher/parity/|launcher/cli/(train|evaluate)|comm/n" | sort -u)
fi
printf '%s\0' "${files[@]}" |
  xargs -0 -n 1 -P "$(nproc)" "$tidy" -p "$build" --quiet
