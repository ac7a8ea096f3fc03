#!/usr/bin/env python3
"""All-reduce of float32 by torch.distributed's gloo, between processes of one host.

    gloo_allreduce.py [--ranks 2] [--bytes 134217728] [--rounds 5]

The peer of `voxlift bench comm.allreduce`: prints one JSON line with the same
keys. One thread per rank. Debian: python3-torch (comes with python3-torchvision).
"""
import argparse
import json
import os
import statistics
import tempfile
import time

import torch
import torch.distributed as dist
import torch.multiprocessing as multiprocessing


def time_sum(vector, slowest):
    """Seconds on the slowest rank."""
    dist.barrier()
    start = time.perf_counter()
    dist.all_reduce(vector)
    slowest[0] = time.perf_counter() - start
    dist.all_reduce(slowest, op=dist.ReduceOp.MAX)
    return float(slowest[0])


def run(rank, args, store):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank,
                            world_size=args.ranks)
    vector = torch.full((args.bytes // 4,), float(rank))
    dist.all_reduce(vector)
    expected = args.ranks * (args.ranks - 1) / 2
    assert bool((vector == expected).all()), "a sum is wrong"
    vector.zero_()
    slowest = torch.zeros(1, dtype=torch.float64)
    seconds = [time_sum(vector, slowest) for _ in range(args.rounds)]
    if rank == 0:
        median = statistics.median(seconds)
        share = 2 * (args.ranks - 1) / args.ranks
        print(json.dumps({
            "name": "comm.allreduce", "n": len(seconds), "median": median,
            "unit": "s", "way": "gloo", "ranks": args.ranks,
            "bytes": args.bytes,
            "bus_bytes_per_s": share * args.bytes / median}), flush=True)
    dist.destroy_process_group()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--bytes", type=int, default=1 << 27)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    with tempfile.TemporaryDirectory() as folder:
        multiprocessing.spawn(run, (args, os.path.join(folder, "store")),
                              nprocs=args.ranks)


if __name__ == "__main__":
    main()
