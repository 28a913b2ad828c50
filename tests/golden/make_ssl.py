#!/usr/bin/env python3
"""Golden steps of the semi-supervised methods from PyTorch, in float64: tests/golden/ssl.safetensors (needs torch, NumPy).

preset.NAME.*: one step of each preset's network and recipe on hash inputs, in the middle of its schedule, with optimizer
memory zero and the averaged model's weights unlike the student's. Of every tensor, by sorted name: its norm and one
projection. At LeakyReLU slope 0.99: what make_wrn.py says of 0.9, for sharper heads.
curve.METHOD.*: twenty steps of a small net with a schedule that ramps, warms up and drops within them. At that slope too: at 0.1
a pre-activation near zero falls on one side or the other by the last bits of a processor's sums, and twenty steps carry that on.
match.METHOD.*: twenty steps of the same net by each method of ssl/methods/matching.h and by pseudo_label, with what the method
remembers after every step; some with a labelled loss for unequal classes, or with further averages. Masks are steps: a run whose confidence comes near its threshold is refused (MARGIN).
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


def train_forward(net, x, move=True, of=None):
    moves(net, move)
    y = (of or net)(x)
    moves(net, True)
    return y


LABELS = [i * i % 10 for i in range(40)]  # of all labelled images, where their number matters: 2, 3, 7 and 8 have none


def label_ce(c, logits, y):
    """The labelled loss row by row: Menon et al. 2021, Eq. 10; Cui et al. 2019, weights whose mean is 1."""
    counts = torch.tensor([max(LABELS.count(k), 1) for k in range(logits.shape[1])], dtype=torch.float64)
    if c.get("adjustment"):
        logits = logits + c["adjustment"] * torch.log(counts / counts.sum())
    weights = {"inverse": 1 / counts, "effective": 1 / ((1 - c.get("beta", 0) ** counts) / (1 - c.get("beta", 0)))}.get(c.get("class_weights"))
    if weights is None:
        return F.cross_entropy(logits, y, reduction="none")
    return F.cross_entropy(logits, y, reduction="none") * (weights / weights.mean())[y]


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
    loss_x = label_ce(c, first[:b], y).sum() / n
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
    if c["method"] in METHODS:
        total, *parts = match_loss(c, t, net, start(c), views, y, [0] * len(views[-1]), [0] * len(y))
    else:
        total, *parts = loss(c, t, net, ema, views, y)
    descend(c, t, net, ema, optimizer, total)
    return [float(p) for p in parts]


def descend(c, t, net, ema, optimizer, total):
    net.zero_grad()
    total.backward()
    for p in net.parameters():  # kekmodel's dead batch norms: decay and momentum see a gradient of zero
        p.grad = torch.zeros_like(p) if p.grad is None else p.grad
    for group in optimizer.param_groups:
        group["lr"] = rate(c, t)
    optimizer.step()
    average(c, decay(c, t), net, ema)


def average(c, d, net, ema):
    with torch.no_grad():
        weights = {k for k, _ in net.named_parameters()}
        for (name, e), (_, s) in zip(ema.state_dict().items(), net.state_dict().items()):
            if not e.dtype.is_floating_point:
                continue
            if name in weights or c["buffers"] == "averaged":
                e.copy_(d * e + (1 - d) * s)
            elif c["buffers"] == "copied":
                e.copy_(s)


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


# USB and TorchSSL: what every method of theirs has, and what each has of its own.
USB = FIXMATCH | {"bias": "stem", "weight": 1.0, "decay": 0.999}
TORCHSSL = USB | {"bias": "all", "norm": {"eps": 1e-3}}
METHODS = {"uda": {"T": 0.4}, "pseudo_label": {"ramp": 409, "ramp_shape": "linear"}, "flexmatch": {},
           "softmatch": {"align": "uniform", "sigmas": 2}, "freematch": {"fairness": 0.001}, "refixmatch": {"T": 0.5},
           "adamatch": {"align": "predicted", "interpolate": False},
           "dash": {"T": 0.5, "warmup": 2048, "period": 10240, "factor": 1.0001, "gamma": 1.27, "least": 0.05},
           "defixmatch": {"weight": 0.5},
           "simmatch": {"align": "uniform", "window": 32, "T": 0.1, "alpha": 0.9, "bank": 0.7, "instance": 1.0, "warmup": 1024, "embedding": 128}}
dashed = lambda method: method.replace("_", "-")
PRESETS |= {f"usb-{dashed(m)}": USB | {"method": m} | c for m, c in METHODS.items()} | {"usb-fixmatch": USB}
PRESETS |= {f"torchssl-{dashed(m)}": TORCHSSL | {"method": m} | METHODS[m] for m in ("uda", "pseudo_label", "flexmatch", "softmatch")}
PRESETS |= {"torchssl-fixmatch": TORCHSSL, "torchssl-freematch": TORCHSSL | {"method": "freematch", "fairness": 0.01}}


def counts_of(method, b, m):
    return {"pseudo_label": [b, m], "defixmatch": [b, b, m, m]}.get(method, [b, m, m])


def views_of(c, b, m, size, stream):
    if c["method"] in METHODS:
        return [w.images(n, size, stream + k) for k, n in enumerate(counts_of(c["method"], b, m))]
    if c["method"] == "fixmatch":
        return [w.images(b, size, stream), w.images(m, size, stream + 1), w.images(m, size, stream + 2)]
    return [w.images(b + m, size, stream + k) for k in range(3)]


def make_net(c, depth, width, base, first, head=HEAD):
    w.NORM.update({"eps": 1e-5, "momentum": 0.001, "offset": 0.0} | c["norm"])
    w.BIAS["convolutions"] = c.get("bias", "none")
    net = w.Wrn(depth, width, c["wiring"], c.get("classes", 10), base)
    if c["method"] == "simmatch":
        features = 4 * base * width
        net.projection = torch.nn.Sequential(torch.nn.Linear(features, features), torch.nn.ReLU(), torch.nn.Linear(features, c["embedding"]))
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


def philox(key, counter):
    """Philox4x32-10 (Salmon et al. 2011)."""
    k, c = list(key), list(counter)
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k[0], b & 0xFFFFFFFF, (a >> 32) ^ c[3] ^ k[1], a & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def interpolation(seed, t, rows, classes):
    """AdaMatch's uniform numbers, one for each element of the labelled logits."""
    return torch.tensor([[(philox((seed, 15), (n * classes + c, t, 0, 0))[0] >> 8) * 2.0**-24 for c in range(classes)]
                         for n in range(rows)], dtype=torch.float64)


