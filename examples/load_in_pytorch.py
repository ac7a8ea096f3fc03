"""Loads weights that `voxlift export` wrote, in plain PyTorch.

    voxlift export runs/r18 r18.pth
    python3 load_in_pytorch.py r18.pth [DEPTH,HEIGHT,WIDTH]

Prints the logits of a volume of zeros. Needs PyTorch 1.13 or later; reads
.safetensors without the package of that name. Use it as a module, too:

    from load_in_pytorch import load
    network = load("r18.safetensors")
"""
import json
import sys
import zipfile

import torch

import voxlift_networks

DTYPES = {"F32": torch.float32, "F64": torch.float64, "F16": torch.float16,
          "BF16": torch.bfloat16, "I64": torch.int64}


def read_safetensors(path):
    """Tensors by name and the network's options."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = bytearray(file.read())
    options = json.loads(header.pop("__metadata__", {}).get("voxlift.network", "{}"))
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        flat = torch.empty(0, dtype=DTYPES[entry["dtype"]])
        if end > begin:
            flat = torch.frombuffer(data[begin:end], dtype=flat.dtype)
        tensors[name] = flat.reshape(entry["shape"])
    return tensors, options


def read_pth(path):
    """The same; nothing in the file is executed."""
    options = {}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.endswith("extra/voxlift.json"):
                options = json.loads(archive.read(name))
    return torch.load(path, map_location="cpu", weights_only=True), options


def read(path):
    return read_safetensors(path) if path.endswith(".safetensors") else read_pth(path)


def load(path):
    """The network that the file describes, with its weights, in evaluation
    mode. float16 weights become float32."""
    tensors, options = read(path)
    network = voxlift_networks.build(options)
    network.load_state_dict(tensors)
    return network


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    network = load(sys.argv[1])
    shape = [int(n) for n in (sys.argv[2] if len(sys.argv) > 2 else "16,64,64").split(",")]
    with torch.no_grad():
        print(network(torch.zeros(1, 1, *shape)))


if __name__ == "__main__":
    main()
