"""A network of crc_train in PyTorch. Its weights file says which one it is (docs/weights.md).

    net = load("runs/own/rounds/02/weights.safetensors")    # needs torch and safetensors
    logits = net(images)                                    # uint8 [N,H,W,3] in RGB, as decoded -> [N,C]; net.class_names
"""
import json

import torch
from safetensors import safe_open
from torch import nn


class Unit(nn.Module):
    def __init__(self, say, inputs, outputs, stride, stage):
        super().__init__()
        self.say, bias = say, say["conv_bias"] == "all"
        self.bn1, self.bn2 = (nn.BatchNorm2d(c, float(say["bn_eps"])) for c in (inputs, outputs))
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=bias)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=bias)
        self.convShortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=bias) if stride > 1 or inputs != outputs else None
        self.wiring = "shared_act" if stage == 0 else say["wiring"]  # of a unit with a shortcut of its own

    def act(self, x):
        return nn.functional.leaky_relu(x + float(self.say["bn_offset"]), float(self.say["slope"]))

    def forward(self, x):
        a = self.act(self.bn1(x))
        raw = self.convShortcut is not None and self.wiring == "raw_x"
        y = self.conv2(self.act(self.bn2(self.conv1(x if raw else a))))
        return y + (x if self.convShortcut is None else self.convShortcut(a if self.wiring == "shared_act" else x))


class Wrn(nn.Module):
    def __init__(self, say, classes, mean, std):
        super().__init__()
        base, width, depth = (int(say[key]) for key in ("base_channels", "width", "depth"))
        self.conv1, inputs = nn.Conv2d(3, base, 3, 1, 1, bias=say["conv_bias"] != "none"), base
        for stage in range(3):
            block, outputs = nn.Module(), base * width << stage
            strides = [int(say["first_stride"]) if stage == 0 else 2] + [1] * ((depth - 4) // 6 - 1)
            block.layer = nn.Sequential(*(Unit(say, inputs if k == 0 else outputs, outputs, stride, stage)
                                          for k, stride in enumerate(strides)))
            self.add_module(f"block{stage + 1}", block)
            inputs = outputs
        self.bn1, self.fc = nn.BatchNorm2d(inputs, float(say["bn_eps"])), nn.Linear(inputs, classes)
        self.mean, self.std = torch.tensor(mean), torch.tensor(std)

    def forward(self, images):
        x = ((images / 255 - self.mean.to(images.device)) / self.std.to(images.device)).permute(0, 3, 1, 2)
        x = self.block3.layer(self.block2.layer(self.block1.layer(self.conv1(x))))
        return self.fc(self.block3.layer[0].act(self.bn1(x)).mean((2, 3)))


def load(path):
    with safe_open(path, "pt") as file:
        about, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}
    say = {key.removeprefix("crc.model."): value for key, value in about.items() if key.startswith("crc.model.")}
    mean, std = ([float(v) for v in about[f"crc.normalize.{key}"].split()] for key in ("mean", "std"))
    net = Wrn(say, len(tensors["fc.bias"]), mean, std)
    net.class_names = json.loads(about["crc.class_names"])
    net.load_state_dict(tensors)
    return net.eval()
