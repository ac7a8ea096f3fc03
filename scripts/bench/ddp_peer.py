"""The same training step in plain PyTorch with DistributedDataParallel (gloo),
for a comparison with `voxlift bench train.step`: ResNet3D with batch norm,
softmax cross entropy with label smoothing, SGD with momentum, random voxels.

    ddp_peer.py --ranks 2 [--slot-batch 4] [--shape 3,224,224] [--steps 10]
    ddp_peer.py --ranks 1 --device cuda --precision bf16 --compile 1

Prints the same JSON lines: train.step, train.step.alone (no_sync) and
train.step.sync_share. Starts its own processes; with --rank and --address it
is one rank of a group on several hosts.
"""
import argparse
import json
import os
import time

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
import torch.nn as nn
import torch.nn.functional as F

from peer_networks import ResNet3D


def figure(name, values, unit):
    values = sorted(values)

    def quantile(share):
        position = share * (len(values) - 1)
        low = int(position)
        high = min(low + 1, len(values) - 1)
        return values[low] + (values[high] - values[low]) * (position - low)

    return {"name": name, "n": len(values), "median": quantile(0.5),
            "p10": quantile(0.1), "p90": quantile(0.9), "unit": unit}


def slowest(values):
    """Of every step, the largest value over the ranks."""
    tensor = torch.tensor(values, dtype=torch.float64)
    if dist.is_initialized():
        dist.all_reduce(tensor, op=dist.ReduceOp.MAX)
    return tensor.tolist()


def count_flop(model, x):
    """Of a step for one sample: forward, and twice that for backward."""
    total = 0

    def add(layer, _, output):
        nonlocal total
        total += 6 * output[0].numel() * layer.weight[0].numel()

    hooks = [layer.register_forward_hook(add) for layer in model.modules()
             if isinstance(layer, (nn.Conv3d, nn.Linear))]
    with torch.no_grad():
        model(x[:2])
    for hook in hooks:
        hook.remove()
    return total


class Peer:
    def __init__(self, args):
        torch.manual_seed(0)
        self.device = torch.device(args.device)
        self.bf16 = args.precision == "bf16"
        self.model = ResNet3D(args.depth, args.classes).to(self.device)
        self.bytes = sum(p.numel() * p.element_size()
                         for p in self.model.parameters())
        shape = [int(side) for side in args.shape.split(",")]
        self.x = torch.randn(args.slot_batch, 1, *shape, device=self.device)
        self.y = torch.randint(args.classes, (args.slot_batch,),
                               device=self.device)
        self.flop_per_sample = count_flop(self.model, self.x)
        if args.channels_last:
            self.model.to(memory_format=torch.channels_last_3d)
            self.x = self.x.to(memory_format=torch.channels_last_3d)
        if args.compile:
            self.model = torch.compile(self.model)
        if args.ranks > 1:
            self.model = nn.parallel.DistributedDataParallel(
                self.model, gradient_as_bucket_view=args.bucket_view)
        self.optimizer = torch.optim.SGD(self.model.parameters(), 1e-12,
                                         momentum=0.9, weight_decay=1e-4)

    def step(self):
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast(self.device.type, torch.bfloat16,
                            enabled=self.bf16):
            y = self.model(self.x)
        F.cross_entropy(y.float(), self.y, label_smoothing=0.1).backward()
        self.optimizer.step()
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def timed(self, synchronised):
        if dist.is_initialized():
            dist.barrier()
        begin, cpu = time.perf_counter(), time.process_time()
        if synchronised or not dist.is_initialized():
            self.step()
        else:
            with self.model.no_sync():
                self.step()
        self.cpu_s = time.process_time() - cpu
        return time.perf_counter() - begin


def run(rank, args):
    torch.set_num_threads(args.threads)
    if args.ranks > 1:
        dist.init_process_group("gloo", init_method=f"tcp://{args.address}",
                                rank=rank, world_size=args.ranks)
    peer = Peer(args)
    steps, alone, cpu = [], [], []
    for i in range(args.warmup + args.steps):
        step_s, cpu_s = peer.timed(True), peer.cpu_s
        alone_s = peer.timed(False) if args.alone else 0.0
        if i >= args.warmup:
            steps.append(step_s)
            cpu.append(cpu_s)
            alone.append(alone_s)
    steps, alone, cpu = slowest(steps), slowest(alone), slowest(cpu)
    if rank == 0:
        report(args, peer, steps, alone, cpu)
    if args.ranks > 1:
        dist.barrier()


def report(args, peer, steps, alone, cpu):
    samples = args.ranks * args.slot_batch
    line = figure("train.step", steps, "s")
    line.update(samples_s=samples / line["median"],
                cpu_s=figure("", cpu, "s")["median"],
                network=f"resnet3d{args.depth}", ranks=args.ranks,
                shape=[int(side) for side in args.shape.split(",")],
                slot_batch=args.slot_batch, threads=args.threads,
                gradient_bytes=peer.bytes,
                flop_per_sample=peer.flop_per_sample, peer=f"PyTorch {torch.__version__}")
    print(json.dumps(line), flush=True)
    if args.alone:
        line = figure("train.step.alone", alone, "s")
        line.update(samples_s=samples / line["median"])
        print(json.dumps(line), flush=True)
        print(json.dumps(figure("train.step.sync_share",
                                [a / b - 1 for a, b in zip(steps, alone)],
                                "of alone")), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--rank", type=int, help="be this rank only")
    parser.add_argument("--address", default="127.0.0.1:29511")
    parser.add_argument("--depth", type=int, default=18)
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--shape", default="3,224,224")
    parser.add_argument("--slot-batch", type=int, default=4)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--alone", type=int, default=1)
    parser.add_argument("--bucket-view", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", default="fp32",
                        choices=["fp32", "bf16"])
    parser.add_argument("--channels-last", type=int, default=0)
    parser.add_argument("--compile", type=int, default=0)
    args = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(args.threads)
    if args.rank is not None:
        run(args.rank, args)
    elif args.ranks == 1:
        run(0, args)
    else:
        mp.spawn(run, (args,), nprocs=args.ranks)


if __name__ == "__main__":
    main()
