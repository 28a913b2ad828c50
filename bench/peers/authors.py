"""The authors' own code beside crc_select: what TypiClust, ProbCover and BADGE pick on the same pools.

usage: authors.py --select build/crc_select --typiclust DIR --badge DIR [--features H.npy] [--pools 5]

DIR: checkouts of avihu111/TypiClust and JordanAsh/badge; they want PyTorch, faiss (faiss-cpu does), pandas, SciPy and
scikit-learn. Their modules run as they are, on the CPU: what they import of their training programs is stubs. Pools:
4,000 items of 64 features in 20 clusters, or 4,000 rows of --features drawn anew; 40 of them are labelled, 40 to be picked.

ProbCover is given the radius, and its graph a multiple of its 500 rows, without which it forgets the last ones; where balls
cover as many, each takes one of them, and both must be greedy. TypiClust gets our clusters (tests/golden/make_acquisitions.py):
theirs are scikit-learn's from random starts. It takes half of a cluster of less than 40 as neighbours, leaves out those of five
and less, and its neighbours' distances are squared, which faiss returns and the paper does not write: any other difference is
counted. BADGE draws: the first picks are compared, and the mean of what k-means++ lowers, the sum of squared distances to
the nearest pick, over --draws seeds.
"""
import argparse
import ast
import contextlib
import importlib.util
import io
import os
import subprocess
import sys
import tempfile
import types

import numpy as np

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
ITEMS, LABELED, BUDGET, CLASSES = 4000, 40, 40, 20


def module_of(path, name):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def quietly(call):
    with contextlib.redirect_stdout(io.StringIO()):
        return call()


def load_authors(options):
    import faiss
    import torch

    torch.Tensor.cuda = lambda self, *_, **__: self
    faiss.index_cpu_to_all_gpus = lambda index: index
    features = types.ModuleType("pycls.datasets.utils")
    for name, module in (("pycls", types.ModuleType("pycls")), ("pycls.datasets", types.ModuleType("pycls.datasets")),
                         ("pycls.datasets.utils", features)):
        sys.modules[name] = module
    sys.modules["pycls"].datasets, sys.modules["pycls.datasets"].utils = sys.modules["pycls.datasets"], features
    folder = os.path.join(options.typiclust, "deep-al", "pycls", "al")
    typiclust, probcover = (module_of(os.path.join(folder, file), file[:-3]) for file in ("typiclust.py", "prob_cover.py"))
    # Of BADGE the two functions that choose; their module needs the whole training program.
    with open(os.path.join(options.badge, "query_strategies", "badge_sampling.py")) as file:
        tree = ast.parse(file.read())
    tree.body = [node for node in tree.body if getattr(node, "name", "") in ("distance", "init_centers")]
    from scipy import stats

    badge = {"np": np, "stats": stats}
    exec(compile(tree, "badge_sampling.py", "exec"), badge)
    return features, typiclust, probcover, badge["init_centers"]


class Pool:
    def __init__(self, seed, features):
        rng = np.random.default_rng(seed)
        if features is None:
            centres = rng.normal(size=(CLASSES, 64))
            x = centres[rng.integers(0, CLASSES, ITEMS)] + rng.normal(size=(ITEMS, 64))
        else:
            x = features[rng.permutation(len(features))[:ITEMS]]
        self.x = x.astype(np.float32)
        unit = self.x / np.sqrt((self.x.astype(np.float64) ** 2).sum(1))[:, None]
        self.unit = unit.astype(np.float32)
        self.logits = (3 * rng.normal(size=(ITEMS, CLASSES))).astype(np.float32)
        self.labeled, self.unlabeled = np.arange(LABELED), np.arange(LABELED, ITEMS)


