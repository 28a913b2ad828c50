"""USB (microsoft/Semi-supervised-learning) beside a sweep of ours: its algorithms on the same data, labels, network and steps.

usage: usb.py SWEEP --ours RECORD --usb DIR --data FOLDER --out FILE [--methods fixmatch,softmatch]

SWEEP is a directory of `crc_train sweep docs/examples/ssl-usb.toml` (or ssl-usb-digits.toml), RECORD what
`crc_train compare SWEEP --record RECORD` wrote, FOLDER its data, DIR a checkout of USB, whose classes train here as they are: forward and losses (train_step), masks, weights and thresholds (hooks), optimizer, cosine,
EMA, and for images its WideResNet. This file gives them what their loaders would: batches of the items that each run of SWEEP
was given, with its views. The order of items, the noise and the first weights are drawn anew: same distributions, other numbers.
FILE gets a line for each run, as `crc_train compare --record` writes them: a block for each method and label count, ours and
USB's in it; lines that are there already are kept. Then: crc_train compare FILE --page PAGE.

digits: as `crc_train data make FOLDER --set data.name=street_digits --set data.profile=easy` writes them.
"""
import argparse
import contextlib
import importlib.abc
import importlib.machinery
import io
import json
import pathlib
import subprocess
import sys
import time
import tomllib
import types

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


# What USB imports and nothing here uses: classes that do nothing under every name.
class AbsentType(type):
    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return AbsentType(name, (Absent,), {})


class Absent(metaclass=AbsentType):
    def __init__(self, *arguments, **options):
        pass

    def __call__(self, *arguments, **options):
        return Absent()


class AbsentModule(types.ModuleType):
    __path__ = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return AbsentType(name, (Absent,), {})


