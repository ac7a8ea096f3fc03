"""The training step of MP3D18ba-FPN in plain PyTorch with torchvision's proposal
and box heads, for a comparison with `voxlift bench train.step --task detection`:
group norm, groupconv, SGD with momentum, random voxels, the same boxes.

    detector_peer.py [--slot-batch 1] [--shape 9,256,256] [--steps 5] [--threads 1]

Prints the same JSON line: train.step.
"""
import argparse
import json
import time

import torch
import torch.nn as nn
import torch.nn.functional as F
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.roi_heads import RoIHeads
from torchvision.models.detection.rpn import RegionProposalNetwork, RPNHead
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.ops import FeaturePyramidNetwork, MultiScaleRoIAlign
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

from ddp_peer import figure

WIDTHS = (64, 128, 256, 512)


def conv_norm(inputs, outputs, kernel, stride=1):
    step = (1, stride, stride)
    padding = tuple(k // 2 for k in kernel)
    return nn.Sequential(nn.Conv3d(inputs, outputs, kernel, step, padding, bias=False),
                         nn.GroupNorm(32, outputs))


class Unit(nn.Module):
    """A spatial and a temporal convolution: in series (A), side by side (B), in
    series with a bypass (C)."""

    def __init__(self, kind, inputs, width, stride):
        super().__init__()
        self.kind = kind
        self.spatial = conv_norm(inputs, width, (1, 3, 3), stride)
        aside = kind == "B"
        self.temporal = conv_norm(inputs if aside else width, width, (3, 1, 1),
                                  stride if aside else 1)

    def forward(self, x):
        plane = F.relu(self.spatial(x), inplace=True)
        depth = F.relu(self.temporal(x if self.kind == "B" else plane), inplace=True)
        return depth if self.kind == "A" else plane + depth


class Block(nn.Module):
    def __init__(self, kind, inputs, width, stride):
        super().__init__()
        self.first = Unit(kind, inputs, width, stride)
        self.second = Unit(kind, width, width, 1)
        self.shortcut = (conv_norm(inputs, width, (1, 1, 1), stride)
                         if stride != 1 or inputs != width else nn.Identity())

    def forward(self, x):
        return F.relu(self.second(self.first(x)) + self.shortcut(x), inplace=True)


class Mp3d18ba(nn.Module):
    def __init__(self, slices):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv3d(1, 64, (1, 7, 7), (1, 2, 2), (0, 3, 3), bias=False),
            nn.GroupNorm(32, 64), nn.ReLU(inplace=True), nn.MaxPool3d(3, (1, 2, 2), 1))
        stages, inputs = [], 64
        for stage, width in enumerate(WIDTHS):
            blocks = []
            for i in range(2):
                kind = "ABC"[(2 * stage + i) % 3]
                blocks.append(Block(kind, inputs, width, 2 if stage and not i else 1))
                inputs = width
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.ModuleList(stages)
        self.to_2d = nn.ModuleList(nn.Conv2d(width * slices, width, 1, groups=width, bias=False)
                                   for width in WIDTHS)
        self.pyramid = FeaturePyramidNetwork(list(WIDTHS), 256, LastLevelMaxPool())

    def forward(self, x):
        x, maps = self.stem(x), {}
        for i, (stage, to_2d) in enumerate(zip(self.stages, self.to_2d)):
            x = stage(x)
            maps[str(i)] = to_2d(x.flatten(1, 2))
        return self.pyramid(maps)


class Detector(nn.Module):
    def __init__(self, slices):
        super().__init__()
        self.backbone = Mp3d18ba(slices)
        anchors = AnchorGenerator(((16,), (32,), (64,), (128,), (256,)), ((0.5, 1.0, 2.0),) * 5)
        ends = {"training": 2000, "testing": 1000}
        self.rpn = RegionProposalNetwork(anchors, RPNHead(256, 3), 0.7, 0.3, 256, 0.5, ends,
                                         {"training": 1000, "testing": 1000}, 0.7)
        align = MultiScaleRoIAlign(["0", "1", "2", "3"], 7, 0)
        self.roi = RoIHeads(align, TwoMLPHead(256 * 49, 1024), FastRCNNPredictor(1024, 2),
                            0.5, 0.5, 512, 0.25, None, 0.0, 0.5, 100)

    def forward(self, x, targets):
        maps = self.backbone(x)
        images = ImageList(x[:, :, 0], [tuple(x.shape[-2:])] * len(x))
        proposals, losses = self.rpn(images, maps, targets)
        losses.update(self.roi(maps, proposals, images.image_sizes, targets)[1])
        return sum(losses.values())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--shape", default="9,256,256")
    parser.add_argument("--slot-batch", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--warmup", type=int, default=1)
    parser.add_argument("--steps", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    depth, height, width = map(int, args.shape.split(","))
    model = Detector(depth)
    optimizer = torch.optim.SGD(model.parameters(), 1e-12, momentum=0.9, weight_decay=1e-4)
    x = torch.randn(args.slot_batch, 1, depth, height, width)
    # The boxes of trainer/step_trial.cpp: a lesion of a quarter of the side.
    box = [width / 4, height / 4, width / 2, height / 2]
    targets = [{"boxes": torch.tensor([box]), "labels": torch.ones(1, dtype=torch.int64)}
               for _ in range(args.slot_batch)]
    steps, cpu = [], []
    for i in range(args.warmup + args.steps):
        begin, cpu_begin = time.perf_counter(), time.process_time()
        optimizer.zero_grad(set_to_none=True)
        model(x, targets).backward()
        optimizer.step()
        if i >= args.warmup:
            steps.append(time.perf_counter() - begin)
            cpu.append(time.process_time() - cpu_begin)
    line = figure("train.step", steps, "s")
    line.update(samples_s=args.slot_batch / line["median"],
                cpu_s=figure("", cpu, "s")["median"], threads=args.threads,
                network="mp3d18ba", parameters=sum(p.numel() for p in model.parameters()),
                peer=f"PyTorch {torch.__version__}")
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
