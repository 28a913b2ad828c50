"""The same picks and scores from Python as from the program crc_select, bit for bit, over random cases.

CRC_SELECT: the program; without it the test is left out. CRC_CASES: how many cases (100).
"""

import csv
import os
import pathlib
import subprocess
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import crc_active

PROGRAM = os.environ.get("CRC_SELECT", "")
CASES = int(os.environ.get("CRC_CASES", "100"))
NOT_FROM_ARRAYS = {"egl", "crc_layers", "crc_full", "oracle"}
NAMES = [n for n in crc_active.acquisitions() if n not in NOT_FROM_ARRAYS]  # before a test registers others

try:
    import torch
except ImportError:
    torch = None


def draw_array(rng, rows, columns):
    """Of any type, order and stride; with copies and constant columns now and then."""
    a = rng.normal(size=(rows, columns)) * 10.0 ** rng.integers(-2, 3)
    if rng.random() < 0.2:
        a[rng.integers(rows, size=3)] = a[0]
    if rng.random() < 0.1:
        a[:, 0] = 1
    a = a.astype(rng.choice([np.float32, np.float64, np.float16]))
    order = rng.integers(3)
    if order == 1:
        return np.asfortranarray(a)
    if order == 2:
        return np.repeat(a, 2, axis=0)[::2]  # strides
    return a


def draw_case(seed):
    """Arguments of select(); files and arguments of crc_select are made from the same."""
    rng = np.random.default_rng(seed)
    n, d, c = int(rng.integers(30, 300)), int(rng.integers(2, 24)), int(rng.integers(2, 6))
    labeled = rng.permutation(n)[: rng.integers(1, n // 4)]
    arguments = dict(
        features=draw_array(rng, n, d),
        logits=draw_array(rng, n, c),
        labeled=labeled,
        labels=rng.integers(0, c, size=n),
        head=rng.normal(size=(c, d)).astype(np.float32),
        bias=rng.normal(size=c).astype(np.float32),
        samples=rng.normal(size=(4, n, c)).astype(np.float32),
        acquisition=NAMES[seed % len(NAMES)],
        budget=int(rng.integers(1, 13)),
        seed=int(rng.integers(2**32)),
        round=int(rng.integers(5)),
    )
    if arguments["acquisition"] == "crc":
        arguments["group_size"] = int(rng.choice([g for g in (1, 2, 3, 4) if arguments["budget"] % g == 0]))
        arguments["search"] = str(rng.choice(["partition", "independent", "greedy", "exchange"]))
        if arguments["search"] in ("greedy", "exchange"):
            arguments["group_size"] = 1
        arguments["solver"] = str(rng.choice(["capacitance", "syev_batched", "syevd"]))
    return arguments


def run_program(folder, arguments):
    """(picks, scores) of crc_select."""
    command = [PROGRAM, "--out", "o.csv", "--scores", "s.npy", "--device", "cpu"]
    for name, value in arguments.items():
        if isinstance(value, np.ndarray):
            np.save(folder / f"{name}.npy", value)
            value = f"{name}.npy"
        command += ["--group" if name == "group_size" else f"--{name}", str(value)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with open(folder / "o.csv", newline="") as file:
        picks = [int(row["item"]) for row in csv.DictReader(file)]
    return picks, np.load(folder / "s.npy")


def check_case(seed, root):
    folder = pathlib.Path(root) / str(seed)
    folder.mkdir()
    arguments = draw_case(seed)
    picks, scores = run_program(folder, arguments)
    variants = [arguments]
    if torch:
        variants.append({k: torch.from_numpy(v) if isinstance(v, np.ndarray) and v.dtype.kind == "f" else v
                         for k, v in arguments.items()})
    for variant in variants:
        found = crc_active.select(**variant, device="cpu")
        assert found.table()["item"].tolist() == picks, (seed, arguments["acquisition"])
        assert sorted(found.picks.tolist()) == sorted(picks)
        assert found.scores.tobytes() == scores.tobytes(), (seed, arguments["acquisition"])


@pytest.mark.skipif(not PROGRAM, reason="CRC_SELECT names no crc_select")
def test_random_cases(tmp_path):
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # of selections at the same time, too
        list(pool.map(lambda seed: check_case(seed, tmp_path), range(CASES)))
