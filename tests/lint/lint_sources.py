#!/usr/bin/env python3
"""Checks the sources against the house rules that a compiler does not see.

    lint_sources.py layers ROOT       include directions, homes of foreign headers
    lint_sources.py registered ROOT   every *_test.cpp is in a CMakeLists.txt
    lint_sources.py sizes ROOT        lines per file, columns per line
    lint_sources.py selftest DIR      each check finds a planted violation

Prints one line per violation; exit code 1 if there is one.
"""
import pathlib
import re
import sys

# Data flows down this list; a folder includes itself and what stands before.
LAYERS = ["base", "dataio", "sharding", "trainer", "launcher"]

# Pattern of a foreign header, and where alone it may be included.
HOMES = [
    (r"hdf5.*|H5.*", [r"sharding/h5[._]"]),
    (r"mpi\.h|nccl\.h|cuda.*", [r"trainer/comm/"]),
    (r"libdeflate\.h", [r"sharding/voxel_chunk\."]),
    (r"boost/program_options.*", [r"launcher/config_file\."]),
    (r"boost/.*", [r"launcher/config_file\."]),
    (r"torch/.*|ATen/.*|c10/.*", [r"trainer/(?!comm/)", r"launcher/parity/"]),
    (r"glog/.*", [r"base/log\."]),
    (r"nlohmann/.*", [r"base/json\."]),
    (r"jpeglib\.h|jerror\.h|png\.h|nifti.*", [r"dataio/"]),
    (r"zlib\.h", [r"dataio/", r"sharding/voxel_chunk\."]),
    (r"bzlib\.h", [r"dataio/decode/inflate_source\."]),
    (r"gdcm.*", [r"dataio/decode/dicom_pixels\."]),
    (r"zip\.h", [r"dataio/decode/npz\."]),
]

MAX_FILE_LINES = 600
MAX_COLUMNS = 80
SOURCE_FOLDERS = LAYERS + ["tests"]
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def sources(root, folders=SOURCE_FOLDERS, suffixes=(".h", ".cpp")):
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in suffixes and path.is_file():
                yield path, path.relative_to(root).as_posix()


def includes(path):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(1), match.group(2)


def wrong_direction(name, header):
    """Why the file `name` may not include our own `header`, or nothing."""
    layer, target = name.split("/")[0], header.split("/")[0]
    if target == "tests":
        return "nothing includes tests/"
    if target not in LAYERS:
        return "own headers are included from the root of the repository"
    if LAYERS.index(target) > LAYERS.index(layer):
        return f"{layer}/ stands below {target}/"
    if name.startswith("trainer/comm/") and layer == target \
            and not header.startswith("trainer/comm/"):
        return "trainer/comm/ stands below the rest of trainer/"
    return None


def wrong_home(name, header):
    for pattern, homes in HOMES:
        if re.fullmatch(pattern, header):
            if any(re.match(home, name) for home in homes):
                return None
            return f"its home is {' or '.join(homes)}"
    return None


def check_layers(root):
    for path, name in sources(root, LAYERS):
        for number, kind, header in includes(path):
            why = wrong_home(name, header)
            if why is None and kind == '"':
                why = wrong_direction(name, header)
            if why is not None:
                yield f"{name}:{number}: includes {header}: {why}"


def check_registered(root):
    for path, name in sources(root, ["tests"]):
        if not path.name.endswith("_test.cpp"):
            continue
        text = ""
        for folder in path.parents:
            lists = folder / "CMakeLists.txt"
            text += lists.read_text() if lists.exists() else ""
            if folder == root:
                break
        if not re.search(rf"(^|[\s/]){re.escape(path.name)}($|\s)", text):
            yield f"{name}: not in a CMakeLists.txt: it would never run"


def check_sizes(root):
    for path, name in sources(root):
        lines = path.read_text().splitlines()
        if len(lines) > MAX_FILE_LINES:
            yield f"{name}: {len(lines)} lines, at most {MAX_FILE_LINES}"
        for number, line in enumerate(lines, 1):
            if len(line) > MAX_COLUMNS and "http" not in line:
                yield (f"{name}:{number}: {len(line)} columns, at most "
                       f"{MAX_COLUMNS}")


CHECKS = {"layers": check_layers, "registered": check_registered,
          "sizes": check_sizes}

# Check, file, content, what the report must name (nothing: no violation).
PLANTED = [
    ("layers", "base/a.h", '#include "dataio/image.h"\n', "base/ stands below"),
    ("layers", "sharding/a.cpp", '#include "trainer/x.h"\n', "stands below"),
    ("layers", "sharding/a.cpp", '#include "dataio/image.h"\n', None),
    ("layers", "trainer/comm/a.h", '#include "trainer/model/x.h"\n', "comm/"),
    ("layers", "launcher/a.h", '#include "tests/support/x.h"\n', "tests/"),
    ("layers", "dataio/a.h", '#include "image.h"\n', "root"),
    ("layers", "dataio/a.cpp", "#include <hdf5.h>\n", "sharding/h5"),
    ("layers", "sharding/h5.cpp", "#include <hdf5.h>\n", None),
    ("layers", "trainer/a.cpp", "#include <mpi.h>\n", "trainer/comm/"),
    ("layers", "trainer/comm/a.cpp", "#include <torch/torch.h>\n", "trainer/"),
    ("layers", "launcher/a.cpp", "#include <boost/program_options.hpp>\n",
     "config_file"),
    ("layers", "sharding/a.cpp", "#include <nlohmann/json.hpp>\n", "json"),
    ("layers", "sharding/a.cpp", "#include <jpeglib.h>\n", "dataio/"),
    ("layers", "dataio/a.cpp", "#include <glog/logging.h>\n", "base/log"),
    ("layers", "dataio/a.cpp", "#include <gdcmImage.h>\n", "dicom_pixels"),
    ("layers", "dataio/a.cpp", "#include <zip.h>\n", "npz"),
    ("registered", "tests/base/a_test.cpp", "", "would never run"),
    ("sizes", "base/a.cpp", "//\n" * 601, "601 lines"),
    ("sizes", "base/a.cpp", "// " + "x" * 78 + "\n", "81 columns"),
    ("sizes", "base/a.cpp", "// " + "x" * 77 + "\n", None),
]


def selftest(directory):
    for i, (check, name, content, expected) in enumerate(PLANTED):
        root = directory / str(i)
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        (path.parent / "CMakeLists.txt").write_text("another_a_test.cpp\n")
        found = "\n".join(CHECKS[check](root))
        if (expected is None) != (found == "") or (expected or "") not in found:
            yield f"planted {name} {content[:40]!r}: {check} says {found!r}"


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in [*CHECKS, "selftest"]:
        sys.exit(__doc__)
    where = pathlib.Path(sys.argv[2])
    check = CHECKS.get(sys.argv[1], selftest)
    violations = list(check(where))
    print("\n".join(violations) if violations else f"{sys.argv[1]}: none")
    sys.exit(1 if violations else 0)


main()
