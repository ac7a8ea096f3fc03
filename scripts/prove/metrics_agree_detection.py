"""Our detection against torchvision, PyTorch and NumPy.

    metrics_agree_detection.py PROGRAM FOLDER [CASES]

Boxes, NMS, RoIAlign with its gradient, losses with theirs, FROC and average
precision: random and degenerate inputs (no boxes, boxes without area, ties, NaN
scores, pictures without lesions). Writes the inputs to FOLDER, asks PROGRAM
(voxlift-agree), compares. Prints a line per check; exit code 1 where one
disagrees.
"""
import numpy as np
import torch
import torchvision.ops as ops

import agree_frame
from agree_frame import Check

NAN = float("nan")


def random_boxes(rng, count, side=64.0):
    low = rng.random((count, 2)) * side
    high = low + rng.random((count, 2)) * side / 2 * rng.choice([0.0, 0.3, 1.0], (count, 1))
    return np.concatenate([low, high], 1)


# ---- boxes

def boxes_cases(rng, count):
    for i in range(count):
        n, m = rng.integers(0, 12, 2)
        boxes, others = random_boxes(rng, n), random_boxes(rng, m)
        if i % 3 == 0 and n and m:
            others[0] = boxes[0]
        yield {"boxes": boxes, "others": others}, {}


def boxes_expected(case, given):
    boxes, others = torch.tensor(case["boxes"]), torch.tensor(case["others"])
    # Two boxes without area have no overlap: 0, where torchvision says NaN.
    iou = ops.box_iou(boxes, others).nan_to_num(0.0)
    low = torch.max(boxes[:, None, :2], others[:, :2])
    high = torch.min(boxes[:, None, 2:], others[:, 2:])
    both = (high - low).clamp(min=0).prod(2)
    iobb = (both / ops.box_area(boxes)[:, None]).nan_to_num(0.0)
    return {"iou": iou.flatten(), "iobb": iobb.flatten()}


# ---- nms

def nms_cases(rng, count):
    for i in range(count):
        n = int(rng.integers(0, 40))
        # Powers of two: torchvision and we compute the same float32 numbers.
        boxes = np.round(random_boxes(rng, n) * 4) / 4
        scores = rng.permutation(n) / 64.0
        if i % 3 == 0 and n:
            scores[rng.random(n) < 0.3] = NAN
        if i % 4 == 0 and n > 2:
            boxes[1] = boxes[0]
        groups = rng.integers(0, 3, n) if i % 2 else np.zeros(n)
        yield ({"boxes": boxes, "scores": scores, "groups": groups.astype(float)},
               {"max_iou": float(rng.choice([0.0, 0.3, 0.5, 0.7, 1.0]))})


def nms_expected(case, given):
    rows = np.flatnonzero(~np.isnan(case["scores"]))
    kept = ops.batched_nms(torch.tensor(case["boxes"][rows], dtype=torch.float32),
                           torch.tensor(case["scores"][rows], dtype=torch.float32),
                           torch.tensor(case["groups"][rows], dtype=torch.int64),
                           given["max_iou"])
    return {"kept": rows[kept.numpy()]}


def ties_cases(rng, count):
    for _ in range(count):
        n = int(rng.integers(0, 30))
        yield ({"boxes": np.round(random_boxes(rng, n)), "groups": np.zeros(n),
                "scores": rng.integers(0, 3, n) / 4.0}, {"max_iou": 0.5})


def ties_expected(case, given):
    """Of equal scores the earlier box comes first."""
    boxes = case["boxes"].astype(np.float32)
    overlap = ops.box_iou(*[torch.tensor(boxes)] * 2).numpy()
    kept = []
    for row in np.argsort(-case["scores"], kind="stable"):
        if not any(overlap[row, better] > given["max_iou"] for better in kept):
            kept.append(row)
    return {"kept": np.array(kept)}


# ---- roi_align

