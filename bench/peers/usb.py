"""USB (microsoft/Semi-supervised-learning) beside a sweep of ours: its algorithms on the same data, labels, network and steps.

usage: usb.py SWEEP --first FIRST --usb DIR --data FOLDER --out FILE [--methods fixmatch,softmatch] [--crc-train PROGRAM]

SWEEP is a directory of `crc_train sweep docs/examples/ssl-usb.toml` (or ssl-usb-digits, ssl-usb-cifar10), FOLDER its data, DIR a checkout of
USB, whose classes train here as they are: forward and losses (train_step), masks, weights and thresholds (hooks), optimizer,
cosine, EMA, and for images its WideResNet. This file gives them what their loaders would: batches of the items that each run of
SWEEP was given, with its views, and its first weights. The order of items, their noise and crops are drawn anew: same
distributions, other numbers. FIRST holds the first weights of each trial: the same sweep with
  --only '^(40-labels-)?supervised' --set ssl.lr=0 --set ssl.epochs=1 --set ssl.steps_per_epoch=1
FILE is a study as `crc_train compare --record` writes it, a block for each method and label count with ours and USB's in it:
`crc_train compare FILE --page PAGE`. What has been trained is kept in FILE's .part, so that a killed comparison goes on.

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
import tempfile
import time
import tomllib
import types

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from wrn import read_safetensors


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


class Images:
    """Flip, crop after reflecting `crop_pad` pixels; strong: Cutout of kernels/augment/cutout.h besides."""

    def __init__(self, folder, settings):
        size = folder / "image_size.txt"
        height, width = (int(word) for word in (size.read_text() if size.exists() else "32 32").split())
        weak = settings["ssl"]["weak"]
        self.height, self.width, self.pad, self.flip = height, width, weak["crop_pad"], weak["flip"]
        if settings["ssl"]["strong"] != "cutout":
            sys.exit("usb.py: strong views of images are ssl.strong = \"cutout\"")

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
        if self.flip:
            x = torch.where(torch.rand((n, 1), generator=random) < 0.5, x.flip(1), x)
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
    """nn/mlp.h with one hidden layer."""

    def __init__(self, inputs, width, classes):
        super().__init__()
        self.layers, self.classifier = nn.ModuleList([nn.Linear(inputs, width)]), nn.Linear(width, classes)
        self.num_features = width

    def forward(self, x, only_fc=False, only_feat=False, **unused):
        if only_fc:
            return self.classifier(x)
        features = F.leaky_relu(self.layers[0](x), 0.1)
        return features if only_feat else {"logits": self.classifier(features), "feat": features}


def network(settings, data, classes, first):
    model = settings["model"]
    if model["name"] == "mlp":
        net = Mlp(data.train.shape[1], model["width"], classes)
    else:
        from semilearn.nets.wrn.wrn import WideResNet
        net = WideResNet(model["first_stride"], classes, model["depth"], model["width"])
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum, module.eps = model["bn_momentum"], model["bn_eps"]
    values = {name.replace("fc.", "classifier."): value for name, value in first.items()}
    lost = net.load_state_dict(values, strict=False)
    if lost.unexpected_keys or any("num_batches" not in key for key in lost.missing_keys):
        sys.exit(f"usb.py: the first weights are of another network: {lost}")
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


def train(settings, data, items, seed, first):
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
                                                lambda num_classes, **unused: network(settings, data, num_classes, first))
    peer.train()
    peer.model.eval()
    peer.ema.apply_shadow()
    with torch.no_grad():
        logits = torch.cat([peer.model(part)["logits"] for part in data.test.split(500)])
    return (logits.argmax(1) == data.test_labels).double().mean().item()


def slug(text):
    return "".join(c if c.isalnum() else "-" for c in text.lower())


def record(name, sweep, crc_train, lines):
    """The study of SWEEP as `compare --record` writes it, each block by methods, and USB's runs beside ours."""
    with tempfile.TemporaryDirectory() as scratch:
        file = pathlib.Path(scratch) / "ours.jsonl"
        subprocess.run([crc_train, "compare", sweep, "--record", file], check=True, stdout=subprocess.DEVNULL)
        ours = [json.loads(line) for line in file.read_text().splitlines()]
    theirs = {(line["directory"], line["trial"]): line for line in lines}
    of_kind = lambda kind: [line for line in ours if line["kind"] == kind]
    blocks = {line["block"] for line in of_kind("method")}
    place = lambda block, method: slug(f"{block}-{method}" if len(blocks) > 1 else method)
    here = {directory for directory, _ in theirs}
    study, = of_kind("study")
    out = [{**study, "name": name, "title": study["title"] + ": ours and USB's"}]
    for line in of_kind("method"):
        if place(line["block"], line["name"]) in here:
            block = f"{line['name']}, {line['block']}".removesuffix(", ")
            out += [{**line, "block": block, "name": name, "settings": {**line["settings"], "implementation": json.dumps(name)}}
                    for name in ("ours", "USB")]
    for line in of_kind("run"):
        peer = theirs.get((place(line["block"], line["method"]), line["trial"]))
        if peer:
            run = {**line, "block": f"{line['method']}, {line['block']}".removesuffix(", ")}
            accuracy = [peer["accuracy"]]
            out += [{**run, "method": "ours"},
                    {**run, "method": "USB", "best": accuracy, "last": accuracy, "median": accuracy, "run": "",
                     "version": "USB", "commit": peer["commit"], "device": f"cpu, 1 threads, PyTorch {peer['torch']}",
                     "seconds": peer["seconds"]}]
    return "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in out)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sweep", type=pathlib.Path)
    for name in ("first", "usb", "data", "out"):
        parser.add_argument("--" + name, type=pathlib.Path, required=True)
    parser.add_argument("--crc-train", default="crc_train")
    parser.add_argument("--methods", default="fixmatch,flexmatch,softmatch")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.Tensor.cuda = lambda self, *unused, **more: self  # USB trains on GPUs alone
    sys.meta_path.insert(0, Absences())
    sys.path.insert(0, str(options.usb))
    commit = subprocess.run(["git", "-C", options.usb, "rev-parse", "HEAD"], capture_output=True, text=True).stdout[:12]
    part = options.out.with_suffix(".part")
    lines = [json.loads(line) for line in part.read_text().splitlines()] if part.exists() else []
    done = {(line["directory"], line["trial"]) for line in lines}

    wanted = tuple("-" + slug(method) for method in options.methods.split(","))  # of one block: the method alone
    data = None
    for finished in sorted(options.sweep.glob("*-t*/DONE"), key=lambda path: int(path.parent.name.rsplit("-t", 1)[1])):
        directory = finished.parent
        name, trial = directory.name.rsplit("-t", 1)
        if not ("-" + name).endswith(wanted) or (name, int(trial)) in done:
            continue
        settings = tomllib.loads((directory / "config.toml").read_text())
        data = data or (Rows if settings["data"]["name"] == "embeddings" else Images)(options.data, settings)
        items = [json.loads(line)["item"] for line in (directory / "labels.jsonl").read_text().splitlines()]
        weights, = options.first.glob(f"*-t{trial}/rounds/00/weights.safetensors")
        first, _ = read_safetensors(weights)
        begin = time.process_time()
        with contextlib.redirect_stdout(io.StringIO()):
            accuracy = train(settings, data, torch.tensor(items), settings["run"]["seed"], first)
        line = {"directory": name, "trial": int(trial), "accuracy": accuracy, "commit": commit, "torch": torch.__version__,
                "seconds": round(time.process_time() - begin, 1)}
        lines.append(line)
        with part.open("a") as file:
            file.write(json.dumps(line) + "\n")
        print(line, flush=True)
    options.out.write_text(record(options.out.stem, options.sweep, options.crc_train, lines))


if __name__ == "__main__":
    main()