CLASSES, POOL, MARGIN = 10, 40, 2e-5
near, closest = [], []


def keep(value, threshold):
    near.extend((value - threshold).abs().tolist())
    return (value >= threshold).double()


def soft_ce(logits, target):
    return -(target * F.log_softmax(logits, 1)).sum(1)


def follow(c, old, new):
    return c["decay"] * old + (1 - c["decay"]) * new


class Memory(dict):
    """What a method remembers; arrays of fp64."""


def start(c):
    method = c["method"]
    even = torch.full((CLASSES,), 1 / CLASSES, dtype=torch.float64)
    zeros, one = torch.zeros(CLASSES, dtype=torch.float64), lambda v: torch.tensor([v], dtype=torch.float64)
    return {"softmatch": Memory(p_model=zeros, mean=one(1 / CLASSES), variance=one(1.0)),
            "adamatch": Memory(p_model=zeros, p_target=even, threshold=one(0.0)),
            "freematch": Memory(p_model=even, shares=even, level=one(1 / CLASSES), threshold=zeros),
            "flexmatch": Memory(item_labels=torch.full((POOL,), -1.0, dtype=torch.float64), counts=zeros, threshold=zeros),
            "dash": Memory(rho=one(0.0), threshold=one(0.0)),
            "simmatch": Memory(p_model=zeros, bank=torch.zeros(POOL, c.get("embedding", 1), dtype=torch.float64),
                               bank_labels=torch.full((POOL,), -1.0, dtype=torch.float64))}.get(method, Memory())


def align(memory, c, t, p, labeled=None, y=None):
    """normalise(p * target / model), both running."""
    to = c["align"]
    if c.get("window"):
        rows = memory.setdefault("rows", [torch.zeros(CLASSES, dtype=torch.float64)] * min(t, c["window"] - 1))
        rows.append(p.mean(0))
        memory["p_model"] = torch.stack(rows[-c["window"]:]).mean(0)
    else:
        memory["p_model"] = p.mean(0) if t == 0 else follow(c, memory["p_model"], p.mean(0))
    target = torch.full((CLASSES,), 1 / CLASSES, dtype=torch.float64)
    if to != "uniform":
        seen = labeled.mean(0) if to == "predicted" else torch.bincount(y, minlength=CLASSES).double() / len(y)
        memory["p_target"] = target = follow(c, memory["p_target"], seen)
    q = p * (target + 1e-6) / (memory["p_model"] + 1e-6)
    return q / q.sum(1, keepdim=True)