def roi_align_cases(rng, count):
    for i in range(count):
        n, c = rng.integers(1, 4, 2)
        h, w = rng.integers(1, 20, 2)
        scale = float(rng.choice([0.25, 0.5, 1.0]))
        r, size = int(rng.integers(0, 8)), int(rng.choice([1, 3, 7]))
        rois = np.concatenate([rng.integers(0, n, (r, 1)),
                               random_boxes(rng, r, 16.0 / scale) - 2.0 / scale], 1)
        yield ({"features": rng.normal(size=(n, c, h, w)), "rois": rois.reshape(r, 5),
                "weight": rng.normal(size=(r, c, size, size))},
               {"size": size, "scale": scale, "samples": int(rng.choice([0, 1, 2]))})


def roi_align_expected(case, given):
    features = torch.tensor(case["features"], dtype=torch.float32, requires_grad=True)
    out = ops.roi_align(features, torch.tensor(case["rois"], dtype=torch.float32),
                        given["size"], given["scale"], given["samples"], aligned=True)
    (out * torch.tensor(case["weight"], dtype=torch.float32)).sum().backward()
    return {"out": out.detach().flatten(), "gradient": features.grad.flatten()}


# ---- box_losses

def box_losses_cases(rng, count):
    for i in range(count):
        n = int(rng.integers(0, 20))
        scale = rng.choice([0.1, 1.0, 30.0])
        yield ({"logits": rng.normal(size=n) * scale,
                "targets": rng.integers(0, 2, n).astype(float)},
               {"beta": float(rng.choice([1 / 9, 1.0])), "alpha": float(rng.random()),
                "gamma": float(rng.choice([0.0, 1.0, 2.0]))})


def box_losses_expected(case, given):
    logits = torch.tensor(case["logits"], requires_grad=True)
    targets = torch.tensor(case["targets"])
    functional = torch.nn.functional
    losses = {
        "smooth_l1": functional.smooth_l1_loss(logits, targets, reduction="sum",
                                               beta=given["beta"]),
        "bce": functional.binary_cross_entropy_with_logits(logits, targets, reduction="sum"),
        "focal": ops.sigmoid_focal_loss(logits, targets, given["alpha"], given["gamma"],
                                        reduction="sum")}
    answer = {}
    for name, loss in losses.items():
        answer[name] = loss.item()
        answer[name + "_gradient"] = torch.autograd.grad(loss, logits)[0]
    return answer


# ---- detections: FROC and average precision

def detections_cases(rng, count):
    for i in range(count):
        images, classes = int(rng.integers(1, 6)), int(rng.choice([1, 1, 3]))
        truth, found = [], []
        for image in range(images):
            for box in random_boxes(rng, int(rng.integers(0, 4)), 24.0):
                truth.append([image, *box, rng.integers(0, classes)])
            for box in random_boxes(rng, int(rng.integers(0, 9)), 24.0):
                found.append([image, *box, rng.random(), rng.integers(0, classes)])
        for row in truth:  # Some of what is there is found, about.
            if rng.random() < 0.6:
                found.append([row[0], *(np.array(row[1:5]) + rng.normal(size=4) * 0.5),
                              rng.random(), row[5]])
        truth = np.array(truth, float).reshape(-1, 6)
        found = rng.permutation(np.array(found, float).reshape(-1, 7))
        if i % 3 == 0:
            found[:, 5] = np.round(found[:, 5] * 3) / 3  # Ties.
        if i % 4 == 0:
            found[rng.random(len(found)) < 0.2, 5] = NAN
        if i % 11 == 0:
            truth = truth[:0]
        if i % 13 == 0:
            found = found[:0]
        yield ({"truth": truth, "found": found},
               {"images": images, "classes": classes,
                "overlap": str(rng.choice(["iou", "iobb"])),
                "min_overlap": float(rng.choice([0.3, 0.5])),
                "max_per_image": int(rng.choice([3, 100]))})


