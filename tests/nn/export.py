"""Exported networks in other programs: ONNX Runtime and PyTorch compute our logits from the same images. Skipped by name
where a library is not there (pip install onnx onnxruntime torch safetensors). usage: export.py BUILD_DIRECTORY
"""
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile

missing = [name for name in ("numpy", "onnx", "onnxruntime") if importlib.util.find_spec(name) is None]
if missing:
    print(f"export: skipped: {sys.executable} has no {', '.join(missing)}")
    sys.exit(77)
import numpy as np
import onnx
import onnxruntime

build = pathlib.Path(sys.argv[1]).resolve()
source = pathlib.Path(__file__).resolve().parents[2]
work = tempfile.TemporaryDirectory()
os.chdir(work.name)
os.environ |= {"CRC_DEVICE": "cpu", "OMP_WAIT_POLICY": "passive"}


def crc_train(*words, code=0):
    done = subprocess.run([build / "crc_train", *map(str, words)], capture_output=True, text=True)
    assert done.returncode == code, f"{words} ended with {done.returncode} instead of {code}:\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def settings(**keys):
    return [word for key, value in keys.items() for word in ("--set", f"{key.replace('__', '.')}={value}")]


def close(ours, theirs, what):
    error = np.abs(ours - theirs).max()
    print(f"{what}: {len(ours)} items, logits to {np.abs(ours).max():.3g}, off by {error:.2g} at most")
    assert ours.shape == theirs.shape and error <= 1e-5 * max(1, np.abs(ours).max()), what


def run_onnx(path, items, expected_input):
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    given = session.get_inputs()[0]
    assert (given.name, given.type, given.shape[1:]) == expected_input, (given.name, given.type, given.shape)
    assert [o.name for o in session.get_outputs()] == ["logits", "features"]
    outputs = [session.run(None, {given.name: part}) for part in (items[:1], items[1:])]  # any number at once
    return [np.concatenate(parts) for parts in zip(*outputs)], session.get_modelmeta().custom_metadata_map


def pytorch(weights, images, ours, what):
    if any(importlib.util.find_spec(name) is None for name in ("torch", "safetensors")):
        return print(f"{what}: PyTorch left out: {sys.executable} has no torch or no safetensors")
    import torch
    spec = importlib.util.spec_from_file_location("wrn", source / "docs/examples/wrn.py")
    wrn = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(wrn)
    net = wrn.load(weights)
    with torch.no_grad():
        close(ours, np.concatenate([net(torch.from_numpy(images[k:k + 100])).numpy() for k in range(0, len(images), 100)]),
              f"{what}, PyTorch")
    assert len(net.class_names) == ours.shape[1]


short = settings(acquisition__rounds=0, ssl__epochs=1, ssl__steps_per_epoch=4, ssl__batch=10, ssl__mu=1, run__threads=2,
                 ssl__patience_epochs=0, model__bn_momentum=0.1)
small = settings(model__depth=10, model__width=1, model__base_channels=8)

crc_train("data", "make", "data", *settings(data__train_size=200, data__test_size=1000))
records = np.fromfile("data/test_batch.bin", np.uint8).reshape(1000, -1)
side = int(((records.shape[1] - 1) // 3) ** 0.5)
images = np.ascontiguousarray(records[:, 1:].reshape(-1, 3, side, side).transpose(0, 2, 3, 1))
nets = {
    "raw": small + settings(model__wiring="raw_x"),
    "shared": small + settings(model__wiring="shared_act", model__conv_bias="all", model__first_stride=2),
    "preact": small + settings(model__wiring="preact", model__conv_bias="stem", model__bn_offset=0.1, model__slope=0),
    "deep": settings(model__depth=28, model__width=2, model__first_stride=2, ssl__steps_per_epoch=1),
    "mlp": settings(model__name="mlp", model__depth=2, model__width=32),
    "linear": settings(model__name="linear"),
}
for name, net in nets.items():
    data = settings(data__name="cifar10", data__dir="data")
    crc_train("run", "cifar10", "--out", name, "--quiet", *data, *short, *net)
    crc_train("eval", "--run", name, "--logits", f"{name}.npy", "--features", f"{name}-features.npy")
    said = crc_train("export", "--run", name, "--onnx", f"{name}.onnx")
    assert f"input images, uint8 [N,{side},{side},3]" in said, said
    (logits, features), about = run_onnx(f"{name}.onnx", images, ("images", "tensor(uint8)", [side, side, 3]))
    ours = np.load(f"{name}.npy")
    close(ours, logits, name)
    close(np.load(f"{name}-features.npy"), features, f"{name}, features")
    assert json.loads(about["crc.class_names"]) == [str(c) for c in range(10)], about
    assert about["crc.model.name"] == ("wrn" if name not in ("mlp", "linear") else name), about
    weights = f"{name}/rounds/00/weights.safetensors"
    crc_train("export", weights, "--onnx", "again.onnx", "--force")
    assert pathlib.Path("again.onnx").read_bytes() == pathlib.Path(f"{name}.onnx").read_bytes()
    if about["crc.model.name"] == "wrn":
        pytorch(weights, images, ours, name)

# Embeddings: what becomes of the rows is in the graph.
random = np.random.default_rng(0)
pathlib.Path("rows").mkdir()
rows = (3 + 2 * random.normal(size=(1000, 24))).astype("f4")
rows[7] = 0
np.save("rows/train.npy", rows)
np.save("rows/train_labels.npy", np.arange(1000) % 4)
np.save("rows/test.npy", rows)
np.save("rows/test_labels.npy", np.arange(1000) % 4)
for scaling in ("center", "standard", "unit", "none"):
    crc_train("run", "embeddings", "--out", scaling, "--quiet", *short,
              *settings(data__dir="rows", data__scaling=scaling, acquisition__initial=40, acquisition__first="random"))
    crc_train("eval", "--run", scaling, "--logits", f"{scaling}.npy")
    crc_train("export", "--run", scaling, "--onnx", f"{scaling}.onnx")
    (logits, _), _ = run_onnx(f"{scaling}.onnx", rows, ("rows", "tensor(float)", [24]))
    close(np.load(f"{scaling}.npy"), logits, f"rows, {scaling}")
print("export: fine")
