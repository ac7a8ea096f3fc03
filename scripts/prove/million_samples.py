"""Writes a huge data set in the documented format with h5py, then measures how
voxlift starts on it. See million_samples.sh."""
import json
import os
import subprocess
import sys

import h5py
import numpy as np

SHARDS = 64


def crc32c_table():
    table = []
    for i in range(256):
        for _ in range(8):
            i = (i >> 1) ^ (0x82F63B78 if i & 1 else 0)
        table.append(i)
    return table


TABLE = crc32c_table()


def eight_tables():
    tables = [np.array(TABLE, np.uint64)]
    for _ in range(7):
        last = tables[-1]
        tables.append((last >> 8) ^ tables[0][(last & 0xFF).astype(int)])
    return [t.tolist() for t in tables]


TABLES = eight_tables()


def crc32c(data):
    """Eight bytes at a time."""
    crc = 0xFFFFFFFF
    t0, t1, t2, t3, t4, t5, t6, t7 = TABLES
    end = len(data) // 8 * 8
    for word in np.frombuffer(data[:end], "<u8").tolist():
        word ^= crc
        crc = (t7[word & 255] ^ t6[word >> 8 & 255] ^ t5[word >> 16 & 255]
               ^ t4[word >> 24 & 255] ^ t3[word >> 32 & 255]
               ^ t2[word >> 40 & 255] ^ t1[word >> 48 & 255] ^ t0[word >> 56])
    for byte in data[end:]:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def main():
    voxlift, work, samples = sys.argv[1], sys.argv[2], int(sys.argv[3])
    subprocess.run([voxlift, "synth", "photos", "--out", work + "/photos",
                    "--classes", "4", "--train-per-class", "8",
                    "--val-per-class", "1", "--size", "96"],
                   check=True, stdout=subprocess.DEVNULL)
    subprocess.run([voxlift, "pack", "--source", work + "/photos", "--layout",
                    "imagenet", "--out", work + "/few"],
                   check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    with h5py.File(work + "/few/shard-00000.h5") as shard:
        few = {name: shard[name][:] for name in
               ("bytes", "offset", "length", "label", "crc32c")}
    out = work + "/many"
    os.mkdir(out)
    shards, counts = [], np.zeros(4, np.int64)
    bounds = np.linspace(0, samples, SHARDS + 1).astype(np.int64)
    for k in range(SHARDS):
        pick = np.arange(bounds[k], bounds[k + 1]) % len(few["offset"])
        names = [b"train/n%08d/n%08d_%06d.JPEG" % (i % 1000, i % 1000, i)
                 for i in range(bounds[k], bounds[k + 1])]
        arrays = {name: few[name][pick] for name in
                  ("offset", "length", "label", "crc32c")}
        counts += np.bincount(arrays["label"], minlength=4)
        raw = b"".join(array.tobytes() for array in arrays.values())
        raw += b"".join(name + b"\0" for name in names)
        path = f"{out}/shard-{k:05d}.h5"
        with h5py.File(path, "w", libver=("v108", "v108")) as shard:
            shard.attrs["format"] = np.bytes_("voxlift-shard")
            shard.attrs["version"] = np.int64(1)
            shard.attrs["modality"] = np.bytes_("photograph")
            shard.attrs["plan_digest"] = np.bytes_("0" * 16)
            shard["bytes"] = few["bytes"]
            for name, array in arrays.items():
                shard[name] = array
            width = max(map(len, names))
            shard["id"] = np.array(names, f"S{width}")
            crc = np.uint32(crc32c(raw))
            shard.attrs["index_crc32c"] = crc
        shards.append({"file": os.path.basename(path),
                       "num_samples": int(bounds[k + 1] - bounds[k]),
                       "bytes": len(few["bytes"]), "index_crc32c": int(crc)})
    with open(out + "/index.json", "w", encoding="utf-8") as file:
        json.dump({"format": "voxlift-index", "version": 1,
                   "modality": "photograph", "num_samples": samples,
                   "plan_digest": "0" * 16, "classes": list("abcd"),
                   "samples_per_class": counts.tolist(), "shards": shards}, file)
    line = subprocess.run([voxlift, "bench", "data.start", "--data", out],
                          check=True, capture_output=True, text=True).stdout
    figure = json.loads(line)
    print(json.dumps(figure, indent=1))
    good = (figure["assign_s"] < 1 and figure["assignment_bytes"] < 100e6
            and figure["first_batch_s"] < 2)
    print(f"million_samples: {samples} samples, opened in {figure['open_s']:.2f} s,"
          f" assigned in {figure['assign_s']:.2f} s and"
          f" {figure['assignment_bytes'] / 1e6:.1f} MB, first batch after"
          f" {figure['first_batch_s']:.2f} s,"
          f" {figure['index_bytes_per_sample']:.0f} B a sample")
    return 0 if good else 1


sys.exit(main())
