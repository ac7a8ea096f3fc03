#!/usr/bin/env bash
# Packs the Debian packages that building voxlift needs beside a compiler, CMake
# and LibTorch into one .tar, for a machine without internet access. There,
#
#   tar -xf voxlift-deps.tar && voxlift-deps/unpack.sh PREFIX
#
# puts them below PREFIX, without touching the system, corrects the paths inside
# them, and writes PREFIX/env.sh (to be sourced) and PREFIX/prefix.cmake:
#
#   . PREFIX/env.sh && cmake --preset cuda-release -C PREFIX/prefix.cmake \
#     -DCMAKE_PREFIX_PATH=TORCH_CMAKE_DIR
#
#   scripts/bundle-deps.sh [OUT.tar]       make the bundle (default voxlift-deps.tar)
#   scripts/bundle-deps.sh --check [DIR]   make one, unpack it in DIR, configure with it
#
# Needs apt-get with package lists of Debian 12; the machine that unpacks needs a
# C library at least as new (2.36).
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(
  libhdf5-dev libboost-program-options-dev libgoogle-glog-dev libgtest-dev
  libopenmpi-dev openmpi-bin libgdcm-dev libnifti-dev libdeflate-dev libzip-dev
  libjpeg62-turbo-dev libpng-dev zlib1g-dev libbz2-dev nlohmann-json3-dev
)
# What every machine with a compiler has, and what is not needed to build or run.
skip='^(libc6.*|libc-.*|libcrypt.*|libnsl.*|libtirpc.*|rpcsvc-proto|linux-libc-dev|gcc.*|g[+][+].*|cpp.*|libgcc.*|libstdc[+][+].*|libgomp1|lib[alt]+san.*|libubsan.*|libitm1|libquadmath0|libmp[cf].*|libisl.*|binutils.*|libbinutils|libctf.*|libgprofng0|libgfortran-.*|gfortran.*|dpkg.*|debconf|perl.*|libperl.*|python3.*|libpython3.*|openssh.*|autoconf|automake|autotools-dev|m4|libpam.*|libselinux1|libsemanage.*|libsepol2|libaudit.*|adduser|passwd|tar|debianutils|install-info|libdb5.3|libgdbm.*|readline-common|libjs-.*|.*-doc)$'

# The packages and everything that they depend on, as on an empty machine.
closure() {
  apt-get -o Dir::State::status=/dev/null -o APT::Get::AllowUnauthenticated=true \
    install --simulate --no-install-recommends "${packages[@]}" |
    sed -n 's/^Inst \([^ ]*\) .*/\1/p' | sort -u | grep -vE "$skip"
}

