#!/usr/bin/env bash
# Formats every C++ file with clang-format 14, the version that is pinned.
#
#   scripts/format.sh           rewrite files
#   scripts/format.sh --check   name files that would change; exit 1 if any
set -euo pipefail
cd "$(dirname "$0")/.."

formatter=$(command -v clang-format-14 || command -v clang-format || true)
if [ -z "$formatter" ] || ! "$formatter" --version | grep -q 'version 14\.'; then
  echo "scripts/format.sh needs clang-format 14 (apt-get install clang-format-14)" >&2
  exit 4
fi
options=(-i)
if [ "${1:-}" = --check ]; then
  options=(--dry-run --Werror)
fi
git ls-files -z --cached --others --exclude-standard -- '*.h' '*.cpp' |
  xargs -0 -r "$formatter" "${options[@]}"
