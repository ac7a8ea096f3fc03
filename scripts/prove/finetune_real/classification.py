"""Lists adrenal glands for scripts/prove/finetune_real.sh.

    classification.py DATA OUT

DATA: adrenalmnist3d_64 of the shared data (binary shapes, normal or with
hyperplasia or mass). Writes each gland as OUT/SPLIT/NNNN.npy and OUT/SPLIT.csv, the
published parts train and val (split by patient), and prints the accuracy of always
naming the more frequent class.
"""
import pathlib
import sys

import numpy as np

CLASSES = ("normal", "abnormal")


def write_part(name, images, labels, out):
    (out / name).mkdir(parents=True)
    with open(out / f"{name}.csv", "w", encoding="utf-8") as listing:
        listing.write("image,label\n")
        for i, (image, label) in enumerate(zip(images, labels)):
            np.save(out / name / f"{i:04d}.npy", image)
            listing.write(f"{name}/{i:04d}.npy,{CLASSES[label]}\n")


def main():
    data, out = map(pathlib.Path, sys.argv[1:3])
    with np.load(data / "adrenalmnist3d_64_trainval.npz") as arrays:
        for name in ("train", "val"):
            labels = arrays[f"{name}_labels"].ravel()
            write_part(name, arrays[f"{name}_images"], labels, out)
            print(f"{name}: {len(labels)} glands, {(labels == 1).sum()} abnormal", file=sys.stderr)
    print(f"{np.bincount(labels).max() / len(labels):.4f}")


main()