def overlap_matrix(found, truth, kind="iou"):
    if not len(found) or not len(truth):
        return np.zeros((len(found), len(truth)))
    low = np.maximum(found[:, None, :2], truth[None, :, :2])
    high = np.minimum(found[:, None, 2:], truth[None, :, 2:])
    both = np.clip(high - low, 0, None).prod(2)

    def area(boxes):
        return np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(1)
    whole = (area(found)[:, None] + area(truth) - both if kind == "iou"
             else np.broadcast_to(area(found)[:, None], both.shape))
    return np.where(both > 0, both / np.where(whole > 0, whole, 1), 0)


def by_image(case, given, label):
    """Per image its true boxes, and what was found there by falling score."""
    truth = case["truth"][case["truth"][:, 5] == label]
    found = case["found"][case["found"][:, 6] == label]
    found = found[~np.isnan(found[:, 5])]
    for image in range(given["images"]):
        own = found[found[:, 0] == image]
        own = own[np.argsort(-own[:, 5], kind="stable")]
        yield truth[truth[:, 0] == image][:, 1:5], own[:, 1:5], own[:, 5]


def froc(images, given, rates):
    """Sensitivity while the false positives are at most rate x images."""
    events, total = [], 0
    for image, (truth, found, score) in enumerate(images):
        total += len(truth)
        overlap = overlap_matrix(found, truth, given["overlap"])
        for k in range(len(found)):
            events.append((-score[k], image, k, set(np.flatnonzero(
                overlap[k] >= given["min_overlap"]))))
    events.sort(key=lambda e: e[:3])
    hit, false_positives, curve = set(), 0, []
    for _, image, _, matched in events:
        hit |= {(image, lesion) for lesion in matched}
        false_positives += not matched
        curve.append((false_positives, len(hit)))
    return [max([h for fp, h in curve if fp <= rate * given["images"]], default=0)
            / total for rate in rates]


def average_precision(images, least, most):
    ranked, total = [], 0
    for image, (truth, found, score) in enumerate(images):
        total += len(truth)
        overlap = overlap_matrix(found, truth)
        taken = set()
        for k in range(min(len(found), most)):
            free = [t for t in range(len(truth)) if t not in taken and overlap[k, t] >= least]
            best = max(free, key=lambda t: (overlap[k, t], -t), default=None)
            taken.add(best)
            ranked.append((-score[k], image, k, best is not None))
    ranked.sort(key=lambda r: r[:3])
    hits = np.cumsum([r[3] for r in ranked])
    if not len(hits):
        return 0.0
    precision = hits / np.arange(1, len(hits) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(hits / total, np.arange(101) / 100, side="left")
    return np.append(precision, 0.0)[at].mean()


def detections_expected(case, given):
    rates = [0.5, 1, 2, 4, 8, 16]
    rows = []
    for label in range(given["classes"]):
        images = list(by_image(case, given, label))
        if not sum(len(truth) for truth, _, _ in images):
            continue
        curve = froc(images, given, rates)
        levels = [average_precision(images, 0.5 + 0.05 * k, given["max_per_image"])
                  for k in range(10)]
        rows.append(curve + [np.mean(curve[:4]), levels[0], np.mean(levels)])
    means = np.mean(rows, 0) if rows else np.zeros(9)
    names = [f"sensitivity_{rate:g}" for rate in rates]
    return {"boxes": len(case["truth"]),
            **dict(zip(names + ["sensitivity_mean", "map50", "map"], means))}


def floats(cases):
    """The program reads every array of detection as float64."""
    def as_floats(rng, count):
        for arrays, given in cases(rng, count):
            yield {name: np.asarray(values, float) for name, values in arrays.items()}, given
    return as_floats


agree_frame.main({
    "boxes": Check("boxes", floats(boxes_cases), boxes_expected, 1e-9),
    "nms": Check("nms", floats(nms_cases), nms_expected, 0.0),
    "nms_ties": Check("nms", floats(ties_cases), ties_expected, 0.0),
    "roi_align": Check("roi_align", floats(roi_align_cases), roi_align_expected, 1e-4),
    "box_losses": Check("box_losses", floats(box_losses_cases), box_losses_expected, 1e-9),
    "detections": Check("detections", floats(detections_cases), detections_expected, 1e-9),
})