def ours(options, pool, acquisition, more=(), seed=0):
    with tempfile.TemporaryDirectory() as folder:
        files = {name: os.path.join(folder, name) for name in ("h.npy", "z.npy", "labeled.txt", "picks.csv")}
        np.save(files["h.npy"], pool.x), np.save(files["z.npy"], pool.logits)
        np.savetxt(files["labeled.txt"], pool.labeled, fmt="%d")
        logits = ["--logits", files["z.npy"]] if acquisition == "badge" else []
        subprocess.run([options.select, "--features", files["h.npy"], *logits, "--labeled", files["labeled.txt"], "--budget", str(BUDGET),
                        "--acquisition", acquisition, "--seed", str(seed), "--out", files["picks.csv"], *more],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(files["picks.csv"]) as file:
            return [int(line.split(",")[0]) for line in file if line[0].isdigit()]


def squared_distances(x):
    x = x.astype(np.float64)
    return ((x[:, None] - x[None]) ** 2).sum(-1) if len(x) < 100 else np.maximum(
        0, (x**2).sum(1)[:, None] + (x**2).sum(1)[None] - 2 * x @ x.T)


def compare_probcover(options, authors, pool):
    """Picks that are the same, and of how many of theirs and of ours no other item would have covered more, given those before."""
    features, _, probcover, _ = authors
    near = squared_distances(pool.unit)
    radius = float(np.sqrt(np.quantile(near[near > 1e-9], 0.02)))
    features.load_features = lambda *_: pool.unit
    cfg = {"DATASET": {"NAME": ""}, "RNG_SEED": 0}
    theirs = quietly(lambda: probcover.ProbCover(cfg, pool.labeled, pool.unlabeled, BUDGET, radius).select_samples())[0]
    mine = ours(options, pool, "probcover", ["--radius", repr(radius)])
    inside = near < radius**2

    def greedy(picks):
        covered, count = inside[pool.labeled].any(0), 0
        for pick in picks:
            gains = (inside & ~covered).sum(1)
            count += gains[pick] == gains.max()
            covered |= inside[pick]
        return int(count)

    return len(set(mine) & set(theirs)), greedy(theirs), greedy(mine)


def compare_typiclust(options, authors, pool, golden):
    """Picks that are the same; of the others those in small clusters, those that the mean of squares prefers, and the rest."""
    features, typiclust, _, _ = authors
    of, _, _ = golden.k_means(pool.unit, LABELED + BUDGET, 0, 0)
    features.load_features = lambda *_: pool.unit
    typiclust.kmeans = lambda *_, **__: of
    cfg = {"DATASET": {"NAME": ""}, "RNG_SEED": 0}
    theirs = quietly(lambda: typiclust.TypiClust(cfg, pool.labeled, pool.unlabeled, BUDGET).select_samples())[0]
    mine = ours(options, pool, "typiclust")
    of_cluster = {of[pick]: pick for pick in theirs}
    same, small, squares, rest = 0, 0, 0, 0
    for pick in mine:
        open_ = np.setdiff1d(np.flatnonzero(of == of[pick]), pool.labeled)
        their = of_cluster.get(of[pick])
        if their == pick:
            same += 1
        elif their is None or len(open_) < 40:
            small += 1
        else:
            near = np.sort(squared_distances(pool.unit[open_]), 1)[:, 1:21].mean(1)
            squares += open_[near.argmin()] == their
            rest += open_[near.argmin()] != their
    return same, small, int(squares), int(rest)


def compare_badge(options, authors, pool, draws):
    """Whether the first pick is theirs, and the ratio of the means of what is left to cover, with its standard error."""
    init_centers = authors[3]
    p = np.exp(pool.logits.astype(np.float64) - pool.logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    delta = -p
    delta[np.arange(len(p)), p.argmax(1)] += 1
    delta, h = delta[pool.unlabeled], pool.x[pool.unlabeled].astype(np.float64)
    squares = (delta**2).sum(1), (h**2).sum(1)

    def left(picks):
        nearest = np.full(len(h), np.inf)
        for k in picks:
            d = squares[0] * squares[1] + squares[0][k] * squares[1][k] - 2 * (delta @ delta[k]) * (h @ h[k])
            nearest = np.minimum(nearest, np.maximum(0, d))
        return nearest.sum()

    def their_picks(seed):
        np.random.seed(seed)
        chosen, chosen_list, mu, nearest = set(), [], None, None
        for _ in range(BUDGET):
            chosen, chosen_list, mu, nearest = init_centers((delta, squares[0]), (h, squares[1]), chosen, chosen_list, mu, nearest)
        return chosen_list

    both = []
    for seed in range(draws):
        mine = [k - LABELED for k in ours(options, pool, "badge", seed=seed)]
        other = quietly(lambda: their_picks(seed))
        both.append((left(mine), left(other), mine[0] == other[0]))
    mine, other, first = np.array(both).T
    ratio = mine.mean() / other.mean()
    error = ratio * np.sqrt(mine.var(ddof=1) / mine.mean() ** 2 + other.var(ddof=1) / other.mean() ** 2) / np.sqrt(draws)
    return bool(first.all()), ratio, error


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--select", default="build/crc_select")
    parser.add_argument("--typiclust", required=True)
    parser.add_argument("--badge", required=True)
    parser.add_argument("--features")
    parser.add_argument("--pools", type=int, default=5)
    parser.add_argument("--draws", type=int, default=40)
    options = parser.parse_args()
    authors = load_authors(options)
    golden = module_of(os.path.join(ROOT, "tests", "golden", "make_acquisitions.py"), "golden")
    features = np.load(options.features, mmap_mode="r") if options.features else None
    for seed in range(options.pools):
        pool = Pool(seed, features)
        print("pool {}: ProbCover {} same; greedy {} of theirs, {} of ours".format(seed, *compare_probcover(options, authors, pool)), flush=True)
        print("        TypiClust {} same, {} differ in small clusters, {} by squares, {} otherwise".format(*compare_typiclust(options, authors, pool, golden)), flush=True)
        print("        BADGE first pick the same: {}, left to cover {:.4f} of theirs +- {:.4f}".format(
            *compare_badge(options, authors, pool, options.draws)), flush=True)


if __name__ == "__main__":
    main()
