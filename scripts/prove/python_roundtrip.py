"""Networks of plain PyTorch (examples/voxlift_networks.py) and voxlift, from the
same weights. See python_roundtrip.sh.

    python_roundtrip.py BIN EXAMPLES WORK        made-up weights, there and back
    python_roundtrip.py BIN EXAMPLES WORK RUN    the weights of a run
"""
import json
import re
import subprocess
import sys

import h5py
import numpy as np
import torch

BIN, EXAMPLES, WORK = sys.argv[1:4]
sys.path.insert(0, EXAMPLES)
from load_in_pytorch import load, read  # noqa: E402
from voxlift_networks import build  # noqa: E402

LIMIT = 1e-5
NARROW = {"stem_channels": 16, "base_channels": 16}
PHOTO, SCAN = (2, 1, 3, 64, 64), (2, 1, 17, 40, 48)
SLICES = (1, 1, 9, 64, 64)

# Options, input shape, how PyTorch saves the weights, options of the import.
CASES = [
    ({"network": "resnet3d", "depth": "18", "classes": 5, **NARROW}, PHOTO, "zip", []),
    ({"network": "resnet3d", "depth": "18", "classes": 2, "depth_stride": True,
      **NARROW}, SCAN, "legacy", []),
    ({"network": "resnet3d", "depth": "50", "classes": 7, "norm": "gn", "groups": 4,
      **NARROW}, PHOTO, "float16", []),
    ({"network": "resnet3d", "depth": "34", "classes": 2, "shortcut": "A",
      "depth_stride": True, **NARROW}, SCAN, "module", []),
    ({"network": "resnet3d", "depth": "50", "classes": 2, "deep_stem": True,
      "avg_down": True, "style": "caffe", **NARROW}, PHOTO, "meta", []),
    ({"network": "resnet3d", "depth": "18", "classes": 2, "stem_stride": False,
      "depth_stride": True, "force_downsample": True, **NARROW}, (1, 1, 12, 16, 16),
     "bare", []),
    ({"network": "resnet3d", "depth": "18", "classes": 3, "conv": "acs",
      "depth_stride": True, **NARROW}, SCAN, "zip", []),
    ({"network": "resnet3d", "depth": "18", "classes": 3, "conv": "2.5d",
      "depth_stride": True, **NARROW}, SCAN, "zip", []),
    ({"network": "unet3d", "depth": "18", "classes": 3, **NARROW},
     (1, 1, 16, 32, 48), "zip", []),
    ({"network": "unet3d", "depth": "50", "classes": 2, "norm": "gn", "groups": 4,
      "conv": "acs", **NARROW}, (1, 1, 16, 32, 32), "legacy", []),
    ({"network": "p3d", "depth": "18ba", "norm": "gn", "groups": 4,
      "base_channels": 16}, SLICES, "module", []),
    ({"network": "mp3d", "depth": "18", "norm": "gn", "groups": 4,
      "base_channels": 16, "conversion": "groupconv", "slices": 9}, SLICES,
     "float16", []),
    ({"network": "mp3d", "depth": "63", "norm": "bn", "base_channels": 8,
      "conversion": "conv3d", "slices": 5}, (1, 1, 5, 64, 64), "zip", []),
    ({"network": "mp3d", "depth": "34ba", "norm": "bn", "base_channels": 8,
      "conversion": "center_crop"}, SLICES, "legacy", []),
    ({"network": "genesis_unet3d", "classes": 2, "base_channels": 16},
     (2, 1, 16, 16, 24), "module", []),
]


