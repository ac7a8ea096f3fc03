"""Reads voxlift's shards and writes shards with h5py, by docs/shard_format.md
alone. See h5py_interop.sh."""
import json
import os
import sys

import h5py
import numpy as np

TABLE = []
for i in range(256):
    for _ in range(8):
        i = (i >> 1) ^ (0x82F63B78 if i & 1 else 0)
    TABLE.append(i)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def load_index(folder):
    with open(folder + "/index.json", encoding="utf-8") as file:
        return json.load(file)


def shards_of(folder):
    for entry in load_index(folder)["shards"]:
        yield h5py.File(f"{folder}/{entry['file']}", "r")


def read_all(work):
    count = 0
    for shard in shards_of(work + "/plain"):
        for name, begin, length in zip(shard["id"].asstr()[:], shard["offset"][:],
                                       shard["length"][:]):
            with open(f"{work}/photos/{name}", "rb") as file:
                assert file.read() == shard["bytes"][begin:begin + length].tobytes()
            count += 1
    print(f"{count} photographs: the bytes of the files")
    import nibabel
    count = 0
    for shard in shards_of(work + "/volumes"):
        for i, name in enumerate(shard["id"].asstr()[:]):
            image = nibabel.load(f"{work}/scans/{name}")
            voxels = np.asarray(image.dataobj).transpose(2, 1, 0)
            assert np.array_equal(shard[f"image/{i:08d}"][:], voxels), name
            count += 1
    print(f"{count} scans: the voxels that nibabel reads")


def write_header(shard, modality, version):
    shard.attrs["format"] = np.bytes_("voxlift-shard")
    shard.attrs["version"] = np.int64(version)
    shard.attrs["modality"] = np.bytes_(modality)
    shard.attrs["plan_digest"] = np.bytes_("0123456789abcdef")


def write_index(out, modality, version, shard, stored_bytes, labels, more):
    os.makedirs(out, exist_ok=True)
    with open(out + "/index.json", "w", encoding="utf-8") as file:
        json.dump({"format": "voxlift-index", "version": version,
                   "modality": modality, "num_samples": len(labels),
                   "plan_digest": "0123456789abcdef", "classes": ["a", "b"],
                   "samples_per_class": np.bincount(labels, minlength=2).tolist(),
                   "shards": [{"file": "shard-00000.h5",
                               "num_samples": len(labels), "bytes": stored_bytes,
                               "index_crc32c": int(shard)}], **more}, file)


def names_array(names):
    return np.array([name.encode() for name in names],
                    f"S{max(1, max(map(len, names)))}")


def write_photos(work):
    out = work + "/photos_by_h5py"
    os.makedirs(out)
    files = []
    for folder, _, names in sorted(os.walk(work + "/photos/train")):
        files += [os.path.join(folder, name) for name in sorted(names)][:3]
    blobs = [open(path, "rb").read() for path in files]
    arrays = {
        "offset": np.cumsum([0] + [len(b) for b in blobs[:-1]]).astype(np.int64),
        "length": np.array([len(b) for b in blobs], np.int64),
        "label": np.arange(len(blobs), dtype=np.int64) % 2,
        "crc32c": np.array([crc32c(b) for b in blobs], np.uint32),
    }
    raw = b"".join(array.tobytes() for array in arrays.values())
    raw += b"".join(path.encode() + b"\0" for path in files)
    with h5py.File(out + "/shard-00000.h5", "w", libver=("v108", "v108")) as shard:
        write_header(shard, "photograph", 1)
        shard["bytes"] = np.frombuffer(b"".join(blobs), np.uint8)
        for name, array in arrays.items():
            shard[name] = array
        shard["id"] = names_array(files)
        shard.attrs["index_crc32c"] = np.uint32(crc32c(raw))
        write_index(out, "photograph", 1, shard.attrs["index_crc32c"],
                    len(shard["bytes"]), arrays["label"], {})


