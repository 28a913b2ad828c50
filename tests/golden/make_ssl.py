#!/usr/bin/env python3
"""Golden steps of the semi-supervised methods from PyTorch, in float64: tests/golden/ssl.safetensors (needs torch, NumPy).

preset.NAME.*: one step of each preset's network and recipe on hash inputs, in the middle of its schedule, with optimizer
memory zero and the averaged model's weights unlike the student's. Of every tensor, by sorted name: its norm and one
projection. At LeakyReLU slope 0.99: what make_wrn.py says of 0.9, for sharper heads.
curve.METHOD.*: twenty steps of a small net with a schedule that ramps, warms up and drops within them. At that slope too: at 0.1
a pre-activation near zero falls on one side or the other by the last bits of a processor's sums, and twenty steps carry that on.
The optimizers are PyTorch's own; the methods are written from their papers and the behaviour of the reference codes.
"""
import math, pathlib
import numpy as np
import torch
import torch.nn.functional as F
import make_wrn as w

out = {}
HEAD = 16  # sharpens the predictions, so that masks are mixed and the consistency terms weigh in


def put(name, values):
    out[name] = np.asarray(values, np.float32)


def row(t):
    v = t.detach().double().numpy().reshape(-1)
    return [math.sqrt((v * v).sum()), (v * w.hashed(v.size, 900)).sum()]


def put_rows(name, tensors):
    put(name, [row(tensors[k]) for k in sorted(tensors)])


def moves(net, flag):
    for m in net.modules():
        if isinstance(m, w.Norm):
            m.moves = flag


def train_forward(net, x, move=True):
    moves(net, move)
    y = net(x)
    moves(net, True)
    return y


def ramp(c, t):
    return c["weight"] * (1 if c["ramp"] == 0 else math.exp(-5 * (1 - min((t + 1) / c["ramp"], 1)) ** 2))


def fixmatch_loss(c, t, net, ema, views, y):
    logits = train_forward(net, torch.cat(views))
    b, m = len(views[0]), len(views[1])
    with torch.no_grad():
        p, pseudo = F.softmax(logits[b:b + m], 1).max(1)
        mask = (p >= c["threshold"]).double()
    loss_x = F.cross_entropy(logits[:b], y)
    loss_u = (F.cross_entropy(logits[b + m:], pseudo, reduction="none") * mask).mean()
    return loss_x + loss_u, loss_x, loss_u, mask.mean()


def consistency_loss(c, t, net, ema, views, y):
    n, b = len(views[0]), len(y)
    target = torch.cat([y, torch.full((n - b,), -1)])
    unlabeled = (target == -1).double()
    first = train_forward(net, views[0])
    if c["method"] == "mean_teacher":
        with torch.no_grad():
            answer = train_forward(ema, views[1], c["buffers"] == "own")
        student = first if c["shared"] else train_forward(net, views[2], False)
    elif c["shared"]:
        with torch.no_grad():
            answer = train_forward(net, views[1], False)
        student = first
    else:
        answer, student = first.detach(), train_forward(net, views[1], False)
    loss_x = F.cross_entropy(first, target, reduction="none", ignore_index=-1).mean()
    loss_u = (F.mse_loss(student.softmax(1), answer.softmax(1), reduction="none").mean(1) * unlabeled).mean()
    return loss_x + ramp(c, t) * loss_u, loss_x, loss_u, torch.zeros(())


def rate(c, t):
    if "horizon" in c:
        return c["lr"] * math.cos(7 * math.pi * t / (16 * c["horizon"]))
    return c["lr"] * (c["drop"] if t >= c["drop_at"] else 1)


def decay(c, t):
    return min(1 - 1 / (t + 2), c["ema"]) if c.get("warm") else c["ema"]


def make_optimizer(c, net, t):
    """With memory zero, as if t steps had been taken."""
    params = dict(net.named_parameters())
    if c["optimizer"] == "adam":
        optimizer = torch.optim.Adam(net.parameters(), lr=c["lr"])
        for p in net.parameters():
            optimizer.state[p] = {"step": torch.tensor(float(t)), "exp_avg": torch.zeros_like(p), "exp_avg_sq": torch.zeros_like(p)}
        return optimizer
    free = lambda k: any(word in k for word in c["not_decayed"])
    groups = [{"params": [p for k, p in params.items() if not free(k)], "weight_decay": c["wd"]},
              {"params": [p for k, p in params.items() if free(k)], "weight_decay": 0.0}]
    return torch.optim.SGD(groups, lr=c["lr"], momentum=0.9, nesterov=True)


def step(c, t, net, ema, optimizer, views, y):
    loss = fixmatch_loss if c["method"] == "fixmatch" else consistency_loss
    total, *parts = loss(c, t, net, ema, views, y)
    net.zero_grad()
    total.backward()
    for p in net.parameters():  # kekmodel's dead batch norms: decay and momentum see a gradient of zero
        p.grad = torch.zeros_like(p) if p.grad is None else p.grad
    for group in optimizer.param_groups:
        group["lr"] = rate(c, t)
    optimizer.step()
    d = decay(c, t)
    with torch.no_grad():
        weights = {k for k, _ in net.named_parameters()}
        for (name, e), (_, s) in zip(ema.state_dict().items(), net.state_dict().items()):
            if not e.dtype.is_floating_point:
                continue
            if name in weights or c["buffers"] == "averaged":
                e.copy_(d * e + (1 - d) * s)
            elif c["buffers"] == "copied":
                e.copy_(s)
    return [float(p) for p in parts]