def fairness(mask, strong, model, shares):
    p = strong[mask.bool()].softmax(1)
    if len(p) == 0:
        return torch.zeros((), dtype=torch.float64)
    hist = torch.bincount(p.argmax(1), minlength=CLASSES).double() / len(p)
    over = lambda a, b: torch.where(b > 0, a / b.clamp(min=1e-300), torch.zeros_like(a))
    wanted, seen = over(model, shares), over(p.mean(0), hist)
    return (wanted / wanted.sum() * torch.log(seen / seen.sum() + 1e-12)).sum()


def similar(c, t, memory, z, b, m, p):
    """SimMatch: the target that similarities refine, and the loss between instances; before both, what is remembered."""
    bank, labels = memory["bank"], memory["bank_labels"]
    seen = labels >= 0
    if t < c["warmup"] or not seen.any():
        return p, torch.zeros((), dtype=torch.float64)
    classes = F.one_hot(labels[seen].long(), CLASSES).double()
    q = (z[b:b + m].detach() @ bank[seen].T / c["T"]).softmax(1)
    unfolded = q * (p @ classes.T)
    loss = soft_ce(z[b + m:] @ bank[seen].T / c["T"], unfolded / unfolded.sum(1, keepdim=True)).mean()
    return c["alpha"] * p + (1 - c["alpha"]) * (q @ classes), loss


def remember(c, memory, z, y, items):
    bank, labels = memory["bank"].clone(), memory["bank_labels"].clone()
    for n, item in enumerate(items):
        if item in items[n + 1:]:
            continue
        m = 0 if labels[item] < 0 else c["bank"]
        bank[item] = F.normalize(m * bank[item] + (1 - m) * z[n], dim=0)
        labels[item] = float(y[n])
    memory["bank"], memory["bank_labels"] = bank, labels


