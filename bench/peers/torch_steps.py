"""Semi-supervised training steps of WRN-28-2 in PyTorch, beside `crc_bench`'s on the same device.

usage: torch_steps.py --step FILE [--device cuda|cpu] [--rows check,stock,resident,bf16,graph] [--seconds 10]
                      [--depth 28] [--workers 4] [--small]

FILE is what `crc_bench --dump-step FILE --method fixmatch|mean_teacher --precision fp32|tf32|bf16` wrote: it names the
method and its batch. First the losses and gradients of that step must be ours (`check`); exit code 1 if not. Then:
  stock     as published code: fp32, NCHW, PIL augmentation in loader processes, an EMA loop, .item() on three losses
  resident  the same step on tensors that are ready on the device: no loader, no augmentation
  bf16      + channels_last, bf16 autocast, fused optimizer, foreach EMA
  graph     + torch.compile, and the whole step as one CUDA graph
`resident`, `bf16` and `graph` train the network only; crc_bench's steps always augment too. One JSON line per row: median
steps per second of the windows and their coefficient of variation, by the wall clock and, on CUDA, by events.
--depth: of the network, with weights of its own where that is not the file's 28.
--small: few images and windows, to see that all of it runs where there is no GPU.
"""
import argparse
import copy
import json
import statistics
import sys
import time

import torch
from torch.nn import functional as F

from wrn import Norm, WideResNet, read_safetensors


def fixmatch(net, teacher, views, labels, threshold):
    b, m = len(labels), (len(views) - len(labels)) // 2
    logits = net(views).float()
    with torch.no_grad():
        confidence, pseudo = F.softmax(logits[b:b + m], 1).max(1)
        mask = (confidence >= threshold).float()
    labeled = F.cross_entropy(logits[:b], labels)
    unlabeled = (F.cross_entropy(logits[b + m:], pseudo, reduction="none") * mask).mean()
    return labeled, unlabeled, mask.mean()


def mean_teacher(net, teacher, views, labels, threshold):
    """perrying's three passes; both terms are means over all rows of a view."""
    b, rows = len(labels), len(views) // 3
    with torch.no_grad():
        target = F.softmax(teacher(views[rows:2 * rows]).float(), 1)
    labeled = F.cross_entropy(net(views[:rows])[:b].float(), labels, reduction="sum") / rows
    for module in net.modules():
        if isinstance(module, Norm):
            module.moves = False
    student = F.softmax(net(views[2 * rows:]).float(), 1)
    for module in net.modules():
        if isinstance(module, Norm):
            module.moves = True
    unlabeled = ((student - target)[b:] ** 2).mean(1).sum() / rows
    return labeled, unlabeled, torch.ones((), device=views.device)


LOSSES = {"fixmatch": fixmatch, "mean_teacher": mean_teacher}