def formula(name, shape):
    """docs/parity.md."""
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    with np.errstate(over="ignore"):
        z = np.uint64(value) + (np.arange(np.prod(shape), dtype=np.uint64)
                                + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    u = (z >> np.uint64(40)).astype(np.float64) / 2**24
    return torch.from_numpy((2 * u - 1).astype(np.float32).reshape(shape))


def outputs_of(network, shape):
    with torch.no_grad():
        return network.outputs(formula("input", shape))


def write_golden(path, options, network, shape):
    with h5py.File(path, "w") as file:
        file.attrs["model"] = json.dumps(options)
        file.attrs["input_name"] = "input"
        file.attrs["input_shape"] = np.array(shape, np.int64)
        names = file.create_group("parameters").attrs
        for name, tensor in network.state_dict().items():
            names[name] = np.array(tensor.shape, np.int64)
        for name, output in outputs_of(network, shape).items():
            values = output.numpy().ravel()
            group = file.create_group("eval/" + name)
            group.attrs["shape"] = np.array(output.shape, np.int64)
            group.attrs["l2"] = float(np.linalg.norm(values.astype(np.float64)))
            group.attrs["absmax"] = float(np.abs(values).max())
            group["flat_index"] = np.arange(values.size, dtype=np.int64)
            group["value"] = values


def run(*words):
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(words)}\n{done.stdout}{done.stderr}")
    return done.stdout


def parity_error(golden, weights):
    """The largest error of an output, relative to the largest value."""
    text = run(f"{BIN}/voxlift-parity", "--weights", weights, golden)
    assert "FAIL" not in text, text
    return max(float(e) for e in re.findall(r"error (\S+) .*eval/", text))


def make_up(network, half):
    """Weights with which every layer matters."""
    for name, tensor in network.state_dict().items():
        if name.endswith("running_mean"):
            tensor.normal_(0, 0.1)
        elif name.endswith("running_var"):
            tensor.uniform_(0.8, 1.2)
        elif tensor.dim() == 1:
            tensor.normal_(1.0 if name.endswith("weight") else 0.0, 0.1)
        elif tensor.dim() > 1:
            torch.nn.init.kaiming_normal_(tensor)
        if half and tensor.is_floating_point():
            tensor.copy_(tensor.half().float())


def save(network, how, path):
    state = network.state_dict()
    if how == "float16":
        state = {n: t.half() if t.is_floating_point() else t for n, t in state.items()}
    if how == "module":
        state = {"module." + name: tensor for name, tensor in state.items()}
    if how == "bare":
        state = {n.split(".", 1)[1]: t for n, t in state.items()}
    if how in ("meta", "module"):
        state = {"meta": {"epoch": 3}, "state_dict": state, "optimizer": {"lr": [0.1]}}
    torch.save(state, path, _use_new_zipfile_serialization=how != "legacy")


def as_arguments(options):
    for name, value in options.items():
        yield f"--{name}"
        yield str(value).lower() if isinstance(value, bool) else str(value)


def there_and_back(number, options, shape, how, more):
    base = f"{WORK}/case{number}"
    torch.manual_seed(number)
    network = build(options)
    make_up(network, how == "float16")
    save(network, how, base + ".theirs.pth")
    write_golden(base + ".h5", options, network, shape)
    report = run(f"{BIN}/voxlift", "import", base + ".theirs.pth",
                 base + ".safetensors", *as_arguments(options), *more)
    for kind in ("missing", "unexpected", "of another shape"):
        assert re.search(kind + r".*: 0\n", report), report
    run(f"{BIN}/voxlift", "export", base + ".safetensors", base + ".pth")
    errors = [parity_error(base + ".h5", base + end)
              for end in (".theirs.pth", ".safetensors", ".pth")]
    for end in (".safetensors", ".pth"):  # Bit by bit, through our files.
        again = outputs_of(load(base + end), shape)
        for name, output in outputs_of(network, shape).items():
            assert torch.equal(again[name], output), (base + end, name)
    print(f"{max(errors):.1e}  {how:8s} {json.dumps(options)}", flush=True)
    return max(errors)


def of_run(folder):
    errors = []
    for end in ("pth", "safetensors"):
        exported = f"{WORK}/exported.{end}"
        run(f"{BIN}/voxlift", "export", folder, exported)
        network, (_, options) = load(exported), read(exported)
        golden = f"{WORK}/exported_{end}.h5"
        write_golden(golden, options, network, (3, 1, 3, 32, 32))
        errors.append(parity_error(golden, folder))
        print(f"{errors[-1]:.1e}  {end:8s} {folder}", flush=True)
    return max(errors)


worst = (of_run(sys.argv[4]) if len(sys.argv) > 4 else
         max(there_and_back(i, *case) for i, case in enumerate(CASES)))
print(f"largest error {worst:.1e}, limit {LIMIT:.0e}")
sys.exit(worst > LIMIT)
