#!/usr/bin/env python3
"""Golden file of the acquisitions that look at a model's passes, labels or head, each written from its paper's equations, on
1,000 random pools: tests/golden/model_acquisitions.txt (needs NumPy). Pools and lines are those of make_acquisitions.py, with
labels, passes and a head; tests/crc/model_acquisitions_test.cpp makes the same.

Run: python3 make_model_acquisitions.py > model_acquisitions.txt
"""
import numpy as np

from make_acquisitions import Pool, best, bits, k_means, main, squared, steps, uniforms, unit, words

CONFIGURATIONS = 4096


class ModelPool(Pool):
    def __init__(self, p):
        super().__init__(p)
        h, (n, width), classes, kind = [int(x) for x in words(p, 0, 8)], self.x.shape, self.classes, p % 8
        passes = 2 + h[5] % 4
        self.samples = ((words(p, 4, passes * n * classes) >> np.uint64(8)).astype(np.float64) * 2.0**-22 - 2).astype(np.float32)
        self.samples = self.samples.reshape(passes, n, classes)
        sure = words(p, 5, n) % np.uint64(3) == 0  # all passes say what the model says
        for i in range(n):
            if sure[i] or kind == 6:
                self.samples[:, i] = self.z[i]
        self.label = [int(w) for w in words(p, 6, n) % np.uint64(classes)]
        number = lambda stream, count: (words(p, stream, count) >> np.uint64(20)).astype(np.float64) * 2.0**-11 - 1
        self.weight, self.bias = number(7, classes * width).reshape(classes, width), number(8, classes)