class Peer:
    def __init__(self, arguments):
        self.arguments, self.device = arguments, torch.device(arguments.device)
        self.tensors, self.metadata = read_safetensors(arguments.step)
        self.loss = LOSSES[self.metadata["method"]]
        self.adam = self.metadata["method"] == "mean_teacher"

    def group(self, name):
        prefix = name + "/"
        return {key[len(prefix):]: value for key, value in self.tensors.items() if key.startswith(prefix)}

    def networks(self, layout):
        depth = self.arguments.depth
        student, teacher = WideResNet(depth), WideResNet(depth)
        if depth == 28:
            student.load_state_dict(self.group("student"))
            teacher.load_state_dict(self.group("teacher"))
        return [n.to(self.device, memory_format=layout).train() for n in (student, teacher)]

    def batch(self, layout):
        images = self.tensors["images"].permute(0, 3, 1, 2).to(self.device)
        images = images.to(memory_format=layout) if layout == torch.channels_last else images.contiguous()
        return images, self.tensors["labels"].long().to(self.device)

    def report(self, row, **fields):
        gpu = torch.cuda.get_device_name() if self.device.type == "cuda" else "cpu"
        print(json.dumps({"kind": "peer", "method": self.metadata["method"], "row": row, "depth": self.arguments.depth, "torch": torch.__version__,
                          "cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version(), "device": gpu,
                          "images": len(self.tensors["images"]), **fields}), flush=True)

    def autocast(self, on):
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=on)

    def check(self):
        """Our step in PyTorch. A pre-activation near zero that falls on the other side moves a gradient by up to 1 %."""
        precision = self.metadata["precision"]
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
        loss_limit, gradient_limit = {"fp32": (1e-4, 1e-2), "tf32": (1e-2, 0.1), "bf16": (5e-2, 0.3)}[precision]
        net, teacher = self.networks(torch.contiguous_format)
        images, labels = self.batch(torch.contiguous_format)
        with self.autocast(precision == "bf16"):
            labeled, unlabeled, _ = self.loss(net, teacher, images, labels, float(self.metadata["threshold"]))
        (labeled + unlabeled).backward()
        theirs = [labeled.item(), unlabeled.item()]
        ours = self.tensors["losses"].tolist()
        loss_error = max(abs(a - b) / max(abs(b), 1e-3) for a, b in zip(ours, theirs))
        difference = norm = 0.0
        for name, parameter in net.named_parameters():
            used = parameter.grad is not None  # raw_x throws the first norm of stages 2 and 3 away
            gradient = parameter.grad.double().cpu() if used else torch.zeros_like(parameter, dtype=torch.double).cpu()
            difference += (self.tensors["gradients/" + name].double() - gradient).square().sum().item()
            norm += gradient.square().sum().item()
        gradient_error = (difference / norm) ** 0.5
        equal = loss_error <= loss_limit and gradient_error <= gradient_limit
        self.report("check", precision=precision, equal=equal, losses_ours=ours, losses_torch=theirs,
                    loss_error=loss_error, gradient_error=gradient_error, gradient_limit=gradient_limit)
        return equal

    def optimizer(self, net, fused):
        options = {"fused": True} if fused and self.device.type == "cuda" else {}
        if self.adam:
            if options:
                options["capturable"] = True
            return torch.optim.Adam(net.parameters(), lr=3e-3, **options)
        decayed = [p for n, p in net.named_parameters() if "bn" not in n and "bias" not in n]
        rest = [p for n, p in net.named_parameters() if "bn" in n or "bias" in n]
        return torch.optim.SGD([{"params": decayed, "weight_decay": 5e-4}, {"params": rest, "weight_decay": 0.0}],
                               lr=0.03, momentum=0.9, nesterov=True, **options)

    def step_function(self, row, compiled=False):
        fast = row in ("bf16", "graph")
        layout = torch.channels_last if fast else torch.contiguous_format
        net, teacher = self.networks(layout)
        ema = teacher if self.adam else copy.deepcopy(net)
        optimizer = self.optimizer(net, fast)
        forward = torch.compile(net) if compiled else net
        teach = torch.compile(teacher) if compiled and self.adam else teacher
        pairs = list(zip(ema.parameters(), net.parameters()))

        def step(images, labels):
            with self.autocast(fast):
                labeled, unlabeled, mask = self.loss(forward, teach, images, labels, 0.95)
            (labeled + unlabeled).backward()
            optimizer.step()
            with torch.no_grad():
                if fast:
                    averages, values = [a for a, _ in pairs], [b for _, b in pairs]
                    torch._foreach_mul_(averages, 0.999)
                    torch._foreach_add_(averages, values, alpha=0.001)
                else:
                    for average, value in pairs:
                        average.copy_(average * 0.999 + 0.001 * value)
                for average, value in zip(ema.buffers(), net.buffers()):
                    if not self.adam:
                        average.copy_(value)
            optimizer.zero_grad(set_to_none=not compiled)
            return labeled, unlabeled, mask

        return step, layout

    def synchronize(self):
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def windows(self, row, run):
        """Steps per second of `run`, which does one step: warm-up apart, then windows of whole steps."""
        begin = time.perf_counter()
        for _ in range(1 if self.arguments.small else 10):
            run()
        self.synchronize()
        warmup = time.perf_counter() - begin
        count = 3 if self.arguments.small else 5
        budget = 0 if self.arguments.small else self.arguments.seconds / count
        wall, events = [], []
        for _ in range(count):
            steps, begin = 0, time.perf_counter()
            marks = [torch.cuda.Event(enable_timing=True) for _ in range(2)] if self.device.type == "cuda" else []
            if marks:
                marks[0].record()
            while steps == 0 or time.perf_counter() - begin < budget:
                for _ in range(1 if self.arguments.small else 5):
                    run()
                    steps += 1
                self.synchronize()  # else the host runs ahead of its budget
            if marks:
                marks[1].record()
                self.synchronize()
                events.append(steps / marks[0].elapsed_time(marks[1]) * 1000)
            wall.append(steps / (time.perf_counter() - begin))
        spread = statistics.stdev(wall) / statistics.mean(wall)
        self.report(row, steps_per_s=statistics.median(wall), cv=spread, windows=wall, warmup_s=warmup,
                    steps_per_s_by_events=statistics.median(events) if events else None)

    def resident(self, row):
        step, layout = self.step_function(row)
        images, labels = self.batch(layout)
        self.windows(row, lambda: step(images, labels))

    def graph(self):
        if self.device.type != "cuda":
            return self.report("graph", skipped="CUDA graphs need a CUDA device")
        step, layout = self.step_function("graph", compiled=True)
        images, labels = self.batch(layout)
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(5):
                step(images, labels)
        torch.cuda.current_stream().wait_stream(side)
        whole = torch.cuda.CUDAGraph()
        with torch.cuda.graph(whole):
            step(images, labels)
        self.windows("graph", whole.replay)

    def stock(self):
        try:
            import numpy as np
            from augment import Images
            from torch.utils.data import DataLoader, RandomSampler
        except ImportError as missing:
            return self.report("stock", skipped=f"the PIL pipeline needs NumPy and Pillow: {missing}")
        b, m = int(self.metadata["batch"]), int(self.metadata["unlabeled"])
        pixels = np.random.default_rng(0).integers(0, 256, (512 if self.arguments.small else 50000, 32, 32, 3), np.uint8)

        def batches(size, views, with_strong):
            data = Images(pixels, views, with_strong)
            workers = 1 if self.arguments.small else self.arguments.workers
            loader = DataLoader(data, batch_size=size, num_workers=workers, drop_last=True, pin_memory=self.device.type == "cuda",
                                sampler=RandomSampler(data, True, 10**7), persistent_workers=True)
            while True:
                yield from loader

        three = 3 if self.adam else None  # Mean Teacher: three weak looks at all; FixMatch: one, or weak and strong
        labeled, unlabeled = batches(b, three or 1, False), batches(m, three or 2, not self.adam)
        step, _ = self.step_function("stock")

        def run():
            (x, y), (u, _) = next(labeled), next(unlabeled)
            looks = [part for pair in zip(x, u) for part in pair] if three else [*x, *u]
            images = torch.cat(looks).to(self.device, non_blocking=True)
            losses = step(images, y.to(self.device))
            return [value.item() for value in losses]

        self.windows("stock", run)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--step", required=True)
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--rows", default="check,stock,resident,bf16,graph")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--depth", type=int, default=28)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--small", action="store_true")
    arguments = parser.parse_args()
    if arguments.device == "cuda" and not torch.cuda.is_available():
        print("torch_steps.py: this PyTorch sees no CUDA device: give --device cpu --small", file=sys.stderr)
        return 69
    torch.manual_seed(0)
    torch.backends.cudnn.benchmark = True
    peer = Peer(arguments)
    for row in arguments.rows.split(","):
        if row == "check":
            if not peer.check():
                return 1
            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True  # the rows may use it
        elif row in ("resident", "bf16"):
            peer.resident(row)
        else:
            {"stock": peer.stock, "graph": peer.graph}[row]()
    return 0


if __name__ == "__main__":
    sys.exit(main())
