"""Our metrics and sliding window against NumPy, SciPy and scikit-learn.

    metrics_agree.py PROGRAM FOLDER [CASES]

Writes random and degenerate inputs to FOLDER, asks PROGRAM (voxlift-agree) what
ours says about them, and compares with what is computed here. A check is a pair
of functions, cases() and expected(). Prints a line per check; exit code 1 where
one disagrees.
"""
import itertools

import numpy as np
from scipy import ndimage
from sklearn import metrics as sk

import agree_frame
from agree_frame import Check

TOLERANCE = 1e-9


# ---- masks: Dice, IoU, HD95, surface Dice, lesions, largest component

def random_mask(rng, shape, classes, share):
    smooth = ndimage.gaussian_filter(rng.random(shape), 1.0)
    foreground = smooth > np.quantile(smooth, 1.0 - share)
    return np.where(foreground, rng.integers(1, classes, shape), 0).astype(np.uint8)


def mask_cases(rng, count):
    for i in range(count):
        shape = tuple(rng.integers(1, 12, 3))
        classes = int(rng.integers(2, 5))
        share = rng.choice([0.0, 0.02, 0.2, 0.5, 1.0], 2)
        case = {"predicted": random_mask(rng, shape, classes, share[0]),
                "reference": random_mask(rng, shape, classes, share[1])}
        if i % 5 == 0:
            case["predicted"] = case["reference"].copy()
        if i % 7 == 0:
            case["reference"][rng.random(shape) < 0.2] = 255  # Ignored.
        case["spacing"] = rng.choice([0.5, 1.0, 2.5], 3)
        yield case, {"classes": classes, "tolerance_mm": float(rng.choice([0.0, 1.0, 2.0])),
                     "min_iou": float(rng.choice([0.1, 0.5]))}
    zeros = np.zeros((3, 4, 5), np.uint8)
    ones = np.ones((3, 4, 5), np.uint8)
    for a, b in itertools.product((zeros, ones), repeat=2):
        yield ({"predicted": a, "reference": b, "spacing": np.ones(3)},
               {"classes": 2, "tolerance_mm": 1.0, "min_iou": 0.5})


def surface(mask):
    return mask & ~ndimage.binary_erosion(mask, ndimage.generate_binary_structure(3, 1))


def surface_scores(p, r, spacing, tolerance):
    p, r = surface(p), surface(r)
    if not p.any() and not r.any():
        return 0.0, 1.0
    if not p.any() or not r.any():
        return None, 0.0
    forward = ndimage.distance_transform_edt(~r, spacing)[p]
    backward = ndimage.distance_transform_edt(~p, spacing)[r]
    near = (forward <= tolerance).sum() + (backward <= tolerance).sum()
    return (max(np.percentile(forward, 95), np.percentile(backward, 95)),
            near / (forward.size + backward.size))


def lesion_counts(p, r, min_iou):
    every = np.ones((3, 3, 3))
    lesions, n = ndimage.label(r, every)
    found, m = ndimage.label(p, every)
    pairs = []
    for i, j in set(zip(lesions[r & p], found[r & p])):
        both = ((lesions == i) & (found == j)).sum()
        pairs.append((both / ((lesions == i) | (found == j)).sum(), i, j))
    taken_i, taken_j = set(), set()
    for iou, i, j in sorted(pairs, key=lambda x: (-x[0], x[1], x[2])):
        if iou >= min_iou and i not in taken_i and j not in taken_j:
            taken_i.add(i)
            taken_j.add(j)
    return [n, len(taken_i), m - len(taken_i)]


def largest_component(p):
    labels, n = ndimage.label(p > 0)
    if n == 0:
        return p
    sizes = np.bincount(labels.ravel())[1:]
    return np.where(labels == 1 + sizes.argmax(), p, 0)


def mask_expected(case, given):
    p, r = case["predicted"], case["reference"]
    counted = r != 255
    classes = []
    for k in range(given["classes"]):
        pk, rk = (p == k) & counted, (r == k) & counted
        both, either = (pk & rk).sum(), (pk | rk).sum()
        total = pk.sum() + rk.sum()
        hd95, surface_dice = surface_scores(p == k, r == k, case["spacing"],
                                            given["tolerance_mm"])
        classes.append({"hd95": hd95, "surface_dice": surface_dice,
                        "dice": 2 * both / total if total else 1.0,
                        "iou": both / either if either else 1.0,
                        "counts": [both, pk.sum(), rk.sum()]})
    return {"classes": classes,
            "lesions": lesion_counts(p > 0, r > 0, given["min_iou"]),
            "largest": largest_component(p).ravel()}


# ---- roc: AUC with ties and one class, the decision, the best threshold

def roc_cases(rng, count):
    for i in range(count):
        n = int(rng.integers(1, 40))
        score = rng.random(n) if i % 2 else rng.integers(0, 4, n) / 4.0
        if i % 3 == 0:
            score[rng.random(n) < 0.2] = np.nan
        if i % 4 == 0:
            score[rng.random(n) < 0.1] = np.inf
        positive = rng.random(n) < rng.choice([0.0, 0.3, 0.5, 1.0])
        yield ({"score": score.astype(float), "positive": positive.astype(np.uint8)},
               {"threshold": float(rng.choice([0.25, 0.5, 0.9]))})


