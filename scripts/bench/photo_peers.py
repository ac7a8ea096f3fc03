#!/usr/bin/python3
"""Img/s of other loaders over the photographs that voxlift bench data.photo packs.

    photo_peers.py LOADER DATA WORKERS BATCHES    one JSON line: loader, workers, img_s,
                                                  img_cpu_s (per second of CPU time)
    photo_peers.py ratios RATES                   the lines of all rounds to ratios

LOADER and DATA: imagefolder (a folder of class folders; torchvision's ImageFolder),
tar (a folder of .tar files, read in order like WebDataset), h5py (a packed shard).
All decode by PIL and transform by torchvision: RandomResizedCrop(224), horizontal
flip, ToTensor, Normalize; batches of 32 through torch's DataLoader. Timed from the
first batch to the last, so that starting workers costs nothing.
"""
import io
import itertools
import json
import multiprocessing
import os
import pathlib
import statistics
import sys
import tarfile
import time

BATCH = 32


def transform():
    from torchvision import transforms
    return transforms.Compose([
        transforms.RandomResizedCrop(224),
        transforms.RandomHorizontalFlip(),
        transforms.ToTensor(),
        transforms.Normalize([114.495 / 255] * 3, [57.63 / 255] * 3),
    ])


def decode(encoded):
    from PIL import Image
    with Image.open(io.BytesIO(encoded)) as picture:
        return picture.convert("RGB")


def image_folder(data, num_samples):
    import torch
    from torchvision import datasets
    folder = datasets.ImageFolder(data, transform())
    order = [i % len(folder) for i in range(num_samples)]
    return torch.utils.data.Subset(folder, order)


def tar_stream(data, num_samples):
    import torch

    class Stream(torch.utils.data.IterableDataset):
        """Each worker reads archives of its own, over and over."""

        def __iter__(self):
            info = torch.utils.data.get_worker_info()
            first, step = (info.id, info.num_workers) if info else (0, 1)
            archives = sorted(pathlib.Path(data).glob("*.tar"))[first::step]
            apply = transform()
            left = num_samples // step // BATCH * BATCH
            for path in itertools.cycle(archives):
                with tarfile.open(path, "r|") as archive:
                    for member in archive:
                        if left == 0:
                            return
                        left -= 1
                        yield apply(decode(archive.extractfile(member).read())), 0

    return Stream()


def h5_shard(data, num_samples):
    import torch

    class Shard(torch.utils.data.Dataset):
        """The shard is opened by the worker that reads it."""

        def __init__(self):
            self.apply, self.file = transform(), None

        def __len__(self):
            return num_samples

        def __getitem__(self, i):
            import h5py
            if self.file is None:
                self.file = h5py.File(data, "r")
                self.offset = self.file["offset"][:]
                self.length = self.file["length"][:]
                self.label = self.file["label"][:]
            i %= len(self.offset)
            end = self.offset[i] + self.length[i]
            encoded = self.file["bytes"][self.offset[i]:end].tobytes()
            return self.apply(decode(encoded)), int(self.label[i])

    return Shard()


LOADERS = {"imagefolder": image_folder, "tar": tar_stream, "h5py": h5_shard}


def cpu_s():
    """CPU time of this process and of its workers so far."""
    ticks = 0
    for pid in [os.getpid()] + [p.pid for p in multiprocessing.active_children()]:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2]
        ticks += sum(map(int, fields.split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def measure(loader, data, workers, batches):
    import torch
    torch.set_num_threads(1)
    batches_of = torch.utils.data.DataLoader(
        LOADERS[loader](data, batches * BATCH), batch_size=BATCH,
        num_workers=workers, drop_last=True)
    count = -1
    for _ in batches_of:
        count += 1
        if count == 0:
            start, start_cpu = time.monotonic(), cpu_s()
        if count == batches - 1:  # While the workers still live.
            wall, cpu = time.monotonic() - start, cpu_s() - start_cpu
    print(json.dumps({"loader": loader, "workers": workers,
                      "img_s": count * BATCH / wall,
                      "img_cpu_s": count * BATCH / cpu}))


def print_ratios(path):
    """Medians over rounds, and of voxlift / loader with as many workers.

    0 workers of a DataLoader are compared with 1 of ours: both one core.
    """
    rounds = {}
    for line in pathlib.Path(path).read_text().splitlines():
        rate = json.loads(line)
        rounds.setdefault((rate["loader"], rate["workers"]), []).append(rate)
    for (loader, workers), rates in sorted(rounds.items()):
        figure = {"name": f"data.photo.{loader}", "workers": workers,
                  "n": len(rates)}
        ours = rounds[("voxlift", max(workers, 1))]
        for key in "img_s", "img_cpu_s":
            figure[key] = round(statistics.median(r[key] for r in rates), 1)
            if loader != "voxlift":
                figure["voxlift_ratio_" + key] = round(statistics.median(
                    a[key] / b[key] for a, b in zip(ours, rates)), 2)
        print(json.dumps(figure))


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "ratios":
        print_ratios(sys.argv[2])
    elif len(sys.argv) == 5 and sys.argv[1] in LOADERS:
        measure(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    else:
        sys.exit(__doc__)


main()
