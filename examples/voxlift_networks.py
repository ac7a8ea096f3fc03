"""voxlift's networks in plain PyTorch, from the options that weight files carry.

    network = build(options)        options: a dict, see load_in_pytorch.py

The parameters have the names of voxlift's files, so load_state_dict(strict=True)
takes them. Axes: batch, channels, depth, height, width.
"""
import torch
from torch import nn
from torch.nn import functional as F

LENGTHS = {"18": (2, 2, 2, 2), "34": (3, 4, 6, 3), "50": (3, 4, 6, 3),
           "101": (3, 4, 23, 3), "152": (3, 8, 36, 3)}
P3D_LENGTHS = {"18": (2, 2, 2, 2), "18ba": (2, 2, 2, 2), "34ba": (3, 4, 6, 3),
               "63": (3, 4, 6, 3), "131": (3, 4, 23, 3), "199": (3, 8, 36, 3)}
DEFAULTS = {"network": "resnet3d", "depth": "18", "classes": 2, "in_channels": 1,
            "stem_channels": 64, "base_channels": 64, "depth_stride": False,
            "stem_stride": True, "stem_pool": False, "strides": (1, 2, 2, 2),
            "dilations": (1, 1, 1, 1), "shortcut": "B", "style": "pytorch",
            "conv": "conv3d", "force_downsample": False, "deep_stem": False,
            "avg_down": False, "norm": "bn", "groups": 32, "head_channels": 16,
            "conversion": "groupconv", "slices": 9}