def match_loss(c, t, net, memory, views, y, items, labeled_items):
    method, b = c["method"], len(y)
    ce = lambda logits, labels: F.cross_entropy(logits, labels, reduction="none")
    if method == "pseudo_label":
        x, weak = train_forward(net, views[0]), train_forward(net, views[1], False)
        strong = weak
    else:
        h = train_forward(net, torch.cat(views), of=net.features)
        logits = net.fc(h)
        m = len(views[-1])
        x, weak, strong = logits[:b], logits[-2 * m:-m], logits[-m:]
    m = len(weak)
    w, extra = weak.detach(), 0
    p = w.softmax(1)
    top, label = p.max(1)
    target = None
    loss_x = label_ce(c, x, y).mean()
    if method in ("uda", "fixmatch", "refixmatch", "defixmatch", "pseudo_label"):
        mask = keep(top, c["threshold"])
        if method == "uda":
            target = (w / c["T"]).softmax(1)
    if method == "refixmatch":
        low = F.kl_div(F.log_softmax(strong / c["T"], 1), (p / c["T"]).softmax(1), reduction="none").sum(1) * (1 - mask)
        extra = low.mean()
    if method == "defixmatch":
        again = logits[b:2 * b]
        loss_x = (label_ce(c, x, y).mean() + label_ce(c, again, y).mean()) / 2
        sure, guess = x.detach().softmax(1).max(1)
        extra = -(ce(again, guess) * keep(sure, c["threshold"])).mean()
    if method == "softmatch":
        top = align(memory, c, t, p, x.detach().softmax(1), y).max(1)[0]
        memory["mean"] = follow(c, memory["mean"], top.mean())
        memory["variance"] = follow(c, memory["variance"], top.var(unbiased=True))
        mask = torch.exp(-(torch.clamp(top - memory["mean"], max=0) ** 2) / (2 * memory["variance"] / c["sigmas"] ** 2))
    if method == "adamatch":
        mixed = x
        if c["interpolate"]:
            r = interpolation(0, t, b, CLASSES)
            mixed = r * x + (1 - r) * train_forward(net, views[0], False)
            loss_x = label_ce(c, mixed, y).mean()
        seen = mixed.detach().softmax(1)
        memory["threshold"] = (c["threshold"] * seen.max(1)[0].mean()).reshape(1)
        top, label = align(memory, c, t, p, seen, y).max(1)
        mask = keep(top, memory["threshold"])
    if method == "simmatch":
        sums = net.projection[0](h)
        closest.append(sums.detach().abs().min().item())
        z = F.normalize(net.projection(h), dim=1)
        target, between = similar(c, t, memory, z, b, m, align(memory, c, t, p))
        remember(c, memory, z.detach(), y, labeled_items)
        mask = keep(target.max(1)[0], c["threshold"])
        extra = c["instance"] * between
    if method == "freematch":
        memory["level"] = follow(c, memory["level"], top.mean())
        memory["p_model"] = follow(c, memory["p_model"], p.mean(0))
        memory["shares"] = follow(c, memory["shares"], torch.bincount(label, minlength=CLASSES).double() / m)
        memory["threshold"] = memory["level"] * memory["p_model"] / memory["p_model"].max()
        mask = keep(top, memory["threshold"][label])
    if method == "flexmatch":
        counts = torch.tensor([float((memory["item_labels"] == k).sum()) for k in range(CLASSES)], dtype=torch.float64)
        unused = float((memory["item_labels"] == -1).sum())
        beta = counts / max(counts.max(), unused)
        memory["threshold"] = c["threshold"] * beta / (2 - beta)
        mask = keep(top, memory["threshold"][label])
        table = memory["item_labels"].clone()
        for n in torch.nonzero(keep(top, c["threshold"])).flatten().tolist():
            table[items[n]] = float(label[n])
        memory["item_labels"] = table
        memory["counts"] = torch.tensor([float((table == k).sum()) for k in range(CLASSES)], dtype=torch.float64)
    if method == "dash":
        warm = t < c["warmup"]
        if warm:
            new = loss_x.detach().reshape(1)
            memory["rho"] = new if t == 0 else 0.9 * memory["rho"] + 0.1 * new
        falls = 0 if warm else (t - c["warmup"]) // c["period"]
        rho = max(c["least"], float(c["factor"] * c["gamma"] ** -falls * memory["rho"]))
        memory["threshold"] = torch.tensor([rho], dtype=torch.float64)
        target = F.one_hot(label, CLASSES).double() if rho <= c["least"] else (w / c["T"]).softmax(1)
        mask = 1 - keep(soft_ce(w, target), rho)
        if warm:
            mask = torch.zeros(m, dtype=torch.float64)
    each = ce(strong, label) if target is None else soft_ce(strong, target)
    loss_u = (each * mask).mean()
    u = weight(c, t)
    total = loss_x + u * (loss_u + extra)
    if method == "freematch":
        total = total + c["fairness"] * fairness(mask, strong, memory["p_model"], memory["shares"])
    logged = loss_u + extra if method == "refixmatch" else loss_u + between if method == "simmatch" else loss_u
    return total, loss_x, logged, mask.mean()


def weight(c, t):
    r = min(t / c["ramp"], 1) if c.get("ramp") else 1
    return c["weight"] * (r if c.get("ramp_shape") == "linear" else (1 - math.cos(math.pi * r)) / 2 if c.get("ramp_shape") else 1)


MATCH = {"optimizer": "sgd", "lr": 0.03, "horizon": 20, "ema": 0.999, "buffers": "copied", "wd": 5e-4, "not_decayed": ["bn", "bias"],
         "wiring": "raw_x", "norm": {}, "weight": 1.5, "decay": 0.9, "threshold": 0.5}
