"""The peer of crc_select: herding, coverage and typicality of scikit-activeml on the same pools in the same run.

usage: selection.py --select build/crc_select [--items 5000 20000] [--width 384] [--features H.npy] [--methods maxherding ...]
                    [--package build/python] [--theirs-up-to 20000] [--json out.jsonl]

Every call is a process of its own: its time is that of the call (crc_select's from start to end, reading and writing
included; theirs of query() alone), its memory the peak of the process; of the median of three calls, where one takes less
than ten seconds. With --package, a folder that holds crc_active, also the second calls of crc_active.select() and of query() in a process, as in a
loop, where memory and threads are there. The pool: rows of --features, or 20 clusters of --width features; its first 100 items are labelled, 50 are
to be picked. Their MaxHerding has gamma = 1, the paper's h = 1 (its default is 1/d), ProbCover the radius that crc_select is
given. Ties and k-means starts are drawn by each in its own way: picks can differ where those decide.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

LABELED, BUDGET, RADIUS, CLASSES = 100, 50, 0.9, 20
OURS_ALONE = ("kmeans", "facility_location", "rdss")
METHODS = ("maxherding", "probcover", "typiclust") + OURS_ALONE


# These run in processes of their own; a parent without NumPy adds little to the peak memory of what it starts.
def make_pool(path, items, width, features=None):
    import numpy as np

    if features is not None:
        return np.save(path, np.load(features, mmap_mode="r")[: int(items)].astype(np.float32))
    rng = np.random.default_rng(int(items))
    centres = rng.normal(size=(CLASSES, int(width)))
    noise = rng.normal(size=(int(items), int(width)))
    np.save(path, (centres[rng.integers(0, CLASSES, int(items))] + noise).astype(np.float32))


def theirs(method, path, again=""):
    import numpy as np
    from skactiveml.pool import MaxHerding, ProbCover, TypiClust

    x = np.load(path)
    x /= np.linalg.norm(x, axis=1, keepdims=True)  # as their papers have it
    y = np.full(len(x), np.nan)
    y[:LABELED] = 0
    strategy = {
        "maxherding": lambda: MaxHerding(metric_dict={"gamma": 1.0}, normalize_samples=False, random_state=0),
        "probcover": lambda: ProbCover(n_classes=CLASSES, deltas=[RADIUS], random_state=0),
        "typiclust": lambda: TypiClust(random_state=0),
    }[method]()
    start = time.perf_counter()
    picks = strategy.query(x, y, batch_size=BUDGET)
    seconds = time.perf_counter() - start
    start = time.perf_counter()
    if again:
        strategy.query(x, y, batch_size=BUDGET)
    print(json.dumps({"seconds": seconds, "again": time.perf_counter() - start, "picks": [int(i) for i in picks]}))


def ours_in_python(method, path, package):
    import numpy as np

    sys.path.insert(0, package)
    import crc_active

    x = np.load(path)
    radius = {"radius": RADIUS} if method == "probcover" else {}
    for _ in range(2):
        start = time.perf_counter()
        crc_active.select(x, labeled=range(LABELED), budget=BUDGET, acquisition=method, **radius)
        seconds = time.perf_counter() - start
    print(seconds)


def measured(command):
    """Seconds and peak bytes of a process, and what it printed."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        out.seek(0), err.seek(0)
        if status != 0:
            sys.exit(f"selection: {' '.join(command)}\n{err.read().decode()}")
        return seconds, usage.ru_maxrss * 1024, out.read().decode()


def median_of_calls(call):
    """Of what call() returns, (seconds, ...)."""
    results = [call()]
    while results[0][0] < 10 and len(results) < 3:
        results.append(call())
    return sorted(results)[len(results) // 2]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--select", default="build/crc_select")
    parser.add_argument("--items", type=int, nargs="+", default=[5000, 20000])
    parser.add_argument("--width", type=int, default=384)
    parser.add_argument("--features")
    parser.add_argument("--package")
    parser.add_argument("--methods", nargs="+", default=METHODS, choices=METHODS)
    parser.add_argument("--theirs-up-to", type=int, default=20000)
    parser.add_argument("--json")
    parser.add_argument("--call", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.call:
        return {"pool": make_pool, "theirs": theirs, "ours": ours_in_python}[options.call[0]](*options.call[1:])
    rows = []
    print(f"{'items':>8} {'acquisition':<18} {'crc_select':>18} {'scikit-activeml':>20} {'time':>7} {'memory':>7}  same picks")
    with tempfile.TemporaryDirectory() as folder:
        labeled, features, picks = (os.path.join(folder, name) for name in ("labeled.txt", "features.npy", "picks.csv"))
        with open(labeled, "w") as file:
            file.write("\n".join(map(str, range(LABELED))))
        for items in options.items:
            source = [options.features] if options.features else []
            measured([sys.executable, __file__, "--call", "pool", features, str(items), str(options.width), *source])
            for method in options.methods:
                radius = ["--radius", str(RADIUS)] if method == "probcover" else []
                call = [options.select, "--features", features, "--labeled", labeled, "--budget", str(BUDGET), "--acquisition",
                        method, "--out", picks, "--force", *radius]
                seconds, memory, _ = median_of_calls(lambda: measured(call))
                with open(picks) as file:
                    ours = [int(line.split(",")[0]) for line in file if line[0].isdigit()]
                row = {"items": items, "acquisition": method, "seconds": seconds, "bytes": memory}
                line = f"{items:>8} {method:<18} {seconds:>8.2f} s {memory / 2**20:>5.0f} MB"
                if options.package:
                    call = [sys.executable, __file__, "--call", "ours", method, features, options.package]
                    row["again_seconds"] = median_of_calls(lambda: (float(measured(call)[2]),))[0]
                if method not in OURS_ALONE and items <= options.theirs_up_to:
                    def their_call():
                        again = ["again"] if options.package else []
                        _, memory, said = measured([sys.executable, __file__, "--call", "theirs", method, features, *again])
                        said = json.loads(said)
                        return said["seconds"], memory, said["picks"], said["again"]

                    peer_seconds, memory, peer_picks, peer_again = median_of_calls(their_call)
                    row.update(peer_seconds=peer_seconds, peer_bytes=memory, same=len(set(ours) & set(peer_picks)))
                    line += (f" {peer_seconds:>10.2f} s {memory / 2**20:>5.0f} MB {peer_seconds / seconds:>6.1f}x"
                             f" {memory / row['bytes']:>6.1f}x  {row['same']} of {BUDGET}")
                    if options.package:
                        row["peer_again_seconds"] = peer_again
                        line += f"  again {row['again_seconds']:.3f} s, {peer_again:.2f} s, {peer_again / row['again_seconds']:.1f}x"
                rows.append(row)
                print(line, flush=True)
    if options.json:
        with open(options.json, "w") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)


if __name__ == "__main__":
    main()
