"""Compares `voxlift inspect` with nibabel, pydicom, NumPy and Pillow.

    formats.py VOXLIFT DATA WORK

DATA has the folders below; WORK takes the voxels that voxlift writes. Prints a
line per folder and the sum; exit code 1 where a voxel, a spacing or an affine
differs, a verdict of an expected.csv is missed, a file is not answered with
one line, or memory grows past the limit.
"""
import bz2
import csv
import gzip
import json
import pathlib
import resource
import subprocess
import sys
import warnings
import zlib

import nibabel
import numpy as np
import PIL.Image
import pydicom

FOLDERS = ["formats", "malformed", "dicom", "medical"]
MAX_MEMORY_BYTES = 3 << 30
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0])
warnings.simplefilter("ignore")


class NoReference(Exception):
    """The other reader cannot read the file, or reads another thing."""


def place(steps_whd, origin):
    """The affine for (d, h, w) from the steps along w, h and d."""
    steps = np.array(steps_whd, float)
    return np.column_stack([steps[2], steps[1], steps[0], origin])


def nifti(path):
    image = nibabel.load(path)
    if not isinstance(image, (nibabel.Nifti1Image, nibabel.Nifti1Pair)):
        raise NoReference("not NIfTI")
    if image.get_data_dtype().kind not in "iuf":
        raise NoReference("no real numbers")
    voxels = np.asanyarray(image.dataobj)
    while voxels.ndim > 3 and voxels.shape[-1] == 1:
        voxels = voxels[..., 0]
    while voxels.ndim < 3:
        voxels = voxels[..., None]
    if voxels.ndim > 3:
        raise NoReference("several frames")
    unit = {"meter": 1000.0, "micron": 0.001}.get(
        image.header.get_xyzt_units()[0], 1.0)
    zooms = [float(z) for z in image.header.get_zooms()[:3]]
    zooms += [1.0] * (3 - len(zooms))
    spacing = [abs(z) * unit if np.isfinite(z) and z else 1.0 for z in zooms]
    affine = image.affine[:3][:, [2, 1, 0, 3]] * unit
    return voxels.transpose(2, 1, 0), spacing[::-1], affine


def dicom_value(data, frame, group, name):
    """A value of the frame's functional groups, the shared ones, the file."""
    for groups in ("PerFrameFunctionalGroupsSequence",
                   "SharedFunctionalGroupsSequence"):
        if groups in data:
            item = data[groups][frame if groups.startswith("Per") else 0]
            if group in item and name in item[group][0]:
                return item[group][0][name].value
    return data[name].value if name in data else None


def dicom_frames(path):
    """(position, voxels, directions, pixel spacing, depth) of each frame."""
    data = pydicom.dcmread(path, force=True)
    if data.get("SamplesPerPixel") != 1 or "PixelData" not in data:
        raise NoReference("no grey image")
    pixels = data.pixel_array
    pixels = pixels[None] if pixels.ndim == 2 else pixels
    for k, frame in enumerate(pixels):
        slope = dicom_value(data, k, "PixelValueTransformationSequence",
                            "RescaleSlope")
        offset = dicom_value(data, k, "PixelValueTransformationSequence",
                             "RescaleIntercept")
        position = dicom_value(data, k, "PlanePositionSequence",
                               "ImagePositionPatient")
        turn = dicom_value(data, k, "PlaneOrientationSequence",
                           "ImageOrientationPatient")
        spacing = dicom_value(data, k, "PixelMeasuresSequence", "PixelSpacing")
        depth = (dicom_value(data, k, "PixelMeasuresSequence",
                             "SpacingBetweenSlices")
                 or dicom_value(data, k, "PixelMeasuresSequence",
                                "SliceThickness") or 1.0)
        yield (position, frame.astype(float) * float(slope or 1)
               + float(offset or 0), turn, spacing or [1.0, 1.0], float(depth))


def dicom(path):
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    frames = [frame for file in files for frame in dicom_frames(file)]
    position, _, turn, (high, wide), depth = frames[0]
    if position is None or turn is None:
        spacing = [depth, float(high), float(wide)]
        return (np.stack([f[1] for f in frames]), spacing,
                place(np.diag(spacing[::-1]), [0, 0, 0]))
    row, column = np.array(turn[:3], float), np.array(turn[3:], float)
    normal = np.cross(row, column)
    frames.sort(key=lambda f: np.dot(np.array(f[0], float), normal))
    places = np.array([f[0] for f in frames], float)
    step = normal * depth
    if len(frames) > 1:
        step = (places[-1] - places[0]) / (len(frames) - 1)
    spacing = [float(np.dot(step, normal)), float(high), float(wide)]
    affine = LPS_TO_RAS @ place([row * spacing[2], column * spacing[1], step],
                                places[0])
    return np.stack([f[1] for f in frames]), spacing, affine