def floats(net):
    return {k: v for k, v in net.state_dict().items() if v.dtype.is_floating_point}


FIXMATCH = {"method": "fixmatch", "optimizer": "sgd", "lr": 0.03, "horizon": 1024, "ema": 0.999, "buffers": "copied", "wd": 5e-4,
            "not_decayed": ["bn", "bias"], "threshold": 0.8, "t": 700, "wiring": "raw_x", "norm": {}}
PERRYING = {"method": "mean_teacher", "optimizer": "adam", "lr": 4e-4, "drop_at": 400000, "drop": 0.2, "weight": 8, "ramp": 200000,
            "ema": 0.95, "warm": True, "buffers": "own", "shared": False, "t": 123456, "wiring": "preact", "norm": {"momentum": 0.1}}
PRESETS = {
    "kekmodel": FIXMATCH,
    "kekmodel-early": FIXMATCH | {"wd": 0.0, "buffers": "averaged", "norm": {"offset": 0.1}},
    "lee-cifar100": FIXMATCH | {"wd": 1e-3, "not_decayed": ["bn"], "wiring": "shared_act", "width": 8, "classes": 100, "size": 8},
    "perrying-svhn": PERRYING,
    "oliver-svhn": PERRYING | {"warm": False, "buffers": "copied", "shared": True, "norm": {"eps": 1e-3}, "t": 7},
    "perrying-svhn-pi": PERRYING | {"method": "pi_model", "lr": 3e-4, "weight": 20, "warm": False, "buffers": "copied", "ema": 0.999, "t": 450000},
}


def views_of(c, b, m, size, stream):
    if c["method"] == "fixmatch":
        return [w.images(b, size, stream), w.images(m, size, stream + 1), w.images(m, size, stream + 2)]
    return [w.images(b + m, size, stream + k) for k in range(3)]


def make_net(c, depth, width, base, first, head=HEAD):
    w.NORM.update({"eps": 1e-5, "momentum": 0.001, "offset": 0.0} | c["norm"])
    net = w.Wrn(depth, width, c["wiring"], c.get("classes", 10), base)
    w.fill(net, first, head)
    net.train()
    return net


def golden_preset(name, c):
    net, ema = make_net(c, 28, c.get("width", 2), 16, 0), make_net(c, 28, c.get("width", 2), 16, 1000)
    optimizer = make_optimizer(c, net, c["t"])
    if name == "lee-cifar100":
        b, m, y = 2, 2, torch.tensor([31, 96])
    else:
        b, m, y = 4, 8, torch.tensor([3, 1, 4, 1])
    w.set_slope(0.99)
    losses = step(c, c["t"], net, ema, optimizer, views_of(c, b, m, c.get("size", 16), 501), y)
    w.set_slope(0.1)
    put(f"preset.{name}.losses", losses)
    put_rows(f"preset.{name}.student", floats(net))
    put_rows(f"preset.{name}.ema", floats(ema))
    memory = {"first": "momentum_buffer" if c["optimizer"] == "sgd" else "exp_avg", "second": "exp_avg_sq"}
    for part, key in memory.items():
        if part == "first" or c["optimizer"] == "adam":
            put_rows(f"preset.{name}.{part}", {k: optimizer.state[p][key] for k, p in net.named_parameters()})
    print(name, losses)


def golden_curve(name, changes):
    c = PERRYING | {"lr": 2e-3, "drop_at": 14, "ramp": 10, "ema": 0.8, "norm": {"momentum": 0.1}} | changes
    net, ema = make_net(c, 10, 1, 8, 0, 4), make_net(c, 10, 1, 8, 0, 4)
    optimizer = make_optimizer(c, net, 0)
    curve, students, averages, schedule = [], [], [], []
    w.set_slope(0.99)
    for t in range(20):
        y = torch.tensor([(3 * i + t) % 10 for i in range(6)])
        curve.append(step(c, t, net, ema, optimizer, views_of(c, 6, 6, 16, 600 + 3 * t), y)[:2])
        students.append(row(torch.cat([v.reshape(-1) for _, v in sorted(floats(net).items())])))
        averages.append(row(torch.cat([v.reshape(-1) for _, v in sorted(floats(ema).items())])))
        schedule.append([rate(c, t), decay(c, t), ramp(c, t)])
    w.set_slope(0.1)
    for part, values in {"losses": curve, "students": students, "averages": averages, "schedule": schedule}.items():
        put(f"curve.{name}.{part}", values)
    print(name, curve[0], curve[-1])


if __name__ == "__main__":
    torch.set_num_threads(2)
    for name, c in PRESETS.items():
        golden_preset(name, c)
    golden_curve("mean_teacher", {})
    golden_curve("mean_teacher_shared", {"shared": True, "buffers": "copied", "warm": False})
    golden_curve("pi_model", {"method": "pi_model", "buffers": "averaged"})
    golden_curve("pi_model_shared", {"method": "pi_model", "shared": True, "buffers": "copied"})
    w.write_safetensors(w.here / "ssl.safetensors", out)
