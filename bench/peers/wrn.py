"""WRN-28-2 in PyTorch under kekmodel's tensor names, the `raw_x` wiring, and a reader of safetensors files."""
import array
import json
import struct

import torch
from torch import nn
from torch.nn import functional as F


def read_safetensors(path):
    """{name: tensor}, metadata"""
    types = {"F32": "f", "I32": "i", "I64": "q"}
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    metadata, tensors = header.pop("__metadata__", {}), {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        values = array.array(types[entry["dtype"]], data[begin:end])
        tensors[name] = torch.tensor(values).reshape(entry["shape"])
    return tensors, metadata


class Norm(nn.BatchNorm2d):
    """In train mode with moves = False: the batch's statistics, while the running ones stay as they are."""
    moves = True

    def __init__(self, channels):
        super().__init__(channels, momentum=0.001)

    def forward(self, x):
        if self.training and not self.moves:
            return F.batch_norm(x, None, None, self.weight, self.bias, True, self.momentum, self.eps)
        return super().forward(x)


def activate(x):
    return F.leaky_relu(x, 0.1, inplace=True)


class Unit(nn.Module):
    def __init__(self, inputs, outputs, stride, activate_before):
        super().__init__()
        self.bn1, self.conv1 = Norm(inputs), nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn2, self.conv2 = Norm(outputs), nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.same = inputs == outputs and stride == 1
        if not self.same:
            self.convShortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
        self.activate_before = activate_before

    def forward(self, x):
        a = activate(self.bn1(x))
        if self.same:
            return x + self.conv2(activate(self.bn2(self.conv1(a))))
        x = a if self.activate_before else x  # elsewhere a is thrown away: the wiring's quirk
        return self.convShortcut(x) + self.conv2(activate(self.bn2(self.conv1(x))))


class Stage(nn.Module):
    def __init__(self, count, inputs, outputs, stride, activate_before):
        super().__init__()
        self.layer = nn.Sequential(*(Unit(inputs if u == 0 else outputs, outputs, stride if u == 0 else 1,
                                          activate_before) for u in range(count)))

    def forward(self, x):
        return self.layer(x)


class WideResNet(nn.Module):
    def __init__(self, depth=28, width=2, classes=10):
        super().__init__()
        count, channels = (depth - 4) // 6, [16, 16 * width, 32 * width, 64 * width]
        self.conv1 = nn.Conv2d(3, channels[0], 3, 1, 1, bias=False)
        self.block1 = Stage(count, channels[0], channels[1], 1, True)
        self.block2 = Stage(count, channels[1], channels[2], 2, False)
        self.block3 = Stage(count, channels[2], channels[3], 2, False)
        self.bn1 = Norm(channels[3])
        self.fc = nn.Linear(channels[3], classes)

    def forward(self, x):
        x = activate(self.bn1(self.block3(self.block2(self.block1(self.conv1(x))))))
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))