def metaimage(path):
    head, keys = path.read_bytes(), {}
    while "ElementDataFile" not in keys:
        line, _, head = head.partition(b"\n")
        key, _, value = line.decode().partition("=")
        keys[key.strip()] = value.strip()
    name = keys["ElementDataFile"]
    raw = head if name == "LOCAL" else (path.parent / name).read_bytes()
    if keys.get("CompressedData") == "True":
        raw = zlib.decompress(raw)
    kind = {"MET_SHORT": "i2", "MET_UCHAR": "u1", "MET_USHORT": "u2",
            "MET_FLOAT": "f4"}[keys["ElementType"]]
    order = ">" if keys.get("BinaryDataByteOrderMSB") == "True" else "<"
    sizes = [int(n) for n in keys["DimSize"].split()]
    spacing = [float(n) for n in keys["ElementSpacing"].split()]
    matrix = np.array(keys["TransformMatrix"].split(), float).reshape(3, 3)
    origin = np.array(keys["Offset"].split(), float)
    voxels = np.frombuffer(raw, order + kind).reshape(sizes[::-1])
    affine = LPS_TO_RAS @ place(matrix * np.array(spacing)[:, None], origin)
    return voxels, spacing[::-1], affine


def nrrd(path):
    head, _, raw = path.read_bytes().partition(b"\n\n")
    keys = dict(line.split(": ", 1) for line in head.decode().splitlines()[1:]
                if ": " in line and not line.startswith("#"))
    if "data file" in keys:
        raw = (path.parent / keys["data file"].strip()).read_bytes()
    raw = {"raw": bytes, "gzip": gzip.decompress,
           "bzip2": bz2.decompress}[keys["encoding"]](raw)
    kind = {"short": "i2", "unsigned short": "u2"}[keys["type"]]
    order = "<" if keys["endian"] == "little" else ">"
    sizes = [int(n) for n in keys["sizes"].split()]
    steps = np.array([[float(n) for n in vector.strip("()").split(",")]
                      for vector in keys["space directions"].split()])
    origin = [float(n) for n in keys["space origin"].strip("()").split(",")]
    voxels = np.frombuffer(raw, order + kind).reshape(sizes[::-1])
    spacing = [float(np.linalg.norm(s)) for s in steps][::-1]
    return voxels, spacing, LPS_TO_RAS @ place(steps, origin)


def as_3d(array):
    if array.ndim == 2:
        array = array[None]
    if array.ndim == 4 and array.shape[0] == 1:
        array = array[0]
    if array.ndim != 3 or array.dtype.kind not in "biuf":
        raise NoReference("no array of a scan")
    return array, [1.0, 1.0, 1.0], place(np.eye(3), [0, 0, 0])


def npy(path):
    return as_3d(np.load(path, allow_pickle=False))


def npz(path):
    with np.load(path, allow_pickle=False) as archive:
        if len(archive.files) != 1:
            raise NoReference("several members")
        return as_3d(archive[archive.files[0]])


def png(path):
    return as_3d(np.array(PIL.Image.open(path)))


READERS = {"NIfTI-1": nifti, "NIfTI-2": nifti, "DICOM": dicom,
           "DICOM series": dicom, "MetaImage": metaimage, "NRRD": nrrd,
           "NumPy": npy, "NumPy archive": npz, "PNG slice": png}


def difference(ours, voxels, reference):
    """What differs between voxlift's answer and the reference, or nothing."""
    theirs, spacing, affine = reference
    if list(theirs.shape) != ours["shape"]:
        return f"shape {ours['shape']}, want {list(theirs.shape)}"
    exact = ours["stored_type"].startswith(("int", "uint"))
    wanted = np.asarray(theirs, np.float64)
    scale = max(1e-30, float(np.nanmax(np.abs(np.where(
        np.isfinite(wanted), wanted, 0)))))
    # Integers of up to 24 bits are exact in float32; all others are rounded.
    bound = 0.0 if exact and scale <= 1 << 24 and \
        np.array_equal(wanted, np.rint(wanted)) else 1e-6
    if not np.allclose(voxels, wanted, rtol=bound, atol=bound * scale,
                       equal_nan=True):
        return f"voxels differ by {np.nanmax(np.abs(voxels - wanted))}"
    if not np.allclose(ours["spacing_mm"], spacing, rtol=1e-5):
        return f"spacing {ours['spacing_mm']}, want {spacing}"
    if not np.allclose(ours["affine"], affine, rtol=1e-5, atol=1e-4):
        return f"affine {ours['affine']}, want {np.asarray(affine).tolist()}"
    return None


def expected_verdicts(data):
    """accept or reject by path. Pictures' verdicts are not those of scans: what
    must be refused as a picture must be refused here too."""
    verdicts = {}
    for table in data.rglob("expected.csv"):
        pictures = table.parent.name == "image_derived"
        for row in csv.DictReader(table.open()):
            path = table.parent / row["file"].rstrip("/")
            if row["expected"] == "reject" or \
                    (row["expected"] == "accept" and not pictures):
                verdicts[path] = row["expected"]
        if pictures:
            verdicts[table.parent / "gray16.png"] = "accept"
    return verdicts


