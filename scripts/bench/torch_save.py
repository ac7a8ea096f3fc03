#!/usr/bin/env python3
"""Seconds that torch.save takes for the tensors of a voxlift checkpoint.

    torch_save.py CHECKPOINT FILE [ROUNDS]

Prints one JSON object: {"name", "seconds": [...], "bytes"}. Needs PyTorch
(Debian's python3-torch does); no fsync, as torch.save makes none.
"""
import json
import os
import sys
import time

import numpy
import torch

TYPES = {"F32": "<f4", "I64": "<i8"}


def read_tensors(path):
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
        data = file.read()
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        values = numpy.frombuffer(data[begin:end], TYPES[entry["dtype"]])
        tensors[name] = torch.from_numpy(values.reshape(entry["shape"]).copy())
    return tensors


def main():
    folder, path = sys.argv[1], sys.argv[2]
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    state = {
        name: read_tensors(os.path.join(folder, name + ".safetensors"))
        for name in ("model", "optimizer")
    }
    seconds = []
    for _ in range(rounds):
        start = time.monotonic()
        torch.save(state, path)
        seconds.append(time.monotonic() - start)
    print(json.dumps({"name": "torch.save", "seconds": seconds,
                      "bytes": os.path.getsize(path)}))


if __name__ == "__main__":
    main()
