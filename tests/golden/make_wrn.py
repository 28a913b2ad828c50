#!/usr/bin/env python3
"""Golden files for WRN and FixMatch from PyTorch: tests/golden/wrn.safetensors (run from anywhere, needs torch and NumPy).

Weights and inputs come from an integer hash that tests/golden/hash.h repeats, so the files hold results only: logits,
features, losses, and for every parameter gradient its norm and three projections on hash vectors.
The reference computes in float64 from float32 weights; the C++ side is fp32.
Logits and the loss curve are of the real net (LeakyReLU slope 0.1). Gradients of WRN-28-2 are taken at slope 0.9: at 0.1 a
pre-activation near zero that rounds to the other side changes the gradient of these 28 layers by more than any error worth
finding (PyTorch's own fp32 differs from its fp64 by 4e-3 then, and by 2e-6 in the median at 0.9).

    make_wrn.py [--full DIR]    --full also writes weights, inputs and whole gradients, for tests run with CRC_GOLDEN_DIR=DIR
"""
import argparse, json, math, pathlib, struct
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

here = pathlib.Path(__file__).resolve().parent


def hashed(n, stream):
    """float32 in [-1, 1): a bijective 32-bit mix of the index, the stream number added between two rounds."""
    x = np.arange(n, dtype=np.uint64)
    def mix(x):
        x = (x ^ (x >> 16)) * 0x7FEB352D & 0xFFFFFFFF
        x = (x ^ (x >> 15)) * 0x846CA68B & 0xFFFFFFFF
        return x ^ (x >> 16)
    x = mix(mix(x) + stream * 0x9E3779B9 & 0xFFFFFFFF)
    return ((x >> 8).astype(np.float64) * 2.0**-23 - 1.0).astype(np.float32)


NORM = {"eps": 1e-5, "momentum": 0.001, "offset": 0.0}
BIAS = {"convolutions": "none"}  # or "stem", "all"


def biased(stem=False):
    return BIAS["convolutions"] == "all" or (stem and BIAS["convolutions"] == "stem")


class Norm(nn.BatchNorm2d):
    """moves = False: train mode that leaves the running statistics alone."""
    def __init__(self, channels):
        super().__init__(channels, eps=NORM["eps"], momentum=NORM["momentum"])
        self.offset, self.moves = NORM["offset"], True

    def forward(self, x):
        if self.training and not self.moves:
            return F.batch_norm(x, None, None, self.weight, self.bias, True, self.momentum, self.eps) + self.offset
        return super().forward(x) + self.offset


SLOPE = 0.1


def act(x):
    return F.leaky_relu(x, SLOPE)


class Unit(nn.Module):
    def __init__(self, cin, cout, stride, rule):
        super().__init__()
        self.rule = "identity" if cin == cout and stride == 1 else rule
        self.bn1, self.conv1 = Norm(cin), nn.Conv2d(cin, cout, 3, stride, 1, bias=biased())
        self.bn2, self.conv2 = Norm(cout), nn.Conv2d(cout, cout, 3, 1, 1, bias=biased())
        if self.rule != "identity":
            self.convShortcut = nn.Conv2d(cin, cout, 1, stride, bias=biased())

    def forward(self, x):
        a = act(self.bn1(x))
        y = self.conv2(act(self.bn2(self.conv1(x if self.rule == "raw_x" else a))))
        if self.rule == "identity":
            return x + y
        return self.convShortcut(a if self.rule == "shared_act" else x) + y


class Stage(nn.Module):
    def __init__(self, units):
        super().__init__()
        self.layer = nn.Sequential(*units)

    def forward(self, x):
        return self.layer(x)


class Wrn(nn.Module):
    def __init__(self, depth, width, wiring, classes=10, base=16):
        super().__init__()
        widths, n = [base, base * width, 2 * base * width, 4 * base * width], (depth - 4) // 6
        self.conv1 = nn.Conv2d(3, base, 3, 1, 1, bias=biased(stem=True))
        for s in range(3):
            rule = "shared_act" if s == 0 else wiring
            units = [Unit(widths[s] if u == 0 else widths[s + 1], widths[s + 1], 2 if s and u == 0 else 1, rule) for u in range(n)]
            setattr(self, f"block{s + 1}", Stage(units))
        self.bn1, self.fc = Norm(widths[3]), nn.Linear(widths[3], classes)

    def features(self, x):
        return act(self.bn1(self.block3(self.block2(self.block1(self.conv1(x)))))).mean((2, 3))

    def forward(self, x):
        return self.fc(self.features(x))


def fill(net, first=0, head=1):
    """Hash weights, the stream number being `first` plus the tensor's position in the sorted list of names; head scales fc.weight."""
    state = net.state_dict()
    for stream, name in enumerate(sorted(state), first):
        t = state[name]
        if not t.dtype.is_floating_point:
            continue
        u = hashed(t.numel(), stream).reshape(t.shape)
        if t.dim() == 4:
            v = np.float32(math.sqrt(6.0 / (t.shape[0] * t.shape[2] * t.shape[3]))) * u
        elif t.dim() == 2:
            v = np.float32(head * math.sqrt(6.0 / (t.shape[0] + t.shape[1]))) * u
        elif name.endswith("running_var") or ("bn" in name and name.endswith("weight")):
            v = np.float32(1) + np.float32(0.25) * u
        else:
            v = np.float32(0.1) * u
        state[name] = torch.from_numpy(v.astype(np.float64))
    net.double().load_state_dict(state)


