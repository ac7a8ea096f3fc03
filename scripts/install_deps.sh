#!/usr/bin/env bash
# Installs what building, testing and running voxlift needs on Debian 12.
# Says what it is about to install; does nothing where nothing is missing.
#
#   scripts/install_deps.sh           install what is missing
#   scripts/install_deps.sh --check   name what is missing; exit 1 if anything
set -euo pipefail

packages=(
  g++ cmake ninja-build ccache pkg-config
  libtorch-dev libdnnl-dev libgoogle-perftools-dev libopenmpi-dev openmpi-bin libhdf5-dev
  libboost-program-options-dev libgoogle-glog-dev libgtest-dev
  libjpeg62-turbo-dev libpng-dev zlib1g-dev libdeflate-dev libnifti-dev nlohmann-json3-dev
  libgdcm-dev libzip-dev libbz2-dev
  python3 python3-h5py python3-numpy
  python3-nibabel python3-pydicom python3-pil
  iproute2 openssh-client slurm-wlm munge
)

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done

if [ ${#missing[@]} -eq 0 ]; then
  exit 0
fi
if [ "${1:-}" = --check ]; then
  echo "missing packages: ${missing[*]}" >&2
  exit 1
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "missing packages: ${missing[*]}" >&2
    echo "install them as root (there is no sudo): apt-get install ..." >&2
    exit 4
  fi
  as_root=(sudo)
fi

echo "about to install with apt-get: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -qq --no-install-recommends "${missing[@]}"
