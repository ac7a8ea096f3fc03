"""Loads a ResNet3D that `voxlift export` wrote into MONAI's ResNet.

    voxlift export runs/lidc lidc.safetensors
    python3 load_in_monai.py lidc.safetensors

For networks with batch norm, convolutions in 3D and MONAI's stem (no
deep_stem). Where the strides leave the depth alone (depth_stride = false), this
sets MONAI's, which reach all axes, to the same.

Written against the names of MONAI 1.x (monai/networks/nets/resnet.py); it was
not run when it was written, for want of MONAI. What was run is the comparison
with load_in_pytorch.py at its end, of plain PyTorch with voxlift.
"""
import sys

import torch

from load_in_pytorch import load, read

PREFIXES = ("backbone.", "head.")


def bare(name):
    """MONAI has backbone and head in one module, as torchvision."""
    for prefix in PREFIXES:
        if name.startswith(prefix):
            return name[len(prefix):]
    return name


def set_strides(network, options):
    """Leaves the depth alone, as voxlift's network does."""
    network.conv1.stride = (1, 2, 2)
    network.maxpool.stride = (1, 2, 2)
    strided = "conv1" if options["depth"] in ("18", "34") else "conv2"
    for layer in (network.layer2, network.layer3, network.layer4):
        getattr(layer[0], strided).stride = (1, 2, 2)
        layer[0].downsample[0].stride = (1, 2, 2)


def load_in_monai(path):
    from monai.networks.nets import resnet

    tensors, options = read(path)
    if options["norm"] == "gn" or options["conv"] != "conv3d" or options["deep_stem"]:
        sys.exit(f"{path}: MONAI's ResNet has no such network: {options}")
    make = getattr(resnet, "resnet" + options["depth"])
    network = make(spatial_dims=3, n_input_channels=options["in_channels"],
                   num_classes=options["classes"], conv1_t_size=7, conv1_t_stride=2,
                   shortcut_type=options["shortcut"], bias_downsample=False,
                   widen_factor=options["base_channels"] / 64)
    if not options["depth_stride"]:
        set_strides(network, options)
    network.load_state_dict({bare(name): value for name, value in tensors.items()})
    return network.eval()


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    x = torch.randn(1, 1, 32, 64, 64)
    with torch.no_grad():
        ours = load(sys.argv[1])(x)
        theirs = load_in_monai(sys.argv[1])(x)
    print("largest difference between MONAI and plain PyTorch:",
          (ours - theirs).abs().max().item())


if __name__ == "__main__":
    main()