def softmax(z):
    e = np.exp(z.astype(np.float64) - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def entropy(p, axis=-1):
    return -(p * np.log(p)).sum(axis)


def ordered(p, items, value):
    return sorted(items, key=lambda i: (value[i], p.draw[i]), reverse=True)


def bald(p):
    q = softmax(p.samples)
    return ordered(p, p.unlabeled, steps(entropy(q.mean(0)) - entropy(q).mean(0)))[:p.budget]


def batchbald(p):
    """H(y_A, y_x) - H(y_A) by the joint probabilities of the configurations, as the authors estimate both."""
    q = softmax(p.samples)  # [S,N,C]
    passes, n, classes = q.shape
    single, picks, joint = entropy(q).mean(0), [], np.ones((1, passes))
    drawn = None
    while len(picks) < p.budget:
        of_m = joint.mean(1)  # [M]
        with_x = np.einsum("ms,snc->nmc", joint, q) / passes
        if drawn is None:
            gain = entropy(with_x, (1, 2)) - entropy(of_m)
        else:
            gain = (-np.log(with_x) * with_x / of_m[:, None]).sum((1, 2)) / len(of_m) + np.log(of_m).mean()
        gain = steps(gain - single)
        picks.append(ordered(p, [i for i in p.unlabeled if i not in picks], gain)[0])
        if drawn is None and classes ** len(picks) <= CONFIGURATIONS:
            joint = (joint[:, None, :] * q[:, picks[-1]].T[None]).reshape(-1, passes)
            continue
        if drawn is None:
            m = np.arange(passes * -(-CONFIGURATIONS // passes))
            drawn = uniforms(p.seed, -2 - m, p.round, p.budget)
            joint, new = np.ones((len(m), passes)), picks
        else:
            new = picks[-1:]
        for i in new:
            cumulative = q[m % passes, i].cumsum(1)
            target = drawn[:, picks.index(i)] * cumulative[:, -1]
            label = np.minimum((cumulative <= target[:, None]).sum(1), classes - 1)
            joint = joint * q[:, i, label].T
    return picks


def dcom(p):
    x, n = unit(p.x), len(p.pool)
    d = squared(x, x)
    inside = d[np.ix_(p.pool, p.pool)]
    of, _, _ = k_means(x[p.pool], p.classes, p.seed, p.round)
    margin = np.sort(np.where(of[:, None] == of[None], np.inf, inside).min(1))
    most = max(r for r in margin if (margin >= r).sum() >= 0.95 * n)  # squared, as all radii here but the mean
    covered, radius, s = np.zeros(n, dtype=bool), np.sqrt(most), 0.0
    u = dict.fromkeys(p.unlabeled, 0.0)
    if p.labeled:
        q = softmax(p.z)
        says = np.array([p.label[i] if i in p.labeled else q[i].argmax() for i in p.pool])
        tau = 0.2 * ((d[np.ix_(p.labeled, p.pool)] < most).any(0).sum() / n) + 0.4
        radii = []
        for i in p.labeled:
            row = d[i, p.pool]
            levels = [r for r in sorted(set(row)) if 0 < r < most] + [most]  # open balls change behind these
            pure = [r for r in levels if (says[row < r] == p.label[i]).sum() >= tau * (row < r).sum()]
            radii.append(max(pure, default=0))
            covered |= row < radii[-1]
        radius = 0.0
        for r in radii:
            radius += np.sqrt(r) / len(radii)
        radius *= 1 - 2.0**-40
        o = covered.sum() / n
        s = np.round((1 + np.exp(-30 * (1 - 0.9))) / (1 + np.exp(-30 * (o - 0.9))), 3)
        top = np.sort(q, 1)[:, ::-1]
        u = {i: 1 - (top[i, 0] - top[i, 1]) for i in p.unlabeled}
        least = min(u.values())
        u = {i: v - least for i, v in u.items()}
    ball = d[:, p.pool] < (most if not p.labeled else radius * radius)
    picks, known = [], {p.original[i] for i in p.labeled}
    while len(picks) < p.budget:
        left = [i for i in p.unlabeled if i not in picks]
        r = {i: (ball[i] & ~covered).sum() for i in left}
        most_r, most_u = max(r.values()), max(u[i] for i in left)
        value = {i: steps(s * (u[i] / most_u if most_u > 0 else 0) + (1 - s) * (r[i] / most_r if most_r > 0 else 0)) for i in left}
        picks.append(best(p, left, value, picks, known))
        known.add(p.original[picks[-1]])
        covered |= ball[picks[-1]]
    return picks


def galaxy(p):
    q, line_of = softmax(p.z), {}
    label = {i: p.label[i] for i in p.labeled}
    for k in range(p.classes):
        line_of[k] = sorted(p.pool, key=lambda i: (q[i, k] - q[i].max(), q[i].max(), p.draw[i]), reverse=True)
    picks, word = [], bits(p.seed, -1, p.round, p.budget)[0]
    while len(picks) < p.budget:
        k = int(word[len(picks)]) * p.classes >> 32
        line = line_of[k]
        at = [j for j, i in enumerate(line) if i in label]
        member = [j for j in at if label[line[j]] == k]
        other = [j for j in at if label[line[j]] != k]
        runs = [(b - a, a, b) for a, b in zip(at, at[1:]) if b - a > 1 and (a in member) != (b in member)]
        if runs:
            pick = line[(min(runs)[1] + min(runs)[2]) // 2]
        elif member and other:
            order = {j: max(min(abs(j - a) for a in side) for side in (member, other)) for j in range(len(line)) if j not in at}
            pick = line[min(order, key=lambda j: (order[j], j))]
        else:
            pick = max((i for i in p.unlabeled if i not in picks), key=lambda i: p.draw[i])
        label[pick] = int(p.z[pick].argmax())
        picks.append(pick)
    return picks


def of_centres(p, x, candidates, value):
    """The item nearest to each centre of the candidates, then the largest values."""
    picks, known = [], {p.original[i] for i in p.labeled}
    if candidates:
        of, d, count = k_means(x[candidates], p.budget, p.seed, p.round)
        near = {i: -np.float32(d[k]) for k, i in enumerate(candidates)}
        for members in sorted(([i for k, i in enumerate(candidates) if of[k] == c] for c in range(count)), key=lambda m: -len(m)):
            picks.append(best(p, members, near, picks, known))
            known.add(p.original[picks[-1]])
    while len(picks) < p.budget:
        picks.append(best(p, p.unlabeled, value, picks, known))
        known.add(p.original[picks[-1]])
    return picks


def dropquery(p):
    changes = (p.samples.argmax(2) != p.z.argmax(1)).sum(0)
    return of_centres(p, p.x, [i for i in p.unlabeled if changes[i] > len(p.samples) / 2], changes)


def alfamix(p):
    x, candidates = p.x.astype(np.float64), []
    logits = lambda z: p.weight @ z + p.bias
    anchors = [x[[i for i in p.labeled if p.label[i] == c]].mean(0) for c in sorted({p.label[i] for i in p.labeled})]
    for i in p.unlabeled:
        f = logits(x[i])
        g = p.weight.T @ (softmax(f) - np.eye(p.classes)[f.argmax()])
        size = np.linalg.norm(g)
        for anchor in anchors:
            mixed = x[i] + 0.2 / np.sqrt(len(g)) * np.linalg.norm(anchor - x[i]) * g / size  # alpha z* + (1 - alpha) z
            if logits(mixed).argmax() != f.argmax():
                candidates.append(i)
                break
    return of_centres(p, unit(p.x), candidates, dict.fromkeys(p.unlabeled, 0))


if __name__ == "__main__":
    main([bald, batchbald, dcom, galaxy, dropquery, alfamix], ModelPool)
