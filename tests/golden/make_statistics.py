"""Tables of random accuracy curves and what SciPy says of them, one JSON object a line: statistics.jsonl, and for
tests/apps/stats/scipy.sh many more. The bootstrap is the engine's own Philox resampling, written again with NumPy.
usage: make_statistics.py TABLES SEED > statistics.jsonl        (numpy and scipy 1.11 or later)"""
import itertools
import json
import sys

import numpy as np
from scipy import integrate, stats

REPLICATES = 2000
MASK = np.uint64(0xFFFFFFFF)


def philox(key0, key1, c0, c1, c2, c3):
    """Philox4x32-10 (Salmon et al. 2011) on arrays of counters."""
    c = [np.asarray(x, np.uint64) for x in np.broadcast_arrays(c0, c1, c2, c3)]
    k0, k1 = key0, key1
    for _ in range(10):
        p0, p1 = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [(p1 >> np.uint64(32)) ^ c[1] ^ np.uint64(k0), p1 & MASK,
             (p0 >> np.uint64(32)) ^ c[3] ^ np.uint64(k1), p0 & MASK]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack(c, -1)


def resample(count):  # [replicates, count] places of the first stratum
    blocks = (count + 3) // 4
    words = philox(0, 0x626F6F74, np.arange(REPLICATES)[:, None], 0, np.arange(blocks)[None, :], 0)
    words = words.reshape(REPLICATES, blocks * 4)[:, :count]
    return ((words * np.uint64(count)) >> np.uint64(32)).astype(int)


def interval(replicates, n):
    tail = stats.norm.cdf(-stats.norm.ppf(0.975) * np.sqrt(n / (n - 1)))
    return np.quantile(replicates, [tail, 1 - tail]).tolist()


def trim(x):
    return stats.trim_mean(x, 0.25, axis=-1)