def images(n, size, stream):
    """Inputs [n, 3, size, size]; the hash runs over NHWC order, as the engine stores them."""
    return torch.from_numpy(hashed(n * size * size * 3, stream).reshape(n, size, size, 3).transpose(0, 3, 1, 2).astype(np.float64) * 2)


def summary(t):
    """Norm and three projections of a tensor in PyTorch's layout."""
    v = t.detach().double().numpy().reshape(-1)
    return [float(np.sqrt((v * v).sum()))] + [float((v * hashed(v.size, 900 + k)).sum()) for k in range(3)]


out, full = {}, {}
def put(name, values, dtype=np.float64):
    out[name] = np.asarray(values, dtype)


def gradients(net):
    for name, p in net.named_parameters():
        yield name, (torch.zeros_like(p) if p.grad is None else p.grad)


def set_slope(slope):
    global SLOPE
    SLOPE = slope


def golden_wrn(wiring):
    net = Wrn(28, 2, wiring); fill(net)
    x, y = images(4, 32, 500), torch.tensor([3, 1, 4, 1])
    full[f"weights.{wiring}"] = {k: v.float().numpy() for k, v in net.state_dict().items() if v.dtype.is_floating_point}
    net.eval()
    with torch.no_grad():
        put(f"{wiring}.eval.features", net.features(x)); put(f"{wiring}.eval.logits", net(x))
    net.train()
    with torch.no_grad():
        put(f"{wiring}.train.logits", net(x))
    set_slope(0.9); fill(net)
    F.cross_entropy(net(x), y).backward()
    set_slope(0.1)
    for name, g in gradients(net):
        put(f"{wiring}.grad.{name}", summary(g))
        full.setdefault(f"grads.{wiring}", {})[name] = g.float().numpy()
    for name, b in net.named_buffers():
        if "running" in name:
            put(f"{wiring}.buffer.{name}", summary(b))


def fixmatch(net, ema, velocity, t, horizon, x, weak, strong, y, threshold, lr=0.03, wd=5e-4):
    logits = net(torch.cat([x, weak, strong]))
    b, m = len(x), len(weak)
    with torch.no_grad():
        p, pseudo = F.softmax(logits[b:b + m], 1).max(1)
        mask = (p >= threshold).double()
    loss_x = F.cross_entropy(logits[:b], y)
    loss_u = (F.cross_entropy(logits[b + m:], pseudo, reduction="none") * mask).mean()
    net.zero_grad()
    (loss_x + loss_u).backward()
    rate = lr * math.cos(7 * math.pi * t / (16 * horizon))
    with torch.no_grad():
        for name, p_ in net.named_parameters():
            g = torch.zeros_like(p_) if p_.grad is None else p_.grad
            if "bn" not in name and "bias" not in name:
                g = g + wd * p_
            velocity[name] = 0.9 * velocity.get(name, torch.zeros_like(p_)) + g
            p_ -= rate * (g + 0.9 * velocity[name])
        for (name, e), (_, s) in zip(ema.state_dict().items(), net.state_dict().items()):
            if name in velocity:
                e.copy_(0.999 * e + (1 - 0.999) * s)
            else:
                e.copy_(s)
    return loss_x.item(), loss_u.item(), mask.mean().item()


def golden_fixmatch():
    net, ema = Wrn(28, 2, "raw_x"), Wrn(28, 2, "raw_x"); fill(net); fill(ema); net.train(); velocity = {}
    y = torch.tensor([3, 1, 4, 1])
    set_slope(0.9)
    losses = fixmatch(net, ema, velocity, 0, 1024, images(4, 32, 501), images(8, 32, 502), images(8, 32, 503), y, 0.3)
    set_slope(0.1)
    put("fixmatch.losses", losses)
    for name, p in net.named_parameters():
        put(f"fixmatch.student.{name}", summary(p)); put(f"fixmatch.momentum.{name}", summary(velocity[name]))
    for name, e in ema.state_dict().items():
        if e.dtype.is_floating_point:
            put(f"fixmatch.ema.{name}", summary(e))
    # twenty steps of a small net: the loss curve
    net, ema = Wrn(10, 1, "raw_x", base=8), Wrn(10, 1, "raw_x", base=8); fill(net); fill(ema); net.train(); velocity = {}
    curve = []
    for t in range(20):
        y = torch.tensor([(3 * i + t) % 10 for i in range(8)])
        curve.append(fixmatch(net, ema, velocity, t, 20, images(8, 16, 600 + 3 * t), images(16, 16, 601 + 3 * t),
                              images(16, 16, 602 + 3 * t), y, 0.3))
    put("curve.losses", curve)


def write_safetensors(path, tensors):
    names = {np.dtype(np.float64): "F64", np.dtype(np.float32): "F32"}
    order = sorted(tensors, key=lambda k: (-tensors[k].dtype.itemsize, k))
    header, at = {}, 0
    for k in order:
        header[k] = {"dtype": names[tensors[k].dtype], "shape": list(tensors[k].shape), "data_offsets": [at, at + tensors[k].nbytes]}
        at += tensors[k].nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(np.ascontiguousarray(tensors[k]).tobytes() for k in order))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--full", type=pathlib.Path)
    args = parser.parse_args()
    torch.set_num_threads(2)
    for wiring in ("raw_x", "shared_act", "preact"):
        golden_wrn(wiring)
    golden_fixmatch()
    write_safetensors(here / "wrn.safetensors", out)
    if args.full:
        args.full.mkdir(parents=True, exist_ok=True)
        for name, tensors in full.items():
            write_safetensors(args.full / f"{name}.safetensors", {k: np.ascontiguousarray(v, np.float32) for k, v in tensors.items()})
