"""Random 3D patches of one packed CT: voxlift, h5py on the same file, nibabel
on the same voxels as .nii.gz. Alternating rounds in one run; prints patches/s
and the median ratios of the rounds.

    patch_peers.py VOXLIFT PACKED_DIR NII_GZ [ROUNDS]
"""
import json
import statistics
import subprocess
import sys
import time

import h5py
import nibabel
import numpy as np

PATCHES = {48: 60, 96: 20}


def ours(voxlift, packed, size, workers, seed):
    out = subprocess.run(
        [voxlift, "bench", "data.patch", "--data", packed, "--sizes", str(size),
         "--workers", str(workers), "--rounds", "1", "--round-patches",
         str(4 * PATCHES[size]), "--seed", str(seed)],
        check=True, capture_output=True, text=True).stdout
    return json.loads(out)["median"]


def draw(rng, shape, size):
    start = [int(rng.integers(0, side - size + 1)) for side in shape]
    return tuple(slice(s, s + size) for s in start)


def peer_h5py(dataset, size, seed):
    rng = np.random.default_rng(seed)
    begin = time.perf_counter()
    for _ in range(PATCHES[size]):
        dataset[draw(rng, dataset.shape, size)].astype(np.float32)
    return PATCHES[size] / (time.perf_counter() - begin)


def peer_nibabel(path, size, seed):
    rng = np.random.default_rng(seed)
    begin = time.perf_counter()
    for _ in range(2):
        image = nibabel.load(path)
        np.asarray(image.dataobj[draw(rng, image.shape, size)], np.float32)
    return 2 / (time.perf_counter() - begin)


def main():
    voxlift, packed, nii_gz = sys.argv[1:4]
    rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 7
    with h5py.File(packed + "/shard-00000.h5", "r") as shard:
        dataset = shard["image/00000000"]
        print(f"CT of {dataset.shape}, {dataset.dtype}, chunks {dataset.chunks}")
        worst = {}
        for size in PATCHES:
            rates = {"voxlift 1": [], "h5py": [], "voxlift 2": [], "nii.gz": []}
            for i in range(rounds):
                rates["voxlift 1"].append(ours(voxlift, packed, size, 1, i))
                rates["h5py"].append(peer_h5py(dataset, size, i))
                rates["voxlift 2"].append(ours(voxlift, packed, size, 2, i))
                rates["nii.gz"].append(peer_nibabel(nii_gz, size, i))
            for name, values in rates.items():
                print(f"{size}^3  {name:10s} {statistics.median(values):9.1f} patches/s")
            for mine in ("voxlift 1", "voxlift 2"):
                for peer in ("h5py", "nii.gz"):
                    ratio = statistics.median(
                        a / b for a, b in zip(rates[mine], rates[peer]))
                    print(f"{size}^3  {mine} worker(s) / {peer}: {ratio:.2f}")
                    worst[mine, peer] = min(ratio, worst.get((mine, peer), ratio))
    print("patch_rate: " + ", ".join(
        f"{mine} worker(s) >= {ratio:.2f} x {peer}"
        for (mine, peer), ratio in worst.items()))
    best = max(worst["voxlift 1", "h5py"], worst["voxlift 2", "h5py"])
    return 0 if best >= 5 and worst["voxlift 1", "nii.gz"] >= 20 else 1


sys.exit(main())
