"""Our losses of voxels against PyTorch, torchvision and the formulas in NumPy.

    metrics_agree_losses.py PROGRAM FOLDER [CASES]

Values and gradients, in float64, of the cross entropy with smoothing, Dice,
focal loss and the weighted sums that segmentation trains with (DiceCE, Combo),
on random and degenerate inputs: classes that are nowhere, one class, equal
scores, sure answers, ignored voxels, nothing but ignored voxels, NaN. Here voxels
that are ignored are taken out of the arrays. Prints a line per check; exit code 1
where one disagrees.
"""
import numpy as np
import torch
import torchvision.ops as ops

import agree_frame
from agree_frame import Check

IGNORED = 255


def cases(rng, count):
    for i in range(count):
        n, k = int(rng.integers(1, 4)), int(rng.choice([1, 2, 2, 3, 6]))
        side = tuple(rng.integers(1, 6, 3))
        logits = rng.normal(size=(n, k) + side) * rng.choice([0.1, 1.0, 30.0, 1000.0])
        label = rng.integers(0, k, (n,) + side)
        if i % 5 == 1:
            label[:] = rng.integers(0, k)  # The other classes are nowhere.
        if i % 7 == 2:
            logits[:] = np.round(logits[:, :1])  # All classes tie.
        if i % 3 == 0:
            label[rng.random(label.shape) < 0.3] = IGNORED
        if i % 4 == 3:
            label[0] = IGNORED
        if i % 11 == 4:
            logits[-1].flat[0] = np.nan
        yield ({"logits": logits, "label": label},
               {"smoothing": float(rng.choice([0.0, 0.1])),
                # Of one class nothing is left without the background.
                "background": int(k == 1 or rng.integers(0, 2)),
                "squared": int(rng.integers(0, 2)),
                "smooth": float(rng.choice([1e-5, 1e-3, 1.0])),
                "gamma": float(rng.choice([0.0, 0.5, 1.0, 2.0])),
                "ce_weight": float(rng.choice([0.3, 1.0])),
                "dice_weight": float(rng.choice([0.5, 1.0])),
                "focal_weight": float(rng.choice([0.0, 1.0]))})


def cross_entropy(logits, label, given):
    """Of kept voxels: logits (K, V), label (V). The mean and its gradient."""
    x = torch.tensor(logits.T.copy(), requires_grad=True)
    loss = torch.nn.functional.cross_entropy(x, torch.tensor(label),
                                             label_smoothing=given["smoothing"])
    loss.backward()
    return loss.item(), x.grad.numpy().T


def softmax(logits):
    p = np.exp(logits - logits.max(0))
    return p / p.sum(0)


def through_softmax(p, gradient):
    """d loss / d logits from d loss / d p."""
    return p * (gradient - (p * gradient).sum(0))


def dice(logits, label, given):
    p = softmax(logits)
    first = 0 if given["background"] else 1
    counted, gradient, dices = len(p) - first, np.zeros_like(p), []
    for k in range(first, len(p)):
        there = (label == k).astype(float)
        upper = 2 * (p[k] * there).sum() + given["smooth"]
        own, slope = (p[k]**2, 2 * p[k]) if given["squared"] else (p[k], 1.0)
        lower = own.sum() + there.sum() + given["smooth"]
        dices.append(upper / lower)
        gradient[k] = -(2 * there / lower - upper * slope / lower**2) / counted
    return 1.0 - np.mean(dices), through_softmax(p, gradient)


def log_softmax(logits):
    shifted = logits - logits.max(0)
    return shifted - np.log(np.exp(shifted).sum(0))


def focal(logits, label, given):
    gamma, voxels = given["gamma"], np.arange(label.size)
    log_p, p = log_softmax(logits), softmax(logits)
    own = log_p[label, voxels]
    miss = -np.expm1(own)
    sure = miss == 0.0  # There both the loss and its slope end at 0.
    safe = np.where(sure, 1.0, miss)
    slope = gamma * safe**(gamma - 1) * np.exp(own) * own - safe**gamma
    slope = np.where(sure & (gamma > 0), 0.0, slope) / label.size
    one_hot = np.zeros_like(p)
    one_hot[label, voxels] = 1.0
    value = np.where(sure & (gamma > 0), 0.0, -safe**gamma * own).mean()
    if len(p) == 2 and np.abs(logits).max() < 10:
        # Of two classes: torchvision's, of the difference of the two scores.
        other = ops.sigmoid_focal_loss(torch.tensor(logits[1] - logits[0]),
                                       torch.tensor(label.astype(float)), -1.0, gamma, "mean")
        assert abs(other.item() - value) < 1e-9
    return value, (one_hot - p) * slope


def per_sample(loss, case, given):
    """Values (N) and their gradients; 0 where nothing is kept, NaN from NaN."""
    logits, label = case["logits"], case["label"]
    values, gradient = [], np.zeros_like(logits)
    for n in range(len(logits)):
        kept = label[n] != IGNORED
        if np.isnan(logits[n]).any():
            values.append(np.nan)
            gradient[n] = np.nan
        elif not kept.any():
            values.append(0.0)
        else:
            value, slope = loss(logits[n][:, kept], label[n][kept], given)
            values.append(value)
            gradient[n][:, kept] = slope
    return np.array(values), gradient


def expected(case, given):
    values = {"cross_entropy": per_sample(cross_entropy, case, given),
              "dice": per_sample(dice, case, given),
              "focal": per_sample(focal, case, given)}
    values["sum"] = tuple(
        given["ce_weight"] * ce + given["dice_weight"] * d + given["focal_weight"] * f
        for ce, d, f in zip(*values.values()))
    answer = {}
    for name, (value, gradient) in values.items():
        answer[name] = value
        # The gradient of a sample with a NaN is of no use, whatever it is.
        clean = ~np.isnan(value)
        answer[name + "_gradient"] = gradient[clean].ravel()
    return answer


agree_frame.main({"voxel_losses": Check("voxel_losses", cases, expected, 1e-9)})
