"""Dice of predicted masks, at the scans' own voxels.

    mask_dice.py LIST FOLDER

LIST: a CSV with the column mask; FOLDER: masks that `voxlift predict` wrote, found by
the file's name. Prints the Dice of all voxels together: mean of the classes, then each.
"""
import csv
import pathlib
import sys

import nibabel as nib
import numpy as np

CLASSES = (1, 2)


def main():
    both, sizes = np.zeros(len(CLASSES)), np.zeros(len(CLASSES))
    with open(sys.argv[1], encoding="utf-8", newline="") as listing:
        for row in csv.DictReader(listing):
            truth = np.asarray(nib.load(row["mask"]).dataobj)
            name = pathlib.Path(row["mask"]).name
            found = np.asarray(nib.load(next(pathlib.Path(sys.argv[2]).rglob(name))).dataobj)
            for i, c in enumerate(CLASSES):
                both[i] += ((found == c) & (truth == c)).sum()
                sizes[i] += (found == c).sum() + (truth == c).sum()
    dice = 2 * both / sizes
    print(f"{dice.mean():.4f} (anterior {dice[0]:.3f}, posterior {dice[1]:.3f})")


main()
