#!/usr/bin/env bash
# Builds the libFuzzer programs and runs each for a while, two at a time. Prints
# one line a target, and at the end "fuzz: N targets, F findings"; exit code 1
# if there is a finding. docs/fuzzing.md.
#
#   scripts/fuzz.sh [SECONDS_PER_TARGET=600] [TARGET...]
#
# New inputs are kept in build/fuzz/corpus, findings in build/fuzz/findings.
# $VOXLIFT_SHARED (../shared): real files, used as inputs where they exist.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-600}
shift || true
if ! command -v clang++ >/dev/null; then
  echo "no clang++: apt-get install clang libclang-rt-14-dev" >&2
  exit 4
fi
cmake --preset fuzz >/dev/null
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
  cmake --build --preset fuzz
  for dir in tests/fuzz/corpus/*/; do
    targets+=("$(basename "$dir")")
  done
else
  cmake --build --preset fuzz --target "${targets[@]/#/fuzz_}"
fi

work=$PWD/build/fuzz
data=${VOXLIFT_SHARED:-$PWD/../shared}/data
scratch=$(mktemp -d -p /dev/shm voxlift-fuzz-XXXXXX)
trap 'rm -rf "$scratch"' EXIT

# Folders of real files that a target can start from.
real_inputs() {
  case $1 in
    dicom|dicom_pixels|codestream)
      echo dicom/dicomparser dicom/pydicom_files malformed/dicom_derived \
        malformed/dicom_pydicom ;;
    nifti) echo formats/nifti malformed/nifti_derived malformed/nifti_fuzz ;;
    npy|npz) echo malformed/npy_npz_derived malformed/npy_pickle ;;
    nrrd) echo formats/nrrd ;;
    metaimage) echo formats/metaimage_derived ;;
    jpeg_region|jpeg_restarts|picture)
      echo formats/jpeg_exif malformed/jpeg_afl malformed/jpeg_bugs \
        malformed/image_derived malformed/png_fuzz formats/pngsuite ;;
  esac
}

run_target() {
  local target=$1 log=$work/$1.log folders=() folder stat
  mkdir -p "$work/corpus/$target" "$work/findings/$target" "$scratch/$target"
  folders=("$work/corpus/$target" "tests/fuzz/corpus/$target")
  for folder in $(real_inputs "$target"); do
    [ -d "$data/$folder" ] && folders+=("$data/$folder")
  done
  local options=() result=0 said=none
  [ -f "tests/fuzz/dict/$target" ] && options=(-dict="tests/fuzz/dict/$target")
  # HDF5 loses some bytes on damaged files.
  local leaks=1
  [ "$target" != shard_file ] || leaks=0
  TMPDIR=$scratch/$target ASAN_OPTIONS=detect_leaks=$leaks UBSAN_OPTIONS=print_stacktrace=1 \
    "$work/bin/fuzz_$target" "${options[@]}" -max_total_time="$seconds" \
    -rss_limit_mb=2048 -timeout=10 -max_len=65536 -print_final_stats=1 \
    -artifact_prefix="$work/findings/$target/" "${folders[@]}" \
    >"$log" 2>&1 || result=$?
  [ "$result" -eq 0 ] || said=$(grep -m1 -E '^SUMMARY|ERROR' "$log" || echo "exit code $result")
  stat=$(grep -oE 'stat::number_of_executed_units: *[0-9]+' "$log" | grep -oE '[0-9]+$' || echo 0)
  echo "$target: $stat executions, coverage $(grep -oE 'cov: [0-9]+' "$log" |
    tail -1 | grep -oE '[0-9]+' || echo 0), finding: $said"
  [ "$result" -eq 0 ] || touch "$scratch/found.$target"
}
export -f run_target real_inputs
export work data scratch seconds

printf '%s\n' "${targets[@]}" |
  xargs -P "${VOXLIFT_FUZZ_JOBS:-2}" -I{} bash -c 'run_target {}'
findings=$(find "$scratch" -maxdepth 1 -name 'found.*' | wc -l)
echo "fuzz: ${#targets[@]} targets, $findings findings"
[ "$findings" -eq 0 ]
