"""Lists hippocampi for scripts/prove/finetune_real.sh.

    segmentation.py DATA OUT

DATA: hippocampus of the shared data. Writes OUT/train.csv and OUT/val.csv and prints
the mean Dice of an atlas, a segmentation that never looks at the image: at a voxel's
relative place in the scan, the class that the training masks have there most often, if
a share of them has any that is at least the threshold that does best on those masks.
"""
import pathlib
import sys

import nibabel as nib
import numpy as np

CLASSES = (1, 2)  # Anterior and posterior; 0 is background.
GRID = (36, 50, 36)
THRESHOLDS = np.arange(0.1, 0.65, 0.05)


def stretched(volume, shape):
    """volume (D, H, W, ...) with the nearest voxels of another grid."""
    for axis, side in enumerate(shape):
        places = (np.arange(side) + 0.5) * volume.shape[axis] / side
        volume = volume.take(places.astype(int), axis)
    return volume


def list_part(data, name, out):
    """Writes the part's list; its masks, (D, H, W) each."""
    masks = []
    with open(out / f"{name}.csv", "w", encoding="utf-8") as listing:
        listing.write("image,mask\n")
        for path in sorted((data / name / "images").glob("*.nii.gz")):
            mask = data / name / "labels" / path.name
            masks.append(np.asarray(nib.load(mask).dataobj).T)
            listing.write(f"{path.resolve()},{mask.resolve()}\n")
    return masks


def mean_dice(atlas, threshold, masks):
    """Dice of all voxels together, as in `voxlift train`, mean of the classes."""
    both, sizes = np.zeros(len(CLASSES)), np.zeros(len(CLASSES))
    for mask in masks:
        shares = stretched(atlas, mask.shape)
        guess = np.where(shares.sum(-1) >= threshold, shares.argmax(-1) + 1, 0)
        for i, c in enumerate(CLASSES):
            both[i] += ((guess == c) & (mask == c)).sum()
            sizes[i] += (guess == c).sum() + (mask == c).sum()
    return (2 * both / sizes).mean()


def main():
    data, out = map(pathlib.Path, sys.argv[1:3])
    train, val = (list_part(data, name, out) for name in ("train", "val"))
    print(f"train: {len(train)} scans; val: {len(val)} scans", file=sys.stderr)
    masks = np.stack([stretched(mask, GRID) for mask in train])
    atlas = np.stack([(masks == c).mean(0) for c in CLASSES], -1)
    best = max(THRESHOLDS, key=lambda threshold: mean_dice(atlas, threshold, train))
    print(f"{mean_dice(atlas, best, val):.4f}")


main()