class Absences(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    NAMES = {"torchvision", "torchaudio", "transformers", "timm", "PIL", "progress", "wandb", "aim", "tqdm", "skimage",
             "ruamel"}

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in self.NAMES or name.startswith("torch.utils.tensorboard"):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return AbsentModule(spec.name)

    def exec_module(self, module):
        pass


class Rows:
    """Embeddings: data.scaling = "center", noise and dropout as kernels/ops/noisy_rows.h has them."""

    def __init__(self, folder, settings):
        load = lambda name: np.load(folder / name)
        train, test = load("train.npy").astype(np.float64), load("test.npy").astype(np.float64)
        mean, scale = train.mean(0), np.sqrt(train.var(0).mean())
        as_rows = lambda rows: torch.tensor(((rows - mean) / scale).astype(np.float32))
        limit = settings["data"]["limit_train"] or len(train)
        self.train, self.test = as_rows(train[:limit]), as_rows(test)
        self.labels, self.test_labels = (torch.tensor(load(f"{part}_labels.npy").astype(np.int64))
                                         for part in ("train", "test"))
        self.labels = self.labels[:limit]
        ssl = settings["ssl"]
        self.weak_noise, self.weak_dropout = ssl["weak"]["noise"], ssl["weak"]["dropout"]
        self.strong_noise, self.strong_dropout = ssl["strong_noise"], ssl["strong_dropout"]

    def view(self, items, strong, random):
        noise, dropout = ((self.strong_noise, self.strong_dropout) if strong else (self.weak_noise, self.weak_dropout))
        rows = self.train[items]
        rows = rows + noise * torch.randn(rows.shape, generator=random)
        if dropout > 0:
            rows = rows * (torch.rand(rows.shape, generator=random) >= dropout) / (1 - dropout)
        return rows


class Digits:
    """Images: crop after reflecting `crop_pad` pixels, no flip; strong: Cutout of kernels/augment/cutout.h besides."""

    def __init__(self, folder, settings):
        height, width = (int(word) for word in (folder / "image_size.txt").read_text().split())
        self.height, self.width, self.pad = height, width, settings["ssl"]["weak"]["crop_pad"]
        if settings["ssl"]["weak"]["flip"] or settings["ssl"]["strong"] != "cutout":
            sys.exit("usb.py: digits are not flipped, and their strong views are ssl.strong = \"cutout\"")

        def load(files):
            records = np.concatenate([np.fromfile(file, np.uint8).reshape(-1, 1 + 3 * height * width) for file in files])
            return torch.tensor(records[:, 1:].reshape(-1, 3, height, width)), torch.tensor(records[:, 0].astype(np.int64))

        pixels, self.labels = load(sorted(folder.glob("data_batch_*.bin")))
        test, self.test_labels = load([folder / "test_batch.bin"])
        values = pixels.double() / 255
        mean, deviation = (v.float()[None, :, None, None] for v in (values.mean((0, 2, 3)), values.std((0, 2, 3),
                                                                                                       correction=0)))
        self.normalize = lambda images: (images.float() / 255 - mean) / deviation
        self.test = self.normalize(test)
        self.padded = F.pad(pixels.float(), (self.pad,) * 4, mode="reflect")

    def view(self, items, strong, random):
        n, height, width = len(items), self.height, self.width
        draw = lambda *range_: torch.randint(*range_, (n, 1), generator=random)
        y, x = draw(2 * self.pad + 1) + torch.arange(height), draw(2 * self.pad + 1) + torch.arange(width)
        images = self.padded[items[:, None, None], :, y[:, :, None], x[:, None, :]].permute(0, 3, 1, 2)
        if strong:
            side, covered = width // 2, []
            for length in (height, width):
                low = (length * torch.rand((n, 1), generator=random) - side / 2).clamp(min=0).floor()
                places = torch.arange(length)
                covered.append((places >= low) & (places <= (low + side).clamp(max=length)))
            images = torch.where((covered[0][:, :, None] & covered[1][:, None, :])[:, None], 127.0, images)
        return self.normalize(images)


class Mlp(nn.Module):
    """nn/mlp.h: one hidden layer, LeakyReLU, with our first weights' distribution."""

    def __init__(self, inputs, width, classes):
        super().__init__()
        self.hidden, self.head, self.num_features = nn.Linear(inputs, width), nn.Linear(width, classes), width
        nn.init.normal_(self.hidden.weight, std=(2 / width) ** 0.5)
        nn.init.xavier_normal_(self.head.weight)
        for layer in (self.hidden, self.head):
            nn.init.zeros_(layer.bias)

    def forward(self, x, only_fc=False, only_feat=False, **unused):
        if only_fc:
            return self.head(x)
        features = F.leaky_relu(self.hidden(x), 0.1)
        return features if only_feat else {"logits": self.head(features), "feat": features}


def network(settings, data, classes):
    model = settings["model"]
    if model["name"] == "mlp":
        return Mlp(data.train.shape[1], model["width"], classes)
    from semilearn.nets.wrn.wrn import WideResNet
    net = WideResNet(model["first_stride"], classes, model["depth"], model["width"])
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum, module.eps = model["bn_momentum"], model["bn_eps"]
    return net


class Order:
    """ssl.sampling = "permutations": an endless sequence of permutations, cut into batches."""

    def __init__(self, count, batch, random):
        self.count, self.batch, self.random, self.left = count, batch, random, torch.empty(0, dtype=torch.long)

    def next(self):
        while len(self.left) < self.batch:
            self.left = torch.cat([self.left, torch.randperm(self.count, generator=self.random)])
        batch, self.left = self.left[:self.batch], self.left[self.batch:]
        return batch


class Batches:
    """One epoch of batches each time it is gone through."""

    def __init__(self, steps, next_batch):
        self.steps, self.next_batch = steps, next_batch

    def __iter__(self):
        return (self.next_batch() for _ in range(self.steps))


def arguments_of(settings, labeled, unlabeled, classes):
    """USB's options, from the settings of our run."""
    ssl, simmatch = settings["ssl"], settings["ssl"]["simmatch"]
    steps = ssl["epochs"] * ssl["steps_per_epoch"]
    return argparse.Namespace(
        algorithm=ssl["method"], num_classes=classes, ema_m=ssl["ema_decay"], epoch=ssl["epochs"], num_train_iter=steps,
        num_eval_iter=steps, num_log_iter=steps, ulb_loss_ratio=ssl["lambda_u"], use_cat=True, amp=False, clip_grad=0.0,
        save_name="", save_dir="", resume=False, gpu=None, rank=0, distributed=False, world_size=1, use_pretrain=False,
        pretrain_path="", optim="SGD", lr=ssl["lr"], momentum=ssl["momentum"], weight_decay=ssl["weight_decay"],
        layer_decay=1.0, num_warmup_iter=0, use_wandb=False, use_aim=False, lb_dest_len=labeled, ulb_dest_len=unlabeled,
        dataset="cifar10", T=ssl["temperature"], p_cutoff=ssl["threshold"], hard_label=True,
        thresh_warmup=ssl["threshold_warmup"], dist_align=True, dist_uniform=True, ema_p=ssl["running_decay"],
        n_sigma=ssl["sigmas"], per_class=False, ent_loss_ratio=ssl["fairness"], use_quantile=False, clip_thresh=False,
        unsup_warm_up=ssl["ramp_share"], proj_size=simmatch["embedding"], K=labeled, da_len=ssl["align_window"],
        in_loss_ratio=simmatch["instance_weight"], smoothing_alpha=simmatch["alpha"], use_epass=False)


OUR_NAMES = {"pseudo_label": "pseudolabel"}


def train(settings, data, items, seed):
    """Test accuracy of USB's averaged model after the last step."""
    from semilearn.core import AlgorithmBase
    from semilearn.core.hooks import EMAHook, ParamUpdateHook
    from semilearn.core.utils import ALGORITHMS
    ssl, classes = settings["ssl"], int(data.labels.max()) + 1
    torch.manual_seed(seed)
    random = torch.Generator().manual_seed(seed + 1000)
    labeled = Order(len(items), ssl["batch"], random)
    unlabeled = Order(len(data.labels), ssl["batch"] * ssl["mu"], random)

    def labeled_batch():
        at = labeled.next()
        return {"idx_lb": at, "x_lb": data.view(items[at], False, random), "y_lb": data.labels[items[at]]}

    def unlabeled_batch():
        at = unlabeled.next()
        views = {"x_ulb_w": data.view(at, False, random)}
        if ssl["method"] not in ("supervised", "pseudo_label"):
            views["x_ulb_s"] = data.view(at, True, random)
        return {"idx_ulb": at, **views}

    class Local(AlgorithmBase):
        def set_dataset(self):
            return None

        def set_data_loader(self):
            steps = ssl["steps_per_epoch"]
            return {"train_lb": Batches(steps, labeled_batch), "train_ulb": Batches(steps, unlabeled_batch if ssl["method"] != "supervised" else dict)}

        def set_hooks(self):
            self.register_hook(ParamUpdateHook(), None, "HIGHEST")
            self.register_hook(EMAHook(), None, "HIGH")

    algorithm = ALGORITHMS[OUR_NAMES.get(ssl["method"], ssl["method"])]
    peer = type("Peer", (algorithm, Local), {})(arguments_of(settings, len(items), len(data.labels), classes),
                                                lambda num_classes, **unused: network(settings, data, num_classes))
    peer.train()
    peer.model.eval()
    peer.ema.apply_shadow()
    with torch.no_grad():
        logits = torch.cat([peer.model(part)["logits"] for part in data.test.split(500)])
    return (logits.argmax(1) == data.test_labels).double().mean().item()


def directory_of(sweep, run):
    words = "-".join((run["block"], run["method"], "t%d" % run["trial"])).lower()
    return sweep / "".join(c if c.isalnum() else "-" for c in words)


class Record:
    """FILE: what is in it already, and the lines that it shall have; written anew after each run."""

    def __init__(self, path, ours):
        self.path, self.done = path, {}
        if path.exists():
            lines = [json.loads(line) for line in path.read_text().splitlines()]
            self.done = {(line["block"], line["trial"]): line for line in lines
                         if line["kind"] == "run" and line["method"] == "USB"}
        self.ours = ours
        self.name = lambda line: f"{line['method']}, {line['block']}"

    def add(self, run, line):
        self.done[self.name(run), run["trial"]] = line
        self.write()

    def write(self):
        study = next(line for line in self.ours if line["kind"] == "study")
        lines = [{**study, "name": self.path.stem, "title": study["title"] + ": ours and USB's"}]
        runs = [line for line in self.ours if line["kind"] == "run"]
        measured = {self.name(run) for run in runs if (self.name(run), run["trial"]) in self.done}
        for method in (line for line in self.ours if line["kind"] == "method"):
            block = self.name({"method": method["name"], "block": method["block"]})
            if block in measured:
                lines += [{**method, "block": block, "name": name} for name in ("ours", "USB")]
        for run in runs:
            if (self.name(run), run["trial"]) in self.done:
                lines += [{**run, "block": self.name(run), "method": "ours"}, self.done[self.name(run), run["trial"]]]
        self.path.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sweep", type=pathlib.Path)
    parser.add_argument("--ours", type=pathlib.Path, required=True)
    parser.add_argument("--usb", type=pathlib.Path, required=True)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--methods", type=lambda text: text.split(","))
    options = parser.parse_args()
    ours = [json.loads(line) for line in options.ours.read_text().splitlines()]
    record = Record(options.out, ours)
    torch.set_num_threads(1)
    torch.Tensor.cuda = lambda self, *unused, **more: self  # USB trains on GPUs alone
    sys.meta_path.insert(0, Absences())
    sys.path.insert(0, str(options.usb))
    commit = subprocess.run(["git", "-C", options.usb, "rev-parse", "HEAD"], capture_output=True, text=True).stdout[:12]

    data = {}
    for run in ours:
        if run["kind"] != "run" or options.methods and run["method"] not in options.methods:
            continue
        if (record.name(run), run["trial"]) in record.done:
            continue
        directory = directory_of(options.sweep, run)
        settings = tomllib.loads((directory / "config.toml").read_text())
        ledger = [json.loads(line) for line in (directory / "labels.jsonl").read_text().splitlines()]
        kind = settings["data"]["name"]
        if kind not in data:
            data[kind] = (Rows if kind == "embeddings" else Digits)(options.data, settings)
        begin = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):
            accuracy = train(settings, data[kind], torch.tensor([line["item"] for line in ledger]), run["seed"])
        seconds = round(time.perf_counter() - begin, 1)
        print(f"{record.name(run)}, trial {run['trial']}: USB {accuracy:.4f}, ours {run['last'][0]:.4f}, {seconds} s", flush=True)
        record.add(run, {**run, "block": record.name(run), "method": "USB", "best": [accuracy], "last": [accuracy],
                         "median": [accuracy], "run": "", "version": "USB", "commit": commit,
                         "device": f"cpu, 1 threads, PyTorch {torch.__version__}", "seconds": seconds})
    record.write()


if __name__ == "__main__":
    main()
