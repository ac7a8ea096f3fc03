"""A training step in plain PyTorch, one process, for a comparison with
`voxlift bench train.step`: the same network, shapes and threads, random voxels, SGD
with momentum. Detection has torchvision's proposal and box heads.

    step_peer.py --network resnet3d18 [--shape 3,224,224] [--slot-batch 4] [--steps 5]
    step_peer.py --network unet3d18 --shape 32,128,128 --slot-batch 1
    step_peer.py --network mp3d18ba --shape 9,256,256 --slot-batch 1

Prints the same JSON line: train.step.
"""
import argparse
import json
import resource
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

import peer_networks as networks
from ddp_peer import figure


class Classification:
    def __init__(self, args, shape):
        self.model = networks.ResNet3D(int(args.network[len("resnet3d"):]), args.classes,
                                       args.depth_stride)
        self.y = torch.randint(args.classes, (args.slot_batch,))

    def loss(self, x):
        return F.cross_entropy(self.model(x), self.y, label_smoothing=0.1)


class Segmentation:
    """Cross entropy and half of 1 - Dice."""

    def __init__(self, args, shape):
        self.model = networks.UNet3D(int(args.network[len("unet3d"):]), args.classes)
        self.y = torch.randint(args.classes, (args.slot_batch, *shape))

    def loss(self, x):
        scores = self.model(x)
        chance = torch.softmax(scores, 1)
        truth = F.one_hot(self.y, scores.shape[1]).permute(0, 4, 1, 2, 3).to(chance.dtype)
        both = (chance * truth).sum((2, 3, 4))
        either = (chance + truth).sum((2, 3, 4))
        dice = (2 * both + 1e-3) / (either + 1e-3)
        return F.cross_entropy(scores, self.y) + 0.5 * (1 - dice.mean())


class Detector(nn.Module):
    def __init__(self, slices):
        super().__init__()
        from torchvision.models.detection.anchor_utils import AnchorGenerator
        from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
        from torchvision.models.detection.roi_heads import RoIHeads
        from torchvision.models.detection.rpn import RegionProposalNetwork, RPNHead
        from torchvision.ops import FeaturePyramidNetwork, MultiScaleRoIAlign
        from torchvision.ops.feature_pyramid_network import LastLevelMaxPool
        self.backbone = networks.Mp3d18ba(slices)
        self.pyramid = FeaturePyramidNetwork(list(networks.Mp3d18ba.WIDTHS), 256,
                                             LastLevelMaxPool())
        anchors = AnchorGenerator(((16,), (32,), (64,), (128,), (256,)), ((0.5, 1.0, 2.0),) * 5)
        ends = {"training": 2000, "testing": 1000}
        self.rpn = RegionProposalNetwork(anchors, RPNHead(256, 3), 0.7, 0.3, 256, 0.5, ends,
                                         {"training": 1000, "testing": 1000}, 0.7)
        align = MultiScaleRoIAlign(["0", "1", "2", "3"], 7, 0)
        self.roi = RoIHeads(align, TwoMLPHead(256 * 49, 1024), FastRCNNPredictor(1024, 2),
                            0.5, 0.5, 512, 0.25, None, 0.0, 0.5, 100)

    def forward(self, x, targets):
        from torchvision.models.detection.image_list import ImageList
        maps = self.pyramid({str(i): m for i, m in enumerate(self.backbone(x))})
        images = ImageList(x[:, :, 0], [tuple(x.shape[-2:])] * len(x))
        proposals, losses = self.rpn(images, maps, targets)
        losses.update(self.roi(maps, proposals, images.image_sizes, targets)[1])
        return sum(losses.values())


class Detection:
    def __init__(self, args, shape):
        depth, height, width = shape
        self.model = Detector(depth)
        # The boxes of trainer/input/made_up_batch.cpp: a lesion of a quarter of the side.
        box = [width / 4, height / 4, width / 2, height / 2]
        self.targets = [{"boxes": torch.tensor([box]), "labels": torch.ones(1, dtype=torch.int64)}
                        for _ in range(args.slot_batch)]

    def loss(self, x):
        return self.model(x, self.targets)


def make_task(args, shape):
    if args.network.startswith("resnet3d"):
        return Classification(args, shape)
    return (Segmentation if args.network.startswith("unet3d") else Detection)(args, shape)


def timed_steps(args, task, x):
    optimizer = torch.optim.SGD(task.model.parameters(), 1e-12, momentum=0.9, weight_decay=1e-4)
    steps, cpu = [], []
    for i in range(args.warmup + args.steps):
        begin, cpu_begin = time.perf_counter(), time.process_time()
        optimizer.zero_grad(set_to_none=True)
        task.loss(x).backward()
        optimizer.step()
        if i >= args.warmup:
            steps.append(time.perf_counter() - begin)
            cpu.append(time.process_time() - cpu_begin)
    return steps, cpu


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--network", default="resnet3d18",
                        choices=["resnet3d18", "resnet3d34", "resnet3d50", "unet3d18", "mp3d18ba"])
    parser.add_argument("--shape", default="3,224,224")
    parser.add_argument("--slot-batch", type=int, default=4)
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--depth-stride", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--warmup", type=int, default=1)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--channels-last", type=int, default=0)
    parser.add_argument("--compile", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    shape = tuple(map(int, args.shape.split(",")))
    task = make_task(args, shape)
    x = torch.randn(args.slot_batch, 1, *shape)
    if args.channels_last:
        task.model.to(memory_format=torch.channels_last_3d)
        x = x.to(memory_format=torch.channels_last_3d)
    if args.compile:
        task.model = torch.compile(task.model)
    steps, cpu = timed_steps(args, task, x)
    line = figure("train.step", steps, "s")
    line.update(samples_s=args.slot_batch / line["median"],
                cpu_s=figure("", cpu, "s")["median"], network=args.network, shape=shape,
                slot_batch=args.slot_batch, threads=args.threads,
                peak_memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
                parameters=sum(p.numel() for p in task.model.parameters()),
                peer=f"PyTorch {torch.__version__}")
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