MATCHES = {"uda": {"T": 0.4}, "refixmatch": {"T": 0.5, "threshold": 0.3}, "defixmatch": {}, "flexmatch": {},
           "softmatch": {"align": "uniform", "sigmas": 2}, "freematch": {"fairness": 0.05},
           "adamatch": {"align": "predicted", "interpolate": True, "ramp": 10, "ramp_shape": "cosine", "threshold": 0.9},
           "dash": {"T": 0.5, "warmup": 5, "period": 4, "factor": 1.0001, "gamma": 1.27, "least": 1.4},
           "pseudo_label": {"ramp": 8, "ramp_shape": "linear"},
           "softmatch-window": {"align": "labels", "sigmas": 4, "window": 4},
           "adamatch-plain": {"align": "predicted", "interpolate": False, "threshold": 0.95},
           "simmatch": {"align": "uniform", "window": 4, "T": 0.1, "alpha": 0.7, "bank": 0.7, "instance": 2.0, "warmup": 3, "embedding": 8,
                        "threshold": 0.25},
           "fixmatch-adjusted": {"adjustment": 1.5},
           "fixmatch-averages": {"buffers": "averaged", "warm": True, "decays": [0.5, 0.9]},
           "defixmatch-inverse": {"class_weights": "inverse", "adjustment": 0.5},
           "pseudo_label-adjusted": {"ramp": 8, "ramp_shape": "linear", "adjustment": 1},
           "adamatch-effective": {"align": "predicted", "interpolate": True, "ramp": 10, "ramp_shape": "cosine", "threshold": 0.9,
                                  "class_weights": "effective", "beta": 0.9}}


def golden_match(name, changes):
    c = MATCH | changes | {"method": name.split("-")[0]}
    net, ema = make_net(c, 10, 1, 8, 0, 4), make_net(c, 10, 1, 8, 0, 4)
    optimizer = make_optimizer(c, net, 0)
    memory = start(c)
    if c.get("align") == "labels":
        memory["p_target"] = torch.full((CLASSES,), 1 / CLASSES, dtype=torch.float64)
    losses, students, averages, kept = [], [], [], {}
    more = [make_net(c, 10, 1, 8, 0, 4) for _ in c.get("decays", [])]
    further = [[] for _ in more]
    near.clear()
    closest.clear()
    w.set_slope(0.99)
    count = counts_of(c["method"], 6, 12)
    for t in range(20):
        y = torch.tensor([(3 * i + t) % 10 for i in range(6)])
        items = [(n * n + 5 * t) % POOL for n in range(12)]
        views = [w.images(n, 16, 600 + 4 * t + k) for k, n in enumerate(count)]
        labeled_items = [(7 * n % 28 + 3 * t) % POOL for n in range(6)]  # one of them twice
        total, *parts = match_loss(c, t, net, memory, views, y, items, labeled_items)
        descend(c, t, net, ema, optimizer, total)
        losses.append([float(v.detach()) for v in parts])
        students.append(row(torch.cat([v.reshape(-1) for _, v in sorted(floats(net).items())])))
        averages.append(row(torch.cat([v.reshape(-1) for _, v in sorted(floats(ema).items())])))
        for k, other in enumerate(more):
            average(c, min(1 - 1 / (t + 2), c["decays"][k]) if c.get("warm") else c["decays"][k], net, other)
            further[k].append(row(torch.cat([v.reshape(-1) for _, v in sorted(floats(other).items())])))
        for key, value in memory.items():
            if key != "rows":
                kept.setdefault(key, []).append(value.tolist())
    w.set_slope(0.1)
    put(f"match.{name}.losses", losses)
    put(f"match.{name}.students", students)
    put(f"match.{name}.averages", averages)
    for k, values in enumerate(further):
        put(f"match.{name}.average{k + 1}", values)
    for key, values in kept.items():
        put(f"match.{name}.running.{key}", values)
    print(name, losses[0], losses[-1], "masks", [round(v[2], 2) for v in losses], "nearest", min(near, default=1))
    assert min(near, default=1) > MARGIN, "a mask that the last bits of fp32 decide"
    assert min(closest, default=1) > 1e-6, "a hidden unit that the last bits of fp32 switch"


if __name__ == "__main__":
    torch.set_num_threads(2)
    for name, c in PRESETS.items():
        golden_preset(name, c)
    golden_curve("mean_teacher", {})
    golden_curve("mean_teacher_shared", {"shared": True, "buffers": "copied", "warm": False})
    golden_curve("pi_model", {"method": "pi_model", "buffers": "averaged"})
    golden_curve("pi_model_shared", {"method": "pi_model", "shared": True, "buffers": "copied"})
    golden_curve("mean_teacher_inverse", {"class_weights": "inverse", "adjustment": 1})
    for name, changes in MATCHES.items():
        golden_match(name, changes)
    w.write_safetensors(w.here / "ssl.safetensors", out)