class AcsConv(nn.Module):
    """2D kernels in three directions: a third of the outputs each."""

    def __init__(self, inputs, outputs, kernel, stride, padding, dilation):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs, kernel, kernel))
        self.kernel, self.stride = kernel, stride
        self.padding, self.dilation = padding, dilation

    def forward(self, x):
        outputs = self.weight.shape[0]
        sizes = [(outputs + 2 - axis) // 3 for axis in range(3)]
        parts = []
        for axis, weight in enumerate(torch.split(self.weight, sizes)):
            if len(weight) == 0:
                continue
            padding = [self.padding] * 3
            padding[axis] = 0
            parts.append(F.conv3d(self.centres(x, axis), weight.unsqueeze(axis + 2),
                                  None, self.stride, padding, self.dilation))
        return torch.cat(parts, 1)

    def centres(self, x, axis):
        """Along the axis without taps: what a full kernel would have in its
        middle. With padding of half the kernel that is x itself."""
        size, stride = x.shape[axis + 2], self.stride[axis]
        reach = self.dilation * (self.kernel - 1) + 1
        out = (size + 2 * self.padding - reach) // stride + 1
        if size in (out, 2 * out):
            return x
        pads = [0] * 6
        pads[2 * (2 - axis)] = pads[2 * (2 - axis) + 1] = self.padding
        return F.pad(x, pads).narrow(axis + 2, self.kernel // 2,
                                     (out - 1) * stride + 1)


def conv(options, inputs, outputs, kernel, stride=(1, 1, 1), dilation=1):
    padding = kernel // 2 * dilation
    if options["conv"] == "acs":
        return AcsConv(inputs, outputs, kernel, stride, padding, dilation)
    if options["conv"] == "2.5d":
        return nn.Conv3d(inputs, outputs, (1, kernel, kernel), stride,
                         (0, padding, padding), (1, dilation, dilation), bias=False)
    return nn.Conv3d(inputs, outputs, kernel, stride, padding, dilation, bias=False)


def norm(options, channels):
    if options["norm"] == "gn":
        return nn.GroupNorm(options["groups"], channels)
    return nn.BatchNorm3d(channels)


def norm_name(options):
    return "gn" if options["norm"] == "gn" else "bn"


def is_bottleneck(options):
    return options["depth"] not in ("18", "34")


class ResidualBlock(nn.Module):
    def __init__(self, options, inputs, width, stride, dilation, first):
        super().__init__()
        one, bottleneck = (1, 1, 1), is_bottleneck(options)
        outputs = width * (4 if bottleneck else 1)
        if bottleneck:
            caffe = options["style"] == "caffe"
            layers = [(inputs, width, 1, stride if caffe else one, 1),
                      (width, width, 3, one if caffe else stride, dilation),
                      (width, outputs, 1, one, 1)]
        else:
            layers = [(inputs, width, 3, stride, dilation), (width, width, 3, one, 1)]
        self.names = []
        for number, layer in enumerate(layers, 1):
            self.names.append((f"conv{number}", f"{norm_name(options)}{number}"))
            self.add_module(self.names[-1][0], conv(options, *layer))
            self.add_module(self.names[-1][1], norm(options, layer[1]))
        self.stride, self.outputs, self.downsample = stride, outputs, None
        identity = stride == one and inputs == outputs
        self.pads = not identity and options["shortcut"] == "A"
        if (not identity and not self.pads) or (first and options["force_downsample"]):
            pool = [nn.AvgPool3d(stride, stride, ceil_mode=True,
                                 count_include_pad=False)]
            self.downsample = nn.Sequential(
                *(pool if options["avg_down"] else []),
                conv(options, inputs, outputs, 1, one if options["avg_down"] else stride),
                norm(options, outputs))

    def shortcut(self, x):
        if self.downsample is not None:
            return self.downsample(x)
        if self.pads:
            d, h, w = self.stride
            x = x[:, :, ::d, ::h, ::w]
            return F.pad(x, (0, 0) * 3 + (0, self.outputs - x.shape[1]))
        return x

    def forward(self, x):
        y = x
        for i, (conv_name, name) in enumerate(self.names):
            y = getattr(self, name)(getattr(self, conv_name)(y))
            y = F.relu(y) if i + 1 < len(self.names) else y
        return F.relu(y + self.shortcut(x))


class ResNet3D(nn.Module):
    def __init__(self, options):
        super().__init__()
        self.options = options
        stem = options["stem_channels"]
        stride = self.spatial(2 if options["stem_stride"] else 1)
        if options["deep_stem"]:
            widths = (options["in_channels"], stem // 2, stem // 2, stem)
            self.stem = nn.ModuleList()
            for i in range(3):
                self.stem.append(nn.ModuleDict({
                    "conv": conv(options, widths[i], widths[i + 1], 3,
                                 stride if i == 0 else (1, 1, 1)),
                    norm_name(options): norm(options, widths[i + 1])}))
        else:
            self.conv1 = conv(options, options["in_channels"], stem, 7, stride)
            self.add_module(norm_name(options) + "1", norm(options, stem))
        inputs = stem
        self.channels = [stem]
        for s, length in enumerate(LENGTHS[options["depth"]]):
            blocks = []
            for i in range(length):
                width = options["base_channels"] << s
                blocks.append(ResidualBlock(
                    options, inputs, width,
                    self.spatial(options["strides"][s] if i == 0 else 1),
                    options["dilations"][s], s == 0 and i == 0))
                inputs = width * (4 if is_bottleneck(options) else 1)
            self.add_module(f"layer{s + 1}", nn.Sequential(*blocks))
            self.channels.append(inputs)

    def spatial(self, stride):
        return (stride if self.options["depth_stride"] else 1, stride, stride)

    def run_stem(self, x):
        name = norm_name(self.options)
        if self.options["deep_stem"]:
            for layer in self.stem:
                x = F.relu(layer[name](layer["conv"](x)))
            return x
        return F.relu(getattr(self, name + "1")(self.conv1(x)))

    def forward(self, x):
        """Outputs of the stem and of the four stages."""
        outputs = [self.run_stem(x)]
        y = outputs[0]
        if self.options["stem_stride"] or self.options["stem_pool"]:
            y = F.max_pool3d(y, 3, self.spatial(2), 1)
        for s in range(1, 5):
            y = getattr(self, f"layer{s}")(y)
            outputs.append(y)
        return outputs


class Classifier(nn.Module):
    def __init__(self, options):
        super().__init__()
        self.backbone = ResNet3D(options)
        self.head = nn.ModuleDict(
            {"fc": nn.Linear(self.backbone.channels[-1], options["classes"])})

    def outputs(self, x):
        stages = self.backbone(x)
        pooled = stages[-1].mean((2, 3, 4))
        named = {f"stage{s}": stages[s] for s in range(1, 5)}
        return {**named, "pooled": pooled, "logits": self.head["fc"](pooled)}

    def forward(self, x):
        return self.outputs(x)["logits"]


class ConvNorm(nn.Module):
    def __init__(self, options, inputs, outputs, kernel):
        super().__init__()
        self.conv = conv(options, inputs, outputs, kernel)
        self.name = norm_name(options)
        self.add_module(self.name, norm(options, outputs))

    def forward(self, x):
        return F.relu(getattr(self, self.name)(self.conv(x)))


class UpBlock(nn.Module):
    def __init__(self, options, deep, skip):
        super().__init__()
        full = {**options, "conv": "conv3d"}
        self.upsample = nn.Module()
        self.upsample.interp_upsample = nn.ModuleDict({"1": ConvNorm(full, deep, skip, 1)})
        self.conv_block = nn.Module()
        self.conv_block.convs = nn.Sequential(ConvNorm(options, 2 * skip, skip, 3),
                                              ConvNorm(options, skip, skip, 3))

    def forward(self, deep, skip):
        up = F.interpolate(deep, skip.shape[2:], mode="trilinear", align_corners=False)
        up = self.upsample.interp_upsample["1"](up)
        return self.conv_block.convs(torch.cat([skip, up], 1))


class UNet3D(nn.Module):
    def __init__(self, options):
        super().__init__()
        options = {**options, "depth_stride": True, "stem_stride": False,
                   "stem_pool": True}
        self.backbone = ResNet3D(options)
        channels = self.backbone.channels
        self.neck = nn.Module()
        self.neck.decoder = nn.ModuleList(
            UpBlock(options, channels[i + 1], channels[i]) for i in range(4))
        width = options["head_channels"]
        self.decode_head = nn.Module()
        self.decode_head.convs = nn.Sequential(ConvNorm(options, channels[0], width, 3),
                                               ConvNorm(options, width, width, 3))
        self.decode_head.conv_seg = nn.Conv3d(width, options["classes"], 1)

    def outputs(self, x):
        levels = self.backbone(x)
        named = {f"stage{s}": levels[s] for s in range(1, 5)}
        y = levels[-1]
        for i in (3, 2, 1, 0):
            y = self.neck.decoder[i](y, levels[i])
        logits = self.decode_head.conv_seg(self.decode_head.convs(y))
        return {**named, "stem": levels[0], "decoder_top": y, "logits": logits}

    def forward(self, x):
        return self.outputs(x)["logits"]


class P3dBlock(nn.Module):
    """Convolutions in plane and across, in series (A), side by side (B) or in
    series with a bypass (C)."""

    def __init__(self, options, kind, bottleneck, inputs, width, stride):
        super().__init__()
        self.kind, self.bottleneck = kind, bottleneck
        outputs = width * (4 if bottleneck else 1)
        plane, across = ((1, 3, 3), (0, 1, 1)), ((3, 1, 1), (1, 0, 0))
        point, one = ((1, 1, 1), (0, 0, 0)), (1, 1, 1)
        if bottleneck:
            layers = [(inputs, width, point, stride), (width, width, plane, one),
                      (width, width, across, one), (width, outputs, point, one)]
        else:
            side = kind == "B"
            layers = [(inputs, width, plane, stride),
                      (inputs if side else width, width, across, stride if side else one),
                      (width, width, plane, one), (width, width, across, one)]
        for number, (i, o, (kernel, padding), s) in enumerate(layers, 1):
            self.add_module(f"conv{number}",
                            nn.Conv3d(i, o, kernel, s, padding, bias=False))
            self.add_module(f"norm_{number}", norm(options, o))
        self.downsample = None
        if stride != one or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv3d(inputs, outputs, 1, stride, bias=False), norm(options, outputs))

    def layer(self, number, x):
        return getattr(self, f"norm_{number}")(getattr(self, f"conv{number}")(x))

    def unit(self, number, x):
        u = F.relu(self.layer(number, x))
        across = F.relu(self.layer(number + 1, x if self.kind == "B" else u))
        return across if self.kind == "A" else u + across

    def forward(self, x):
        if self.bottleneck:
            y = self.layer(4, self.unit(2, F.relu(self.layer(1, x))))
        else:
            y = self.unit(3, self.unit(1, x))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class P3D(nn.Module):
    """p3d pools the depth away between its stages; mp3d keeps all slices and
    makes 2D maps of each stage at its end."""

    def __init__(self, options):
        super().__init__()
        self.modified = options["network"] == "mp3d"
        self.conversion, depth = options["conversion"], options["depth"]
        bottleneck = not depth.endswith("ba")
        base = inputs = options["base_channels"]
        self.conv1_custom = nn.Conv3d(options["in_channels"], base, (1, 7, 7),
                                      (1, 2, 2), (0, 3, 3), bias=False)
        self.norm1 = norm(options, base)
        self.channels, index = [], 0
        for s, length in enumerate(P3D_LENGTHS[depth]):
            blocks = []
            for i in range(length):
                stride = (1, 2, 2) if i == 0 and s > 0 else (1, 1, 1)
                blocks.append(P3dBlock(options, "ABC"[index % 3], bottleneck, inputs,
                                       base << s, stride))
                inputs = (base << s) * (4 if bottleneck else 1)
                index += 1
            self.add_module(f"layer{s + 1}", nn.Sequential(*blocks))
            self.channels.append(inputs)
            if self.modified and self.conversion == "groupconv":
                self.add_module(f"groupconv_{s + 1}", nn.Conv2d(
                    inputs * options["slices"], inputs, 1, groups=inputs, bias=False))
            elif self.modified and self.conversion == "conv3d":
                self.add_module(f"conv3d_all_{s + 1}", nn.Conv3d(
                    inputs, inputs, (options["slices"], 1, 1), bias=False))

    def to_2d(self, s, y):
        if self.modified and self.conversion == "groupconv":
            return getattr(self, f"groupconv_{s}")(y.flatten(1, 2))
        if self.modified and self.conversion == "conv3d":
            return getattr(self, f"conv3d_all_{s}")(y).squeeze(2)
        if self.modified and self.conversion == "keep3d":
            return y
        return y[:, :, y.shape[2] // 2]

    def forward(self, x):
        y = F.relu(self.norm1(self.conv1_custom(x)))
        y = (F.max_pool3d(y, 3, (1, 2, 2), 1) if self.modified
             else F.max_pool3d(y, (1, 3, 3), (1, 2, 2), (0, 1, 1)))
        maps = []
        for s in range(1, 5):
            y = getattr(self, f"layer{s}")(y)
            if not self.modified and s < 3:
                y = F.max_pool3d(y, (3, 1, 1), (2, 1, 1), (1, 0, 0))
            elif not self.modified and s == 3:
                y = F.max_pool3d(y, (3, 1, 1), (1, 1, 1))
            maps.append(self.to_2d(s, y))
        return maps


class Pyramid(nn.Module):
    """The detector's backbone and feature pyramid."""

    def __init__(self, options, channels=256):
        super().__init__()
        self.backbone = P3D(options)
        self.neck = nn.Module()
        self.neck.lateral_convs = nn.ModuleList(
            nn.ModuleDict({"conv": nn.Conv2d(c, channels, 1)})
            for c in self.backbone.channels)
        self.neck.fpn_convs = nn.ModuleList(
            nn.ModuleDict({"conv": nn.Conv2d(channels, channels, 3, padding=1)})
            for _ in self.backbone.channels)

    def outputs(self, x):
        maps = self.backbone(x)
        levels, above = [], None
        for i in (3, 2, 1, 0):
            y = self.neck.lateral_convs[i]["conv"](maps[i])
            if above is not None:
                y = y + F.interpolate(above, y.shape[2:], mode="nearest")
            above = y
            levels.insert(0, self.neck.fpn_convs[i]["conv"](y))
        levels.append(F.max_pool2d(levels[-1], 1, 2))
        return {**{f"c{i + 2}": m for i, m in enumerate(maps)},
                **{f"p{i + 2}": p for i, p in enumerate(levels)}}

    def forward(self, x):
        named = self.outputs(x)
        return [named[f"p{i}"] for i in range(2, 7)]


class UntrackedNorm(nn.BatchNorm3d):
    """Never uses its running statistics; in evaluation, those of each sample."""

    def forward(self, x):
        use = F.batch_norm if self.training else F.instance_norm
        stats = {"training": True} if self.training else {"use_input_stats": True}
        return use(x, None, None, self.weight, self.bias, eps=self.eps, **stats)


class GenesisLayer(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv1 = nn.Conv3d(inputs, outputs, 3, padding=1)
        self.bn1 = UntrackedNorm(outputs)

    def forward(self, x):
        return F.relu(self.bn1(self.conv1(x)))


class GenesisLevel(nn.Module):
    def __init__(self, widths, up=0):
        super().__init__()
        if up:
            self.up_conv = nn.ConvTranspose3d(up, up, 2, 2)
        self.ops = nn.Sequential(*(GenesisLayer(a, b) for a, b in zip(widths, widths[1:])))


class GenesisUNet3D(nn.Module):
    """Models Genesis without its sigmoid: logits."""

    def __init__(self, options):
        super().__init__()
        base, inputs = options["base_channels"] // 2, options["in_channels"]
        for s, name in enumerate((64, 128, 256, 512)):
            width = base << s
            self.add_module(f"down_tr{name}", GenesisLevel((inputs, width, 2 * width)))
            inputs = 2 * width
        for name in (256, 128, 64):
            self.add_module(f"up_tr{name}",
                            GenesisLevel((3 * width, width, width), up=2 * width))
            width //= 2
        self.out_tr = nn.ModuleDict({"final_conv": nn.Conv3d(2 * base, options["classes"], 1)})

    def outputs(self, x):
        skips = []
        for name in (64, 128, 256, 512):
            x = F.max_pool3d(x, 2) if skips else x
            x = getattr(self, f"down_tr{name}").ops(x)
            skips.append(x)
        y = skips.pop()
        for name in (256, 128, 64):
            level = getattr(self, f"up_tr{name}")
            y = level.ops(torch.cat([level.up_conv(y), skips.pop()], 1))
        return {"logits": self.out_tr["final_conv"](y)}

    def forward(self, x):
        return self.outputs(x)["logits"]


KINDS = {"resnet3d": Classifier, "unet3d": UNet3D, "p3d": Pyramid, "mp3d": Pyramid,
         "genesis_unet3d": GenesisUNet3D}


def build(options):
    """The network in evaluation mode, with PyTorch's own start."""
    full = {**DEFAULTS, **options}
    full["depth"] = str(full["depth"])
    return KINDS[full["network"]](full).eval()
