"""The peer of `crc_bench --filter 'train supervised'`: WRN-28-2 training steps in PyTorch on the CPU.

usage: torch_train.py [--threads N] [--batch 64] [--steps 8] [--layout channels_last|contiguous]

Prints one JSON line: seconds per step (every step timed), images per second, peak resident memory in MB, and the part of
it that was there before the first step. The network is the `raw_x` wiring (kekmodel); a step is forward, cross-entropy,
backward and SGD-Nesterov with weight decay on images that are already normalised tensors. crc_bench's step also draws,
augments and normalises its batch and keeps an EMA of the weights.
"""
import argparse
import json
import time

import torch
from torch.nn import functional as F

from wrn import WideResNet


def resident_mb(key):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith(key))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--layout", choices=["channels_last", "contiguous"], default="channels_last")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)

    layout = torch.channels_last if arguments.layout == "channels_last" else torch.contiguous_format
    net = WideResNet().to(memory_format=layout).train()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.03, momentum=0.9, nesterov=True, weight_decay=5e-4)
    x = torch.randn(arguments.batch, 3, 32, 32).to(memory_format=layout)
    y = torch.arange(arguments.batch) % 10
    before = resident_mb("VmRSS")

    def step():
        optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(net(x), y).backward()
        optimizer.step()

    step()
    step()
    seconds = []
    for _ in range(arguments.steps):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    median = sorted(seconds)[len(seconds) // 2]
    print(json.dumps({"peer": f"torch {torch.__version__} {arguments.layout}", "threads": torch.get_num_threads(),
                      "batch": arguments.batch, "seconds": seconds, "images_per_s": arguments.batch / median,
                      "peak_mb": resident_mb("VmHWM"), "before_mb": before}))


if __name__ == "__main__":
    main()
