"""The networks of nn/wrn.h and nn/mlp.h as PyTorch modules. The wirings are nn/wrn.h's."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from .errors import error_of


class Norm(nn.BatchNorm2d):
    def __init__(self, channels, m):
        super().__init__(channels, eps=float(m["bn_eps"]))
        self.offset, self.slope = float(m["bn_offset"]), float(m["slope"])

    def forward(self, x):  # and its activation
        return F.leaky_relu(super().forward(x) + self.offset, self.slope)


class Unit(nn.Module):
    def __init__(self, cin, cout, stride, rule, m):
        super().__init__()
        bias = m["conv_bias"] == "all"
        self.rule = "identity" if cin == cout and stride == 1 else rule
        self.bn1, self.conv1 = Norm(cin, m), nn.Conv2d(cin, cout, 3, stride, 1, bias=bias)
        self.bn2, self.conv2 = Norm(cout, m), nn.Conv2d(cout, cout, 3, 1, 1, bias=bias)
        if self.rule != "identity":
            self.convShortcut = nn.Conv2d(cin, cout, 1, stride, bias=bias)

    def forward(self, x):
        a = self.bn1(x)
        y = self.conv2(self.bn2(self.conv1(x if self.rule == "raw_x" else a)))
        return (x if self.rule == "identity" else self.convShortcut(a if self.rule == "shared_act" else x)) + y


class Stage(nn.Module):
    def __init__(self, units):
        super().__init__()
        self.layer = nn.Sequential(*units)

    def forward(self, x):
        return self.layer(x)


class Wrn(nn.Module):
    def __init__(self, m, classes):
        super().__init__()
        base, width, units = int(m["base_channels"]), int(m["width"]), (int(m["depth"]) - 4) // 6
        self.conv1, cin = nn.Conv2d(3, base, 3, 1, 1, bias=m["conv_bias"] != "none"), base
        for s in range(3):
            rule, cout, stage = "shared_act" if s == 0 else m["wiring"], base * width << s, []
            for u in range(units):
                stage.append(Unit(cin, cout, 1 if u else int(m["first_stride"]) if s == 0 else 2, rule, m))
                cin = cout
            setattr(self, f"block{s + 1}", Stage(stage))
        self.bn1, self.fc = Norm(cin, m), nn.Linear(cin, classes)

    def features(self, x):
        x = self.conv1((x - self.mean) / self.std)
        return self.bn1(self.block3(self.block2(self.block1(x)))).mean((2, 3))

    def forward(self, x):
        return self.fc(self.features(x))


class Mlp(nn.Module):
    """Images are read row by row, pixel by pixel: [H,W,3]."""

    def __init__(self, weights, m, classes):
        super().__init__()
        hidden = [weights[f"layers.{k}.weight"].shape for k in range(int(m["depth"]) if m["name"] == "mlp" else 0)]
        self.layers = nn.ModuleList(nn.Linear(s[1], s[0]) for s in hidden)
        self.fc, self.slope = nn.Linear(weights["fc.weight"].shape[1], classes), float(m.get("slope", 0))

    def features(self, x):
        if x.ndim == 4:
            x = ((x - self.mean) / self.std).permute(0, 2, 3, 1).flatten(1)
        for layer in self.layers:
            x = F.leaky_relu(layer(x), self.slope)
        return x

    def forward(self, x):
        return self.fc(self.features(x))


_KEYS = {"wrn": ("depth", "width", "base_channels", "conv_bias", "first_stride", "wiring", "bn_eps", "bn_offset",
                 "slope"),
         "mlp": ("depth", "slope"), "linear": ()}


def build(weights, metadata, given):
    m = {k[len("crc.model."):]: v for k, v in metadata.items() if k.startswith("crc.model.")}
    m.update({k: str(v) for k, v in given.items()})
    kind = m.get("name")
    if kind not in _KEYS:
        raise error_of(65, f"the weights do not say which network they are (name = {kind!r}); "
                         f"give name, one of {list(_KEYS)}")
    if missing := [k for k in _KEYS[kind] if k not in m]:
        raise error_of(65, f"the weights do not say {', '.join(missing)} of the network; "
                         f"give them: to_torch(w, {missing[0]}=...)")
    if "fc.weight" not in weights:
        raise error_of(65, "there is no fc.weight; crc_train export writes kekmodel's names, which are these modules'")
    classes = weights["fc.weight"].shape[0]
    net = Wrn(m, classes) if kind == "wrn" else Mlp(weights, m, classes)
    for name, default in (("mean", "0 0 0"), ("std", "1 1 1")):
        values = [float(v) for v in metadata.get(f"crc.normalize.{name}", default).split()]
        net.register_buffer(name, torch.tensor(values).reshape(1, 3, 1, 1), persistent=False)
    state = {k: torch.from_numpy(np.array(v)) for k, v in weights.items()}
    try:
        net.load_state_dict(state)
    except RuntimeError as error:
        raise error_of(65, f"the weights are not those of this network: {error}") from error
    return net.eval()
