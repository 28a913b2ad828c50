"""The peer of `crc_bench --filter 'score'`: the smallest positive eigenvalue of every group's Gram matrix, one eigvalsh
after the other, in NumPy and, if it is installed, in PyTorch.

usage: eigvalsh.py [--ours bench.jsonl] [--width 128] [--labeled 40 100 250 500 1000] [--group 10] [--groups 20]

Features are random, their directions falling by e^6, as in crc_bench. The time of a pool of 50,000 is that of its groups at
the measured time of one. With --ours, the rows of crc_bench --json are set beside it.
"""
import argparse
import json
import re
import time

import numpy as np

try:
    import torch
except ImportError:
    torch = None

POOL = 50000


def seconds_per_group(smallest, labeled, groups):
    times = []
    for group in groups:
        start = time.perf_counter()
        smallest(np.concatenate([labeled, group]))
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def with_numpy(rows):
    w = np.linalg.eigvalsh(rows @ rows.T)
    return w[w > 0].min()


def with_torch(rows):
    rows = torch.from_numpy(rows)
    w = torch.linalg.eigvalsh(rows @ rows.T)
    return w[w > 0].min()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ours")
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--labeled", type=int, nargs="+", default=[40, 100, 250, 500, 1000])
    parser.add_argument("--group", type=int, default=10)
    parser.add_argument("--groups", type=int, default=20)
    arguments = parser.parse_args()
    ours = {}
    for line in open(arguments.ours) if arguments.ours else []:
        row = json.loads(line)
        match = re.fullmatch(r"score (\S+) U\d+ D(\d+) L(\d+) G(\d+): (\d+) groups", f"{row.get('op')} {row.get('shape')}")
        if match:
            solver, width, labeled, group, count = match[1], *map(int, match.groups()[1:])
            ours[solver, width, labeled, group] = row["time_us"] * 1e-6 / count

    rng = np.random.default_rng(0)
    falling = np.exp(-6 * np.arange(arguments.width) / arguments.width)

    def rows(n):
        return np.concatenate([rng.uniform(-0.5, 1, (n, arguments.width)) * falling, np.ones((n, 1))], axis=1)

    print(f"numpy {np.__version__}" + (f", torch {torch.__version__}, {torch.get_num_threads()} threads" if torch else ""))
    print(f"{POOL // arguments.group} groups of {arguments.group}, D = {arguments.width}: seconds for all of them")
    names = ["capacitance", "syev_batched", "syevd", "numpy", "torch"]
    print("  |L|" + "".join(f"{name:>14}" for name in names) + "   numpy/ours   syevd/ours")
    for labeled in arguments.labeled:
        known, groups = rows(labeled), [rows(arguments.group) for _ in range(arguments.groups)]
        times = {"numpy": seconds_per_group(with_numpy, known, groups)}
        if torch:
            times["torch"] = seconds_per_group(with_torch, known, groups)
        for solver in names[:3]:
            if (key := (solver, arguments.width, labeled, arguments.group)) in ours:
                times[solver] = ours[key]
        count = POOL // arguments.group
        line = f"{labeled:5d}" + "".join(f"{times[n] * count:14.3f}" if n in times else f"{'-':>14}" for n in names)
        if "capacitance" in times:
            line += f"{times['numpy'] / times['capacitance']:12.0f}x"
        if "capacitance" in times and "syevd" in times:
            line += f"{times['syevd'] / times['capacitance']:12.0f}x"
        print(line)


if __name__ == "__main__":
    main()