def scans_below(folder):
    """Every file, and every folder that is a DICOM series."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() or any(p.suffix == ".dcm" or p.name.startswith("CT.")
                                 for p in path.iterdir() if p.is_file()):
            yield path


def inspect(voxlift, paths, work):
    """voxlift's answer for each path; those that it died before are missing."""
    listing = work / "list.txt"
    listing.write_text("".join(f"{p}\n" for p in paths))
    limit = (resource.RLIMIT_AS, (MAX_MEMORY_BYTES * 4,) * 2)
    run = subprocess.run(
        [voxlift, "inspect", "--list", str(listing), "--npy-dir", str(work)],
        capture_output=True, timeout=900,
        preexec_fn=lambda: resource.setrlimit(*limit))
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    # GDCM's copies of libjpeg print these themselves.
    noise = [line for line in run.stderr.decode(errors="replace").splitlines()
             if line not in ("Unsupported JPEG data precision 12",
                             "Invalid SOS parameters for sequential JPEG")]
    for line in noise[:5]:
        print(f"  on standard error: {line}")
    return answers, run.returncode, bool(noise)


def compare_folder(voxlift, folder, work, verdicts):
    paths = list(scans_below(folder))
    answers, code, noisy = inspect(voxlift, paths, work)
    wrong = []
    if code != 0 or noisy or len(answers) != len(paths):
        wrong.append(f"voxlift ended with {code} after {len(answers)} of "
                     f"{len(paths)} files")
    num_read = num_compared = 0
    for number, (path, ours) in enumerate(zip(paths, answers)):
        num_read += ours["read"]
        wanted = verdicts.get(path)
        if wanted == "accept" and "members for part" in ours.get("error", ""):
            wanted = None  # Read by its parts, in compare_members().
        if wanted and ours["read"] != (wanted == "accept"):
            wrong.append(f"{path}: want {wanted}: {ours.get('error', 'read')}")
        if not ours["read"]:
            if "\n" in ours["error"] or path.name not in ours["error"]:
                wrong.append(f"{path}: {ours['error']!r} is not one line "
                             "naming the file")
            continue
        npy_file = work / f"{number:05}.npy"
        try:
            reference = READERS[ours["format"]](path)
        except Exception as error:  # Whatever the other reader dislikes.
            print(f"  not compared: {path.relative_to(folder.parent)}: "
                  f"{type(error).__name__}: {str(error).splitlines()[:1]}")
            continue
        finally:
            voxels = np.load(npy_file)
            npy_file.unlink()
        num_compared += 1
        differs = difference(ours, voxels, reference)
        if differs:
            wrong.append(f"{path}: {differs}")
    print(f"{folder.name}: {len(paths)} files, {num_read} read, "
          f"{len(answers) - num_read} refused, {num_compared} compared, "
          f"{len(wrong)} wrong")
    for line in wrong:
        print(f"  {line}")
    return np.array([len(paths), num_read, len(answers) - num_read,
                     num_compared, len(wrong)])


def compare_members(voxlift, data, work):
    """Members of archives, and one frame out of four axes, by --part."""
    compared = wrong = 0
    for path in sorted(data.rglob("*.npz")):
        try:
            archive = np.load(path, allow_pickle=False)
            members = [(n, archive[n]) for n in archive.files
                       if not n.startswith("train")
                       and archive.files.count(n) == 1]
        except Exception:  # Damaged on purpose.
            continue
        for name, array in members:
            if array.ndim not in (3, 4) or array.dtype.kind not in "biuf":
                continue
            middle = array.shape[0] // 2
            out = work / "member.npy"
            command = [voxlift, "inspect", str(path), "--part", name, "--npy",
                       str(out)]
            if array.ndim == 4:
                command += ["--position", str(middle)]
                array = array[middle]
            run = subprocess.run(command, capture_output=True, timeout=300)
            same = run.returncode == 0 and np.array_equal(
                np.load(out), array.astype(np.float32))
            compared += 1
            wrong += not same
            if not same:
                print(f"  {path} {name}: {run.stderr.decode().strip()}")
    print(f"members of .npz: {compared} compared, {wrong} wrong")
    return np.array([0, 0, 0, compared, wrong])


def main():
    voxlift, data, work = sys.argv[1], *map(pathlib.Path, sys.argv[2:])
    verdicts = expected_verdicts(data / "malformed")
    total = sum(compare_folder(voxlift, data / folder, work, verdicts)
                for folder in FOLDERS)
    total += compare_members(voxlift, data, work)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    print(f"largest memory: {peak / 1e6:.0f} MB")
    total[4] += peak > MAX_MEMORY_BYTES
    print("formats: {} files, {} read, {} refused, {} compared, "
          "{} disagree".format(*total))
    sys.exit(1 if total[4] else 0)


main()
