#!/usr/bin/env python3
"""Golden file of the acquisitions on embeddings and gradients, each written from its paper's equations with all pairs in memory, on 1,000
random pools: tests/golden/acquisitions.txt (needs NumPy).

Run: python3 make_acquisitions.py > acquisitions.txt
Line: acquisition group crc32 of the picks (int64) of its 20 pools, one after the other. tests/crc/embedding_acquisitions_test.cpp
makes the same pools from the same integer hash. Arguments: acquisition pool prints the picks of one.
"""
import sys
import zlib

import numpy as np

POOLS, EACH = 1000, 20
U32 = 0xFFFFFFFF


def mix(x):
    x = (x ^ (x >> 16)) * 0x7FEB352D & U32
    x = (x ^ (x >> 15)) * 0x846CA68B & U32
    return x ^ (x >> 16)


def words(pool, stream, n):
    i = np.arange(n, dtype=np.uint64)
    return mix(mix(i + np.uint64(1)) + np.uint64(mix(pool * 16 + stream + 1)) & np.uint64(U32))


# ---- random numbers as the engine draws them: Philox4x32-10, key (seed, purpose of acquisitions), counter (item, round, block)
def bits(seed, items, round_, n):
    """The first n words [items,n] of each item's stream."""
    items = np.atleast_1d(np.asarray(items, dtype=np.int64)).view(np.uint64)
    low, shift = np.uint64(U32), np.uint64(32)
    out = []
    for block in range((n + 3) // 4):
        c = [items & low, np.full_like(items, round_), np.full_like(items, block), items >> shift]
        k0, k1 = seed, 6
        for _ in range(10):
            p0, p1 = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
            c = [(p1 >> shift) ^ c[1] ^ np.uint64(k0), p1 & low, (p0 >> shift) ^ c[3] ^ np.uint64(k1), p0 & low]
            k0, k1 = (k0 + 0x9E3779B9) & U32, (k1 + 0xBB67AE85) & U32
        out += c
    return np.stack(out[:n], 1)


def uniforms(seed, item, round_, n):
    w = bits(seed, item, round_, 2 * n)
    u = w[:, 0::2] * 2.0**-32 + (w[:, 1::2] >> np.uint64(11)) * 2.0**-53
    return u if np.ndim(item) else u[0]


class Pool:
    def __init__(self, p):
        h = [int(x) for x in words(p, 0, 8)]
        n, width, kind = 3 + h[0] % 38, 2 + h[1] % 7, p % 8
        self.classes, self.seed, self.round = 2 + h[2] % 3, p, p % 3
        # Multiples of 2^-11: sums of a few squares are exact, so that ties in the equations are ties in every order of summation.
        x = ((words(p, 1, n * width) >> np.uint64(20)).astype(np.float64) * 2.0**-11 - 1).astype(np.float32).reshape(n, width)
        z = ((words(p, 2, n * self.classes) >> np.uint64(8)).astype(np.float64) * 2.0**-22 - 2).astype(np.float32).reshape(n, -1)
        if kind == 1:
            x[:] = x[0]
        if kind == 2:
            for i in range(n // 2, n):
                x[i] = x[i - n // 2]
        if kind == 3:
            x[: n // 3] = 0
        self.x, self.z, self.ids = x, z, np.arange(n)
        role = words(p, 3, n) % np.uint64(8)  # 0: in neither list; below the bound: labelled
        bound = 0 if kind == 4 else 1 + h[3] % 5
        role[0] = 7
        self.labeled = [i for i in range(n) if 0 < role[i] <= bound]
        self.unlabeled = [i for i in range(n) if role[i] > bound]
        self.budget = len(self.unlabeled) if kind == 5 else 1 + h[4] % len(self.unlabeled)
        self.weights = ((words(p, 4, n) >> np.uint64(28)) % np.uint64(13)).astype(np.float64) / 4  # a few are 0
        self.draw = [uniforms(self.seed, i, self.round, 1)[0] for i in range(n)]
        self.pool = sorted(self.labeled + self.unlabeled)
        self.original = [next(j for j in self.pool if (x[j] == x[i]).all()) if i in self.pool else -1 for i in range(n)]


def unit(x):
    total = np.zeros(len(x))
    for d in range(x.shape[1]):
        total += x[:, d].astype(np.float64) ** 2
    norm = np.where(total > 0, np.sqrt(total), 1)
    return (x.astype(np.float64) / norm[:, None]).astype(np.float32)


def squared(a, b):
    return ((a.astype(np.float64)[:, None] - b.astype(np.float64)[None]) ** 2).sum(-1)


def steps(kernel):
    """Kernels in multiples of 2^-32: their sums are exact, and ties in the equations are ties in every order of summation."""
    return np.round(kernel * 2.0**32) * 2.0**-32


def best(pool, items, value, taken, known=()):
    """The largest value of those not taken, items without a known copy first, ties by draw."""
    return max((i for i in items if i not in taken), key=lambda i: (pool.original[i] not in known, value[i], pool.draw[i]))


# ---- k-means
def draw_place(weights, u):
    total = 0.0
    for w in weights:
        total += w
    target, s, last = u * total, 0.0, -1
    for i, w in enumerate(weights):
        if w > 0:
            last, s = i, s + w
            if s > target:
                break
    return last


def k_means(x, k, seed, round_):
    n, u = len(x), uniforms(seed, -1, round_, k + 1)
    centers, nearest, following = [], np.full(n, np.inf), min(n - 1, int(u[0] * n))
    while following >= 0:
        centers.append(x[following])
        if len(centers) == k:
            break
        nearest = np.minimum(nearest, squared(x, x[following][None])[:, 0])
        following = draw_place(nearest, u[len(centers)])
    centers = np.array(centers)

    def assign():
        d = squared(x, centers)
        of = d.argmin(1)
        d = d[np.arange(n), of]
        for c in range(len(centers)):
            if not (of == c).any() and d.max() > 0:
                far = d.argmax()
                of[far], d[far] = c, 0
        return of, d

    tolerance, before = 1e-4 * x.astype(np.float64).var(0).mean(), None
    for _ in range(100):
        of, d = assign()
        if before is not None and (of == before).all():
            return of, d, len(centers)
        before = of.copy()
        means = np.array([x[of == c].astype(np.float64).sum(0) / (of == c).sum() if (of == c).any() else centers[c]
                          for c in range(len(centers))]).astype(np.float32)
        shift = ((means.astype(np.float64) - centers.astype(np.float64)) ** 2).sum()
        centers = means
        if shift <= tolerance:
            break
    of, d = assign()
    return of, d, len(centers)


# ---- acquisitions: picks, best first
def kmeans(p):
    of, d, count = k_means(p.x[p.unlabeled], p.budget, p.seed, p.round)
    score = {i: -np.float32(d[k]) for k, i in enumerate(p.unlabeled)}
    clusters = sorted(([i for k, i in enumerate(p.unlabeled) if of[k] == c] for c in range(count)), key=lambda m: -len(m))
    known, picks = {p.original[i] for i in p.labeled}, []
    for members in clusters:
        picks.append(best(p, members, score, picks, known))
        known.add(p.original[picks[-1]])
    while len(picks) < p.budget:
        picks.append(best(p, p.unlabeled, dict.fromkeys(p.unlabeled, 0), picks, known))
        known.add(p.original[picks[-1]])
    return picks


def typiclust(p):
    x = unit(p.x)
    of, _, count = k_means(x[p.pool], min(len(p.labeled) + p.budget, 500), p.seed, p.round)
    clusters = [[i for k, i in enumerate(p.pool) if of[k] == c] for c in range(count)]
    clusters.sort(key=lambda m: (len(set(m) & set(p.labeled)), -len(m)))
    known, picks, turn = {p.original[i] for i in p.labeled}, [], 0
    while len(picks) < p.budget:
        members = [i for i in clusters[turn % count] if i not in p.labeled and i not in picks]
        turn += 1
        if not members:
            continue
        distance, k = np.sqrt(squared(x[members], x[members])), min(20, len(members) - 1)
        value = {}
        for a, i in enumerate(members):
            others = np.sort(np.delete(distance[a], a))[:k]
            value[i] = 1 / (1e-5 + (np.cumsum(others)[-1] / k if k else 0))
        picks.append(best(p, members, value, picks, known))
        known.add(p.original[picks[-1]])
    return picks


def coverage(p, kernel, weights):
    """kernel(items, items): greedy maximum of sum_j weights[j] max_s kernel(j, s) over the pool."""
    m = kernel[np.ix_(p.unlabeled, p.pool)]
    current = np.zeros(len(p.pool))
    if p.labeled:
        current = np.maximum(current, kernel[np.ix_(p.labeled, p.pool)].max(0))
    picks = []
    while len(picks) < p.budget:
        gain = (np.maximum(0, m - current) * weights).sum(1)
        picks.append(best(p, p.unlabeled, dict(zip(p.unlabeled, gain)), picks))
        current = np.maximum(current, kernel[picks[-1], p.pool])
    return picks


def maxherding(p, h=1.0):
    x = unit(p.x)
    return coverage(p, steps(np.exp(-squared(x, x) / h**2)), np.ones(len(p.pool)))


def uherding(p):
    x, h, weights = unit(p.x), 1.0, np.ones(len(p.pool))
    if p.labeled:
        apart = squared(x[p.labeled], x[p.labeled])
        if (apart > 0).any():
            h = np.sqrt(apart[apart > 0].min())
        e = np.exp(p.z.astype(np.float64) - p.z.max(1, keepdims=True))
        top = np.sort(e / e.sum(1, keepdims=True), 1)[:, ::-1]
        weights = np.where(np.isin(p.pool, p.labeled), 0, (1 - (top[:, 0] - top[:, 1]))[p.pool])
    return coverage(p, steps(np.exp(-squared(x, x) / h**2)), weights)


def probcover(p):
    x = unit(p.x)
    of, _, _ = k_means(x[p.pool], p.classes, p.seed, p.round)
    d = squared(x, x)
    inside = d[np.ix_(p.pool, p.pool)]
    margin = np.sort(np.where(of[:, None] == of[None], np.inf, inside).min(1))
    n = len(margin)
    radius = max((r for r in margin if (margin >= r).sum() >= 0.95 * n))  # balls are open: pure up to the margin itself
    return coverage(p, (d < radius).astype(np.float64), np.ones(n))


def facility_location(p):
    x = p.x.astype(np.float64)
    norm = np.sqrt((x**2).sum(1))
    product = norm[:, None] * norm[None]
    cosine = np.divide((x[:, None] * x[None]).sum(-1), product, out=np.zeros_like(product), where=product > 0)
    return coverage(p, steps((1 + cosine) / 2), np.ones(len(p.pool)))


def rdss(p):
    x, n = unit(p.x), len(p.pool)
    k = steps(np.exp(-squared(x, x) / 2))
    mean = k[:, p.pool].sum(1) / n
    alpha = 1 - 1 / np.sqrt(len(p.labeled) + p.budget)
    chosen, known = list(p.labeled), {p.original[i] for i in p.labeled}
    while len(chosen) < len(p.labeled) + p.budget:
        near = np.zeros(len(x))
        for s in chosen:
            near = near + k[:, s]
        value = alpha * (len(chosen) + 1) * mean - near
        chosen.append(best(p, p.unlabeled, value, chosen, known))
        known.add(p.original[chosen[-1]])
    return chosen[len(p.labeled):]


def maxherding_weighted(p):
    x = unit(p.x)
    return coverage(p, steps(np.exp(-squared(x, x))), p.weights[p.pool])


# ---- of gradients and Fisher information of the last layer
def probabilities(p):
    e = np.exp(p.z.astype(np.float64) - p.z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def egl_last(p):
    q, h = probabilities(p), p.x.astype(np.float64)
    length = {}
    for i in p.unlabeled:
        g = (q[i] - np.eye(p.classes))[:, :, None] * np.append(h[i], 1)  # of each label, with the bias
        length[i] = (q[i] * (g**2).sum((1, 2))).sum()
    picks = []
    while len(picks) < p.budget:
        picks.append(best(p, p.unlabeled, length, picks))
    return picks


def badge(p, weights=None):
    q, h = probabilities(p), p.x.astype(np.float64)
    delta = (np.eye(p.classes)[q.argmax(1)] - q).astype(np.float32).astype(np.float64)
    g = (delta[:, :, None] * h[:, None]).reshape(len(h), -1)[p.unlabeled]
    w = np.ones(len(g)) if weights is None else weights[p.unlabeled]
    u = uniforms(p.seed, 0, p.round, p.budget)
    value = dict(zip(p.unlabeled, w * (g**2).sum(1)))
    picks, nearest = [best(p, p.unlabeled, value, [])], np.full(len(g), np.inf)
    while len(picks) < p.budget:
        nearest = np.minimum(nearest, ((g - g[p.unlabeled.index(picks[-1])]) ** 2).sum(1))
        k = draw_place(w * nearest, u[len(picks) - 1])
        picks.append(p.unlabeled[k] if k >= 0 else best(p, p.unlabeled, dict(zip(p.unlabeled, w > 0)), picks))
    return picks


def badge_weighted(p):
    return badge(p, p.weights)


def coreset(p, weights=None):
    w = np.ones(len(p.x)) if weights is None else weights
    centers = [p.x[i] for i in p.labeled] or [p.x[p.unlabeled].astype(np.float64).mean(0).astype(np.float32)]
    picks = []
    while len(picks) < p.budget:
        picks.append(best(p, p.unlabeled, w * squared(p.x, np.array(centers)).min(1), picks))
        centers.append(p.x[picks[-1]])
    return picks


def coreset_weighted(p):
    return coreset(p, p.weights)


def bait(p, top=None):
    """Forward to 2Q items, backward to Q, every matrix written out: tr(M^-1 F) is compared itself."""
    q, h, c = probabilities(p), p.x.astype(np.float64), p.classes
    information = []
    for i in range(len(h)):
        which = np.argsort(-q[i], kind="stable")[:top]
        expectation = q[i, which] if top is None else q[i, which] / q[i, which].sum()
        gradients = (np.eye(c)[which] - q[i])[:, :, None] * h[i]
        v = (np.sqrt(expectation)[:, None, None] * gradients).reshape(len(which), -1)
        information.append(v.T @ v)
    fisher = sum(information[i] for i in p.unlabeled) / len(p.unlabeled)
    m = np.eye(len(fisher)) + sum(information[i] for i in p.labeled) / max(1, len(p.labeled))

    def lowered(m, sign):
        """By how much the trace falls for each item: differences of traces, whose rounding is not an order."""
        before = np.linalg.solve(m, fisher).trace()
        value = {i: before - np.linalg.solve(m + sign * information[i], fisher).trace() for i in p.unlabeled}
        return {i: 0 if not h[i].any() else v for i, v in value.items()}

    chosen = []
    while len(chosen) < min(2 * p.budget, len(p.unlabeled)):
        chosen.append(best(p, p.unlabeled, lowered(m, 1), chosen))
        m = m + information[chosen[-1]]
    while len(chosen) > p.budget:
        rise = lowered(m, -1)
        gone = max(chosen, key=lambda i: (rise[i], -p.draw[i]))
        chosen.remove(gone)
        m = m - information[gone]
    return chosen


def bait_top1(p):
    return bait(p, 1)


def bait_top2(p):
    return bait(p, 2)


ACQUISITIONS = [kmeans, typiclust, probcover, maxherding, uherding, facility_location, rdss, maxherding_weighted, egl_last, badge,
                badge_weighted, coreset, coreset_weighted, bait, bait_top1, bait_top2]

def main(acquisitions, make):
    """Prints the golden file of `acquisitions` on make(0), make(1), ..."""
    if len(sys.argv) == 3:
        print(*next(a for a in acquisitions if a.__name__ == sys.argv[1])(make(int(sys.argv[2]))))
        sys.exit()
    pools = [make(p) for p in range(POOLS)]
    for acquisition in acquisitions:
        for group in range(POOLS // EACH):
            crc = 0
            for p in pools[group * EACH:(group + 1) * EACH]:
                crc = zlib.crc32(np.array(acquisition(p), dtype=np.int64).tobytes(), crc)
            print(acquisition.__name__, group, f"{crc:08x}")


if __name__ == "__main__":
    main(ACQUISITIONS, Pool)
