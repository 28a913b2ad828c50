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
from torch import nn
from torch.nn import functional as F


def resident_mb(key):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith(key))


class Unit(nn.Module):
    def __init__(self, inputs, outputs, stride, activate_before):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs, momentum=0.001)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs, momentum=0.001)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        same = inputs == outputs and stride == 1
        self.shortcut = None if same else nn.Conv2d(inputs, outputs, 1, stride, bias=False)
        self.activate_before = activate_before

    def forward(self, x):
        a = F.leaky_relu(self.bn1(x), 0.1, inplace=True)
        if self.shortcut is not None and self.activate_before:
            x = a
        y = self.conv2(F.leaky_relu(self.bn2(self.conv1(a)), 0.1, inplace=True))
        return y + (x if self.shortcut is None else self.shortcut(x))


class WideResNet(nn.Module):
    def __init__(self, depth=28, width=2, classes=10):
        super().__init__()
        channels = [16, 16 * width, 32 * width, 64 * width]
        self.stem = nn.Conv2d(3, channels[0], 3, 1, 1, bias=False)
        units = []
        for stage in range(3):
            for u in range((depth - 4) // 6):
                units.append(Unit(channels[stage] if u == 0 else channels[stage + 1], channels[stage + 1],
                                  2 if u == 0 and stage > 0 else 1, stage == 0 and u == 0))
        self.units = nn.Sequential(*units)
        self.bn = nn.BatchNorm2d(channels[3], momentum=0.001)
        self.fc = nn.Linear(channels[3], classes)

    def forward(self, x):
        x = F.leaky_relu(self.bn(self.units(self.stem(x))), 0.1, inplace=True)
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


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
