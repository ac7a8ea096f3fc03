"""The networks of voxlift in plain PyTorch, written from their published
descriptions, for comparisons of speed and memory. Not for training: weights start
as PyTorch leaves them.
"""
import torch
import torch.nn as nn
import torch.nn.functional as F

BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}


def conv_norm(inputs, outputs, kernel, stride=(1, 1, 1), norm=nn.BatchNorm3d):
    """A convolution that keeps the size but for its stride, and a norm."""
    taps = (kernel,) * 3 if isinstance(kernel, int) else kernel
    return nn.Sequential(
        nn.Conv3d(inputs, outputs, taps, stride, tuple(k // 2 for k in taps), bias=False),
        norm(outputs))


def group_norm(channels):
    return nn.GroupNorm(32, channels)


class Block(nn.Module):
    """Two 3x3x3, or 1x1x1, 3x3x3, 1x1x1 to four times the width."""

    def __init__(self, inputs, width, stride, bottleneck):
        super().__init__()
        if bottleneck:
            shapes = [(width, 1, (1, 1, 1)), (width, 3, stride), (4 * width, 1, (1, 1, 1))]
        else:
            shapes = [(width, 3, stride), (width, 3, (1, 1, 1))]
        layers, channels = [], inputs
        for outputs, kernel, step in shapes:
            layers.append(conv_norm(channels, outputs, kernel, step))
            channels = outputs
        self.layers = nn.ModuleList(layers)
        self.shortcut = (conv_norm(inputs, channels, 1, stride)
                         if stride != (1, 1, 1) or inputs != channels else None)

    def forward(self, x):
        y = x
        for layer in self.layers[:-1]:
            y = F.relu(layer(y), inplace=True)
        y = self.layers[-1](y)
        x = x if self.shortcut is None else self.shortcut(x)
        return F.relu(y + x, inplace=True)


class Encoder(nn.Module):
    """ResNet3D without its head: the maps of the stem and of the four stages.
    `depth_stride`: strides reach the depth axis, too."""

    def __init__(self, depth, depth_stride=False, stem_stride=True):
        super().__init__()
        halve = (2, 2, 2) if depth_stride else (1, 2, 2)
        self.pool_stride = halve
        self.stem = conv_norm(1, 64, 7, halve if stem_stride else (1, 1, 1))
        channels, stages = 64, []
        bottleneck = depth >= 50
        self.channels = [channels]
        for stage, length in enumerate(BLOCKS[depth]):
            blocks = []
            for i in range(length):
                width = 64 << stage
                stride = halve if stage > 0 and i == 0 else (1, 1, 1)
                blocks.append(Block(channels, width, stride, bottleneck))
                channels = width * (4 if bottleneck else 1)
            stages.append(nn.Sequential(*blocks))
            self.channels.append(channels)
        self.stages = nn.ModuleList(stages)

    def forward(self, x):
        maps = [F.relu(self.stem(x), inplace=True)]
        x = F.max_pool3d(maps[0], 3, self.pool_stride, 1)
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return maps


class ResNet3D(nn.Module):
    def __init__(self, depth, classes, depth_stride=False):
        super().__init__()
        self.encoder = Encoder(depth, depth_stride)
        self.fc = nn.Linear(self.encoder.channels[-1], classes)

    def forward(self, x):
        return self.fc(self.encoder(x)[-1].mean((2, 3, 4)))


class UpBlock(nn.Module):
    def __init__(self, deep, skip):
        super().__init__()
        self.reduce = conv_norm(deep, skip, 1)
        self.first = conv_norm(2 * skip, skip, 3)
        self.second = conv_norm(skip, skip, 3)

    def forward(self, deep, skip):
        up = F.interpolate(deep, size=skip.shape[2:], mode="trilinear")
        x = torch.cat([skip, F.relu(self.reduce(up), inplace=True)], 1)
        x = F.relu(self.first(x), inplace=True)
        return F.relu(self.second(x), inplace=True)


class UNet3D(nn.Module):
    """Encoder without a stride in its stem, four joins, a head 16 wide."""

    def __init__(self, depth, classes):
        super().__init__()
        self.encoder = Encoder(depth, depth_stride=True, stem_stride=False)
        channels = self.encoder.channels
        self.up = nn.ModuleList(UpBlock(channels[i + 1], channels[i]) for i in range(4))
        self.head = nn.ModuleList([conv_norm(64, 16, 3), conv_norm(16, 16, 3)])
        self.classifier = nn.Conv3d(16, classes, 1)

    def forward(self, x):
        maps = self.encoder(x)
        x = maps[4]
        for level in (3, 2, 1, 0):
            x = self.up[level](x, maps[level])
        for layer in self.head:
            x = F.relu(layer(x), inplace=True)
        return self.classifier(F.dropout3d(x, 0.1, self.training))


class Unit(nn.Module):
    """A spatial and a temporal convolution: in series (A), side by side (B), in
    series with a bypass (C)."""

    def __init__(self, kind, inputs, width, stride):
        super().__init__()
        self.kind = kind
        step = (1, stride, stride)
        self.spatial = conv_norm(inputs, width, (1, 3, 3), step, group_norm)
        aside = kind == "B"
        self.temporal = conv_norm(inputs if aside else width, width, (3, 1, 1),
                                  step if aside else (1, 1, 1), group_norm)

    def forward(self, x):
        plane = F.relu(self.spatial(x), inplace=True)
        depth = F.relu(self.temporal(x if self.kind == "B" else plane), inplace=True)
        return depth if self.kind == "A" else plane + depth


class P3dBlock(nn.Module):
    def __init__(self, kind, inputs, width, stride):
        super().__init__()
        self.first = Unit(kind, inputs, width, stride)
        self.second = Unit(kind, width, width, 1)
        self.shortcut = (conv_norm(inputs, width, 1, (1, stride, stride), group_norm)
                         if stride != 1 or inputs != width else nn.Identity())

    def forward(self, x):
        return F.relu(self.second(self.first(x)) + self.shortcut(x), inplace=True)


class Mp3d18ba(nn.Module):
    """Four stages, each made 2D by weights over its slices (groupconv)."""

    WIDTHS = (64, 128, 256, 512)

    def __init__(self, slices):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv3d(1, 64, (1, 7, 7), (1, 2, 2), (0, 3, 3), bias=False),
            nn.GroupNorm(32, 64), nn.ReLU(inplace=True), nn.MaxPool3d(3, (1, 2, 2), 1))
        stages, inputs = [], 64
        for stage, width in enumerate(self.WIDTHS):
            blocks = []
            for i in range(2):
                kind = "ABC"[(2 * stage + i) % 3]
                blocks.append(P3dBlock(kind, inputs, width, 2 if stage and not i else 1))
                inputs = width
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.ModuleList(stages)
        self.to_2d = nn.ModuleList(nn.Conv2d(width * slices, width, 1, groups=width, bias=False)
                                   for width in self.WIDTHS)

    def forward(self, x):
        x, maps = self.stem(x), []
        for stage, to_2d in zip(self.stages, self.to_2d):
            x = stage(x)
            maps.append(to_2d(x.flatten(1, 2)))
        return maps