def median_interval(x):  # Hettmansperger and Sheather 1986
    n = len(x)
    held = [1 - 2 * stats.binom.cdf(k - 1, n, 0.5) for k in range(n // 2 + 1)]
    k = max([i for i in range(1, len(held)) if held[i] >= 0.95], default=0)
    if k == 0:
        return [None, None]
    outer, inner = held[k], 1 - 2 * stats.binom.cdf(k, n, 0.5)
    part = (outer - 0.95) / (outer - inner)
    w = (n - k) * part / (k + (n - 2 * k) * part)
    return [(1 - w) * x[k - 1] + w * x[k], (1 - w) * x[n - k] + w * x[n - k - 1]]


def method_numbers(areas):
    n = len(areas)
    drawn = areas[resample(n)]
    low, high = stats.t.interval(0.95, n - 1, areas.mean(), stats.sem(areas)) if np.ptp(areas) > 0 else [areas[0]] * 2
    return {"mean": areas.mean(), "deviation": areas.std(ddof=1), "low": low, "high": high,
            "median": np.median(areas), "median_interval": median_interval(np.sort(areas)),
            "interquartile": trim(areas), "interquartile_interval": interval(trim(drawn), n)}


def wilcoxon(d):
    d = d[d != 0]
    if len(d) == 0:
        return 1.0, None
    ranks = stats.rankdata(np.abs(d))
    positive, whole = ranks[d > 0].sum(), ranks.sum()
    tied = len(np.unique(np.abs(d))) < len(d)
    if len(d) <= 14 and tied:  # SciPy's exact p is for no ties: all signs, counted
        sums = np.array([np.dot(s, ranks) for s in itertools.product([0, 1], repeat=len(d))])
        smaller = min(positive, whole - positive)
        p = min(1.0, 2 * np.mean(sums <= smaller + 1e-9))
    elif len(d) <= 50 and tied:
        p = None
    else:
        p = stats.wilcoxon(d, method="exact" if len(d) <= 50 else "approx", correction=False).pvalue
    return p, 2 * positive / whole - 1


def needed(deviation, level):
    if deviation == 0:
        return 0
    if deviation > 30:
        return None  # noncentral t of SciPy takes long there

    def power(n):
        t, shift = stats.t.ppf(1 - level / 2, n - 1), np.sqrt(n) / deviation
        found = stats.nct.sf(t, n - 1, shift) + stats.nct.cdf(-t, n - 1, shift)
        if np.isfinite(found):
            return found
        root = np.sqrt(n - 1)  # large shifts: nct has no number; over the sample's deviation instead
        return integrate.quad(lambda x: stats.chi.pdf(x, n - 1) * (stats.norm.cdf(shift - t * x / root)
                                                                   + stats.norm.cdf(-shift - t * x / root)),
                              0, root + 20, points=[min(root, shift / t * root)], limit=200)[0]

    low, high = 1, 2
    while power(high) < 0.8:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(middle) >= 0.8 else (middle, high)
    return high


def labels_for(labels, values, target):
    for i, v in enumerate(values):
        if v >= target:
            return labels[0] if i == 0 else np.interp(target, values[i - 1:i + 1], labels[i - 1:i + 1])


def saved(labels, one, other):
    target = min(one.max(), other.max())
    return labels_for(labels, other, target) - labels_for(labels, one, target)


def pair_numbers(labels, one, other, areas, against):
    n = len(areas)
    d = np.where(np.abs(areas - against) < 1e-9, 0, areas - against)
    spread = d.std(ddof=1) > 1e-9
    p = 1.0 if d.mean() == 0 else stats.ttest_rel(areas, against).pvalue if spread else 0.0
    w, biserial = wilcoxon(np.round(d, 9) + 0.0)
    result = {"mean": d.mean(), "p": p, "wilcoxon": w, "rank_biserial": biserial,
              "effect": d.mean() / d.std(ddof=1) if spread else None, "deviation": d.std(ddof=1) if spread else 0.0,
              "wins": int((d > 0).sum()), "losses": int((d < 0).sum())}
    if len(labels) > 1:
        picks = resample(n)
        result["saved"] = saved(labels, one.mean(0), other.mean(0))
        result["saved_interval"] = interval([saved(labels, one[i].mean(0), other[i].mean(0)) for i in picks], n)
    return result


def table(rng, many):
    methods, points = int(rng.integers(2, 6)), int(rng.integers(1, 6))
    trials = int(rng.integers(2, 14)) if not many else int(rng.integers(51, 70))
    labels = np.cumsum(rng.integers(1, 100, points)).astype(float)
    rough = 10.0 ** -rng.integers(0, 4)  # coarse accuracies tie
    base = 40 + 40 * labels / labels.max() + rng.normal(0, 3, (trials, 1))
    curves = {}
    for m in range(methods):
        noise = rng.normal(0, rng.uniform(0.2, 4), (trials, points)) if rng.random() < 0.95 else 0
        curves["m%d" % m] = np.round((base + rng.normal(0, 2) + noise) / rough) * rough
    area = {m: c[:, 0] if points == 1 else np.trapezoid(c, labels, axis=1) / (labels[-1] - labels[0])
            for m, c in curves.items()}
    names = list(curves)
    pairs = {}
    for a, b in itertools.combinations(names, 2):
        pairs[a + " " + b] = pair_numbers(labels, curves[a], curves[b], area[a], area[b])
    order = sorted(pairs.values(), key=lambda p: p["p"])
    so_far = 0
    for k, p in enumerate(order):
        so_far = max(so_far, min(1, (len(order) - k) * p["p"]))
        p["holm"] = so_far
        p["needed"] = needed(p.pop("deviation"), 0.05 / len(order))
    values = np.round(np.stack([area[m] for m in names], 1), 9)
    ranks = stats.rankdata(-values, axis=1)
    ranking = {"mean_rank": dict(zip(names, ranks.mean(0))),
               "critical_difference": stats.studentized_range.ppf(0.95, methods, np.inf) / np.sqrt(2)
               * np.sqrt(methods * (methods + 1) / (6 * trials))}
    if methods > 2 and np.any(ranks != ranks[:, :1]):
        chi, p = stats.friedmanchisquare(*values.T)
        ranking.update(chi_squared=chi, p=p)
    return {"labels": labels.tolist(), "curves": {m: c.tolist() for m, c in curves.items()},
            "methods": {m: method_numbers(a) for m, a in area.items()}, "pairs": pairs, "ranking": ranking}


def plain(value):
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return float(value) if isinstance(value, np.floating) else value


def main():
    tables, rng = int(sys.argv[1]), np.random.default_rng(int(sys.argv[2]))
    for i in range(tables):
        print(json.dumps(plain(table(rng, many=i % 20 == 7))))


main()