def chunk_starts(shape, chunk):
    return [(d, h, w) for d in range(0, shape[0], chunk[0])
            for h in range(0, shape[1], chunk[1])
            for w in range(0, shape[2], chunk[2])]


def write_volumes(work):
    out = work + "/volumes_by_h5py"
    os.makedirs(out)
    rng = np.random.default_rng(1)
    scans = [rng.integers(-1000, 2000, shape).astype(np.int16)
             for shape in ((20, 33, 17), (5, 8, 40))]
    masks = [(scan > 1500).astype(np.uint8) for scan in scans]
    count = len(scans)
    arrays = {
        "label": np.arange(count, dtype=np.int64),
        "storage": np.full(count, 1, np.int64),
        "shape": np.array([scan.shape for scan in scans], np.int64),
        "chunk": np.array([np.minimum(scan.shape, (12, 16, 20)) for scan in scans],
                          np.int64),
        "spacing_mm": np.full((count, 3), 1.5),
        "affine": np.tile([0, 0, 1.5, 0, 0, 1.5, 0, 0, 1.5, 0, 0, 0.0], (count, 1)),
        "moments": np.array([[s.mean(), s.std(), s.min(), s.max()] for s in scans]),
        "key_slice": np.full(count, -1, np.int64),
        "num_boxes": np.array([1, 0], np.int64),
        "box": np.array([[1, 2, 3, 4, 5, 6.0]]),
        "box_label": np.array([0], np.int64),
    }
    names, subjects = ["case0", "case1"], ["anna", "bert"]
    path = out + "/shard-00000.h5"
    with h5py.File(path, "w", libver=("v110", "v110")) as shard:
        write_header(shard, "volume", 2)
        shard.attrs["has_mask"] = np.int64(1)
        for kind, volumes in (("image", scans), ("mask", masks)):
            for i, volume in enumerate(volumes):
                shard.create_dataset(f"{kind}/{i:08d}", data=volume,
                                     chunks=tuple(arrays["chunk"][i]),
                                     shuffle=True, compression="gzip")
    with h5py.File(path, "r+", libver=("v110", "v110")) as shard, open(path, "rb") as file:
        for kind, volumes in (("image", scans), ("mask", masks)):
            table = {"offset": [], "length": [], "crc32c": [], "foreground": []}
            for i, volume in enumerate(volumes):
                dataset = shard[f"{kind}/{i:08d}"]
                for start in chunk_starts(volume.shape, dataset.chunks):
                    place = dataset.id.get_chunk_info_by_coord(start)
                    file.seek(place.byte_offset)
                    table["offset"].append(place.byte_offset)
                    table["length"].append(place.size)
                    table["crc32c"].append(crc32c(file.read(place.size)))
                    part = tuple(slice(s, s + c) for s, c in zip(start, dataset.chunks))
                    table["foreground"].append(int((volume[part] > 0).sum()))
            arrays[kind + "_offset"] = np.array(table["offset"], np.int64)
            arrays[kind + "_length"] = np.array(table["length"], np.int64)
            arrays[kind + "_crc32c"] = np.array(table["crc32c"], np.uint32)
            if kind == "mask":
                arrays["mask_foreground"] = np.array(table["foreground"], np.int64)
        raw = b"".join(array.tobytes() for array in arrays.values())
        raw += b"".join(name.encode() + b"\0" for name in names + subjects)
        for name, array in arrays.items():
            shard[name] = array
        shard["id"] = names_array(names)
        shard["subject"] = names_array(subjects)
        shard.attrs["index_crc32c"] = np.uint32(crc32c(raw))
        stored = int(arrays["image_length"].sum() + arrays["mask_length"].sum())
        write_index(out, "volume", 2, shard.attrs["index_crc32c"], stored,
                    arrays["label"], {"mask_classes": ["background", "bright"],
                                      "box_classes": ["thing"], "recipe": ""})


if sys.argv[1] == "read":
    read_all(sys.argv[2])
else:
    write_photos(sys.argv[2])
    write_volumes(sys.argv[2])