def share(part, whole):
    return part / whole if whole else None


def roc_expected(case, given):
    truth = case["positive"] > 0
    called = case["score"] > given["threshold"]
    # A score that is no number is the lowest; ranks keep what AUC looks at.
    score = np.unique(np.nan_to_num(case["score"], nan=-np.inf), return_inverse=True)[1]
    two = 0 < truth.sum() < truth.size
    hits, false_alarms = (called & truth).sum(), (called & ~truth).sum()
    answer = {"auc": sk.roc_auc_score(truth, score) if two else None,
              "accuracy": sk.accuracy_score(truth, called),
              "sensitivity": share(hits, truth.sum()),
              "specificity": share((~called & ~truth).sum(), (~truth).sum()),
              "precision": share(hits, called.sum()),
              "f1": share(2 * hits, hits + false_alarms + truth.sum())}
    if truth.any() and called.any():
        assert np.isclose(answer["f1"], sk.f1_score(truth, called))
        assert np.isclose(answer["precision"], sk.precision_score(truth, called))
        assert np.isclose(answer["sensitivity"], sk.recall_score(truth, called))
    return answer


def roc_extra(case, given, answer):
    """The best threshold reaches the best sensitivity + specificity of all."""
    truth = case["positive"] > 0
    if not 0 < truth.sum() < truth.size:
        return 0.0 if answer["best_threshold"] == 0.5 else np.inf
    score = np.nan_to_num(case["score"], nan=-np.inf, posinf=np.inf)
    fpr, tpr, _ = sk.roc_curve(truth, np.unique(score, return_inverse=True)[1],
                               drop_intermediate=False)
    threshold = answer["best_threshold"]
    called = score > (np.inf if threshold is None else threshold)
    reached = called[truth].mean() - called[~truth].mean()
    # Calling everybody positive is as good as nobody: 0.
    return abs(max(0.0, (tpr - fpr).max()) - reached)


# ---- quantile

def quantile_cases(rng, count):
    for i in range(count):
        n = int(rng.integers(1, 30))
        values = rng.normal(size=n) if i % 2 else rng.integers(0, 3, n).astype(float)
        yield {"values": values}, {"q": float(rng.choice([0.0, 0.025, 0.5, 0.95, 1.0]))}


def quantile_expected(case, given):
    return {"quantile": np.quantile(case["values"], given["q"])}


# ---- window: sliding windows, in float64

def window_cases(rng, count):
    for i in range(count):
        shape = rng.integers(1, 24, 3)
        window = rng.integers(1, 10, 3)
        stride = np.array([rng.integers(0, side + 1) for side in window])
        yield ({"image": rng.normal(size=shape).astype(np.float32),
                "window": window, "stride": stride},
               {"weights": ["count", "gaussian"][i % 2],
                "flips": str(rng.choice(["", "w", "dh", "dhw"])),
                "batch": int(rng.integers(1, 4)), "ranks": int(rng.integers(1, 5))})


def made_up_network(x):
    d, h, w = np.meshgrid(*[np.arange(n) for n in x.shape], indexing="ij")
    p = np.sin(0.37 * (25.0 * d + 5.0 * h + w)).astype(np.float32).astype(float)
    return np.stack([x * p, x + p])


def with_flips(x, flips):
    axes = ["dhw".index(f) for f in flips]
    scores = []
    for n in range(len(axes) + 1):
        for subset in itertools.combinations(axes, n):
            there = made_up_network(np.flip(x, subset))
            scores.append(np.flip(there, tuple(a + 1 for a in subset)))
    return np.mean(scores, axis=0)


def starts(size, window, stride):
    if size <= window:
        return [(size - window) // 2]
    return [min(i * stride, size - window)
            for i in range(-(-(size - window) // stride) + 1)]


def weight_of(kind, window):
    axes = []
    for side in window:
        far = (np.arange(side) - (side - 1) / 2) / (side / 8)
        axes.append(np.maximum(np.exp(-0.5 * far**2), 1e-3) if kind == "gaussian"
                    else np.ones(side))
    return axes[0][:, None, None] * axes[1][:, None] * axes[2]


def window_expected(case, given):
    image, window = case["image"].astype(float), case["window"]
    stride = np.where(case["stride"] == 0, np.maximum(1, window // 2), case["stride"])
    margin = int(window.max())
    padded = np.pad(image, margin)
    total = np.zeros((2,) + padded.shape)
    weights = np.zeros(padded.shape)
    weight = weight_of(given["weights"], window)
    for corner in itertools.product(*map(starts, image.shape, window, stride)):
        at = tuple(slice(c + margin, c + margin + side) for c, side in zip(corner, window))
        total[(slice(None),) + at] += with_flips(padded[at], given["flips"]) * weight
        weights[at] += weight
    inside = tuple(slice(margin, margin + n) for n in image.shape)
    mean = total[(slice(None),) + inside] / weights[inside]
    return {"scores": mean.ravel()}


agree_frame.main({
    "masks": Check("masks", mask_cases, mask_expected, TOLERANCE),
    "roc": Check("roc", roc_cases, roc_expected, TOLERANCE, roc_extra),
    "quantile": Check("quantile", quantile_cases, quantile_expected, TOLERANCE),
    "window": Check("window", window_cases, window_expected, 2e-5),  # Ours is float32.
})
