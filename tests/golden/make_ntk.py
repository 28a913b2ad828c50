#!/usr/bin/env python3
"""Golden file for the full NTK from PyTorch's autograd in float64: tests/golden/ntk.safetensors (needs torch and NumPy).

Small nets in evaluation mode with make_wrn.py's hash weights and images: per net the kernel over all logits [N*C, N*C] and, for
every parameter that the logits depend on, the norms of its Jacobian [N*C] (row i*C + c is the gradient of logit c of image i).
"""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

import make_wrn
from make_wrn import fill, here, images, write_safetensors

CLASSES, SLOPE, EPS = 3, float(np.float32(0.1)), float(np.float32(1e-5))  # the engine's are float32
out = {}


class Mlp(nn.Module):
    def __init__(self, widths):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(widths, widths[1:]))
        self.fc = nn.Linear(widths[-1], CLASSES)

    def forward(self, x):
        x = x.permute(0, 2, 3, 1).flatten(1)
        for layer in self.layers:
            x = F.leaky_relu(layer(x), SLOPE)
        return self.fc(x)


def golden(name, net, x):
    for m in net.modules():
        if isinstance(m, nn.BatchNorm2d):
            m.eps = EPS
    fill(net)
    net.eval()
    used, rows, norms = None, [], {}
    logits = net(x)
    for i in range(len(x)):
        for c in range(CLASSES):
            grads = torch.autograd.grad(logits[i, c], list(net.parameters()), retain_graph=True, allow_unused=True)
            used = [(n, g) for (n, _), g in zip(net.named_parameters(), grads) if g is not None]
            rows.append(torch.cat([g.reshape(-1) for _, g in used]))
            for n, g in used:
                norms.setdefault(n, []).append(float(g.norm()))
    j = torch.stack(rows)
    out[f"{name}.kernel"] = (j @ j.T).numpy()
    out[f"{name}.logits"] = logits.detach().numpy()
    for n, v in norms.items():
        out[f"{name}.norm.{n}"] = np.asarray(v)


if __name__ == "__main__":
    torch.set_num_threads(1)
    make_wrn.set_slope(SLOPE)
    for wiring in ("raw_x", "shared_act", "preact"):
        golden(wiring, make_wrn.Wrn(10, 2, wiring, classes=CLASSES, base=4), images(3, 9, 700))
    biased = make_wrn.Wrn(10, 1, "raw_x", classes=CLASSES, base=4)
    for m in biased.modules():
        if isinstance(m, nn.Conv2d):
            m.bias = nn.Parameter(torch.zeros(m.out_channels))
    golden("biased", biased, images(3, 8, 701))
    golden("mlp", Mlp([27, 8, 7]), images(3, 3, 702))
    write_safetensors(here / "ntk.safetensors", out)
