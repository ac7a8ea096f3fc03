"""Lists key slices of brain scans with lesions, for scripts/prove/finetune_real.sh.

    detection.py DATA OUT

DATA: lgg_flair of the shared data. For every scan up to KEYS slices, evenly
spaced among those with lesion; boxes of the lesion's parts on that slice with at
least MIN_VOXELS. Writes OUT/train.json and OUT/val.json, split by patient, and
prints the mean sensitivity of a trivial detector: constant boxes.
"""
import json
import pathlib
import sys

import nibabel as nib
import numpy as np
from scipy import ndimage

KEYS = 12
MIN_VOXELS = 40
VAL_EVERY = 3


def boxes_on(mask, d):
    """(low, high) per connected part of slice d, in (d, h, w)."""
    parts, _ = ndimage.label(mask[d])
    for i, (rows, columns) in enumerate(ndimage.find_objects(parts), 1):
        if (parts[rows, columns] == i).sum() >= MIN_VOXELS:
            yield [d, rows.start, columns.start], [d + 1, rows.stop, columns.stop]


def key_slices(mask):
    with_lesion = [d for d in range(len(mask)) if list(boxes_on(mask, d))]
    picks = np.linspace(0, len(with_lesion) - 1, min(KEYS, len(with_lesion)))
    return [with_lesion[int(round(i))] for i in picks]


def scans_of(path, labels):
    # NIfTI's x, y, z become width, height, depth.
    mask = np.asarray(nib.load(labels / path.name).dataobj).T > 0
    for d in key_slices(mask):
        yield {"image": str(path), "label": "brain", "subject": path.name,
               "key_slice": d,
               "boxes": [{"low": low, "high": high, "class": "lesion"}
                         for low, high in boxes_on(mask, d)]}


def edges(scan):
    return [box["low"][1:] + box["high"][1:] for box in scan["boxes"]]


def iou(a, b):
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    both = np.prod(np.clip(high - low, 0, None))
    return both / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - both)


def hits_of(box, scans):
    """Pairs (slice, box of it) that `box` hits, the same on every slice."""
    return {(i, k) for i, scan in enumerate(scans) for k, truth in enumerate(edges(scan))
            if iou(np.array(box), np.array(truth)) >= 0.5}


def trivial(train, val):
    """Mean sensitivity at 0.5, 1, 2 and 4 false positives a slice of constant
    boxes: those of the training slices that hit most of them, one after the other."""
    candidates = {tuple(box): hits_of(box, train) for scan in train for box in edges(scan)}
    total = sum(len(edges(scan)) for scan in val)
    taken, hit, false_positives, curve = set(), set(), 0, [(0.0, 0.0)]
    while candidates and false_positives <= 4 * len(val):
        best = max(candidates, key=lambda box: len(candidates[box] - taken))
        taken |= candidates.pop(best)
        found = hits_of(best, val)
        hit |= found
        false_positives += len(val) - len({i for i, _ in found})
        curve.append((false_positives / len(val), len(hit) / total))
    return np.mean([max(s for fp, s in curve if fp <= rate) for rate in (0.5, 1, 2, 4)])


def main():
    data, out = map(pathlib.Path, sys.argv[1:3])
    parts = {"train": [], "val": []}
    for i, path in enumerate(sorted((data / "images").glob("*.nii.gz"))):
        part = "val" if i % VAL_EVERY == VAL_EVERY - 1 else "train"
        parts[part] += scans_of(path, data / "labels")
    for name, scans in parts.items():
        (out / f"{name}.json").write_text(json.dumps(scans))
        boxes = sum(len(scan["boxes"]) for scan in scans)
        print(f"{name}: {len({s['image'] for s in scans})} patients, "
              f"{len(scans)} slices, {boxes} boxes", file=sys.stderr)
    print(f"{trivial(parts['train'], parts['val']):.4f}")


main()