write_unpack() {
  cat >"$1/unpack.sh" <<'UNPACK'
#!/usr/bin/env bash
# Unpacks the packages beside it below PREFIX: unpack.sh PREFIX
set -euo pipefail
[ $# = 1 ] || { echo "usage: unpack.sh PREFIX" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
prefix=$(cd "$1" && pwd)

for deb in "$here"/*.deb; do
  if command -v dpkg-deb >/dev/null; then
    dpkg-deb -x "$deb" "$prefix"
  else # A .deb is an ar archive around a tar.
    work=$(mktemp -d)
    (cd "$work" && ar x "$deb" && tar -xf data.tar.* -C "$prefix")
    rm -r "$work"
  fi
done

# Links to absolute paths: into the prefix, or over Debian's alternatives.
find "$prefix" -type l -lname '/*' | while read -r link; do
  target=$(readlink "$link")
  [ ! -e "$prefix$target" ] || ln -sfn "$prefix$target" "$link"
done
lib=$prefix/usr/lib/x86_64-linux-gnu
for tool in mpicc mpicxx mpirun mpiexec; do
  [ ! -e "$prefix/usr/bin/$tool.openmpi" ] ||
    ln -sfn "$tool.openmpi" "$prefix/usr/bin/$tool"
done

for name in mpi open-rte open-pal; do
  [ ! -e "$lib/lib$name.so.40" ] || ln -sfn "lib$name.so.40" "$lib/lib$name.so"
done

# Paths in pkg-config, CMake and Open MPI files.
find "$prefix" -type f \( -name '*.pc' -o -name '*.cmake' -o -name '*-wrapper-data.txt' \) \
  -exec sed -i -E "s@(^|[=\"; ,])/usr(/|\$|\")@\1$prefix/usr\2@g" {} +

cat >"$prefix/env.sh" <<ENV
export PATH=$prefix/usr/bin:\$PATH
export LD_LIBRARY_PATH=$lib:$lib/hdf5/serial:$lib/openmpi/lib:\${LD_LIBRARY_PATH:-}
export LIBRARY_PATH=$lib:\${LIBRARY_PATH:-}
export PKG_CONFIG_PATH=$lib/pkgconfig:$prefix/usr/share/pkgconfig
export OPAL_PREFIX=$prefix/usr OPAL_LIBDIR=$lib
export OMPI_MCA_mca_base_component_path=$lib/openmpi/lib/openmpi3
export PMIX_MCA_mca_base_component_path=$lib/pmix2/lib/pmix
ENV

cat >"$prefix/prefix.cmake" <<CMAKE
set(CMAKE_FIND_ROOT_PATH $prefix CACHE STRING "Where packages are looked for first")
set(HDF5_ROOT $prefix/usr CACHE PATH "")
set(HDF5_C_LIBRARY_hdf5 $lib/hdf5/serial/libhdf5.so CACHE FILEPATH "")
set(HDF5_C_INCLUDE_DIR $prefix/usr/include/hdf5/serial CACHE PATH "")
set(HDF5_NO_FIND_PACKAGE_CONFIG_FILE ON CACHE BOOL "")
set(HDF5_C_COMPILER_EXECUTABLE $prefix/usr/bin/h5cc CACHE FILEPATH "")
set(MPI_C_COMPILER $prefix/usr/bin/mpicc.openmpi CACHE FILEPATH "")
set(MPIEXEC_EXECUTABLE $prefix/usr/bin/mpirun.openmpi CACHE FILEPATH "")
set(Boost_NO_SYSTEM_PATHS ON CACHE BOOL "")
set(BOOST_ROOT $prefix/usr CACHE PATH "")
CMAKE
echo "unpacked $(ls "$here"/*.deb | wc -l) packages into $prefix"
UNPACK
  chmod +x "$1/unpack.sh"
}

# bundle OUT.tar
bundle() {
  local work names
  work=$(mktemp -d)
  mkdir "$work/voxlift-deps"
  names=$(closure)
  # shellcheck disable=SC2086  # One word per package.
  (cd "$work/voxlift-deps" && apt-get -q -o APT::Sandbox::User=root download $names >/dev/null)
  write_unpack "$work/voxlift-deps"
  tar -cf "$1" -C "$work" voxlift-deps
  rm -r "$work"
  echo "$1: $(wc -w <<<"$names") packages, $(($(stat -c %s "$1") / 1000000)) MB"
}

# Configures the parts without LibTorch against the prefix alone, and names
# every package that came from elsewhere.
check() {
  local dir=$1
  mkdir -p "$dir"
  bundle "$dir/voxlift-deps.tar"
  tar -xf "$dir/voxlift-deps.tar" -C "$dir"
  "$dir/voxlift-deps/unpack.sh" "$dir/prefix"
  (
    # shellcheck disable=SC1091  # Written a moment ago.
    . "$dir/prefix/env.sh"
    cmake -S . -B "$dir/build" -G Ninja -C "$dir/prefix/prefix.cmake" \
      -DVOXLIFT_TORCH=OFF -DVOXLIFT_TESTS=OFF -DCMAKE_BUILD_TYPE=Release \
      -DCMAKE_FIND_ROOT_PATH_MODE_PACKAGE=ONLY -DCMAKE_FIND_ROOT_PATH_MODE_LIBRARY=BOTH \
      -DCMAKE_FIND_ROOT_PATH_MODE_INCLUDE=ONLY >"$dir/configure.log" 2>&1
  ) || { tail -20 "$dir/configure.log"; exit 1; }
  local outside
  outside=$(grep -E '^[A-Za-z0-9_]+(_DIR|_LIBRARY[A-Z_]*|_INCLUDE_DIR[S]?|_HEADER_DIR|_LIB):[A-Z]+=/' \
    "$dir/build/CMakeCache.txt" | grep -E '=/usr/(lib|include)' |
    grep -vE '/lib(m|rt|dl|pthread)\.(so|a)$' || true) # Of the C library.
  if [ -n "$outside" ]; then
    echo "taken from the system, not from the prefix:"
    echo "$outside"
    exit 1
  fi
  echo "bundle-deps: configured with the packages below $dir/prefix alone"
}

if [ "${1:-}" = --check ]; then
  check "$(realpath -m "${2:-$(mktemp -d)}")"
else
  bundle "$(realpath -m "${1:-voxlift-deps.tar}")"
fi
