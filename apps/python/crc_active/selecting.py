"""Which items to label next, from arrays: :func:`select` and acquisitions of one's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Optional

import numpy as np

from . import _crc, _inputs
from ._progress import heard
from .errors import error_of
from .selection import Selection


def select(
    features: Any = None,
    labeled: Any = None,
    budget: int = 1,
    *,
    logits: Any = None,
    labels: Any = None,
    unlabeled: Any = None,
    acquisition: str = "crc",
    group_size: int = 1,
    search: str = "partition",
    seed: int = 0,
    round: int = 0,
    device: Any = "auto",
    threads: int = 0,
    progress: Any = None,
    ids: Any = None,
    samples: Any = None,
    head: Any = None,
    bias: Any = None,
    classes: Optional[int] = None,
    candidates: Any = None,
    draws: int = 0,
    solver: str = "capacitance",
    radius: float = 0.0,
    bait_top: int = 0,
    partitions: int = 1,
    weights: Any = None,
    class_weights: Any = None,
    quota: int = 0,
    per_cluster: int = 0,
    represents: bool = False,
) -> Selection:
    """Choose ``budget`` items of a pool to label next.

    The picks and the scores are those of the program ``crc_select``, bit for bit, on every device and for any number of
    threads. N items, D features, C classes.

    Arrays are NumPy arrays and memory maps of any float type and order, and what has DLPack (PyTorch, CuPy, JAX), on
    the CPU or an NVIDIA GPU; integers become floats. What is used without a copy: fp32 and fp64 in C order on the
    device that selects. ``Selection.copied`` names what was converted.

    Parameters
    ----------
    features : array [N, D], or a list of arrays whose rows follow one another
        Input of the last linear layer, or any embedding.
    labeled : what is labelled already
        A list of items; a mask of booleans [N]; or the classes [N] of all items, NaN or -1 where unknown, which are
        then also ``labels``.
    budget : int
        How many items to pick.
    logits : array [N, C], or a list of such
    labels : classes of the items [N], -1 or NaN where unknown; or of ``labeled`` alone, in its order
        Some acquisitions look at them. Without ``labeled``, the items whose class is known are the labelled ones.
    unlabeled : items to choose from, a list or a mask; by default all that are not labelled
    acquisition : name, see :func:`acquisitions`
    group_size, search, solver, draws, candidates
        Of acquisitions that score groups of items (``crc``). ``candidates`` [K, group_size]: these groups, no search.
    seed, round : int
        Keys of the random draws: another round draws other numbers.
    device : "auto", "cpu", "cuda" or "cuda:1"
        auto: the GPU that holds an array, else any, else the CPU.
    threads : int
        Of the CPU; 0: as OpenMP has it.
    progress : True for a bar of tqdm, or a function ``(what: str, done: int, total: int)``
    ids : names of the items [N]: strings, an index of pandas, ...
        ``labeled``, ``unlabeled`` and ``candidates`` are then such names, and so are the picks.
    samples : array [S, N, C]
        Logits of S stochastic passes.
    head, bias : arrays [C, D] and [C] of the last linear layer
    classes : int
        C, where no logits say it; scales the scores of ``crc``.
    radius, bait_top, partitions
        See docs/selecting.md; 0 and 1 are each acquisition's own rule.
    weights : [N]
        How much each item counts, 0 or more.
    class_weights : [C]
        The same, by the class that the logits predict.
    quota, per_cluster : int
        At most ``quota`` picks of each predicted class, or of each of ``per_cluster`` k-means clusters.
    represents : bool
        Say of every item which labelled or picked one it is nearest to.

    Returns
    -------
    Selection

    Raises
    ------
    ValueError, MemoryError, FileNotFoundError
        All of them are :class:`crc_active.Error` too, with ``exit_code``.
    KeyboardInterrupt
        Ctrl-C, within milliseconds.
    """
    copied: list = []
    arrays = {
        "features": _inputs.shards(features, "features", copied),
        "logits": _inputs.shards(logits, "logits", copied),
        "samples": _inputs.floats(samples, "samples", copied),
        "head": _inputs.floats(head, "head", copied),
        "bias": _inputs.floats(bias, "bias", copied),
    }
    passes = arrays["samples"][0]
    count = _inputs.rows_of(arrays["features"], arrays["logits"])
    if count == 0 and passes is not None and len(passes.shape) == 3:
        count = int(passes.shape[1])
    if count == 0:  # that is what is wrong, and not the lists
        labeled = labels = unlabeled = candidates = ids = None
    names = _inputs.Ids(ids, count)
    lists = _lists(labeled, labels, unlabeled, candidates, count, names, group_size)
    lists["weights"] = _inputs.numbers(weights, "weights")
    lists["class_weights"] = _inputs.numbers(class_weights, "class_weights")
    if callable(acquisition):
        raise error_of(_inputs.USAGE, f"acquisition {_inputs.shown(acquisition)} is a function: register_acquisition "
                                      f"gives it a name, which is what acquisition= takes")
    options = {
        "budget": _inputs.integer(budget, "budget"),
        "acquisition": acquisition,
        "group_size": _inputs.integer(lists.pop("group_size"), "group_size"),
        "search": search,
        "solver": solver,
        "device": device,
        "draws": _inputs.integer(draws, "draws"),
        "radius": _inputs.number(radius, "radius"),
        "bait_top": _inputs.integer(bait_top, "bait_top"),
        "partitions": _inputs.integer(partitions, "partitions"),
        "quota": _inputs.integer(quota, "quota"),
        "per_cluster": _inputs.integer(per_cluster, "per_cluster"),
        "seed": _inputs.integer(seed, "seed"),
        "round": _inputs.integer(round, "round"),
        "represents": _inputs.boolean(represents, "represents"),
        "threads": _inputs.integer(threads, "threads"),
        "classes": 0 if classes is None else _inputs.integer(classes, "classes"),
    }
    if options["classes"] < (0 if classes is None else 1):
        raise error_of(_inputs.USAGE, f"classes: {classes} is not 1 or more")
    with heard(progress) as hears:
        options["progress"] = hears
        found = _crc.select(arrays, lists, options)
    found["copied"] = sorted({*copied, *found["copied"]})
    return Selection(found, names, acquisition)


def _lists(labeled, labels, unlabeled, candidates, count, names, group_size) -> dict:
    """Lists of rows, classes of the labelled ones, and the size of groups."""
    if labels is None and _inputs.is_label_array(labeled, count):
        labeled, labels = None, labeled
    known = np.empty(0, np.int32) if labels is None else _inputs.classes(labels, "labels")
    if labeled is None:
        if known.size and known.size != count:
            raise error_of(_inputs.WRONG_ARRAY, f"{known.size} labels for {count} items; give one for each, -1 where "
                                                f"it is unknown, or say which items are labelled")
        rows = np.flatnonzero(known >= 0).astype(np.int64)
    else:
        rows = _inputs.items(labeled, "labeled", count, names)
    if known.size == count and labels is not None:
        known = known[rows]
    elif known.size != rows.size and labels is not None:
        raise error_of(_inputs.WRONG_ARRAY, f"{known.size} labels for {rows.size} labelled items of {count}; give one "
                                            f"for each item, or for each labelled one")
    if known.size and known.min() < 0:
        at = rows[int(np.argmin(known))]
        raise error_of(_inputs.WRONG_ARRAY, f"item {names.names(at)} is labelled, and labels says no class of it")
    groups = np.empty(0, np.int64)
    if candidates is not None:
        groups, group_size = _inputs.groups(candidates, count, names)
    return {
        "labeled": rows,
        "labels": known,
        "unlabeled": None if unlabeled is None else _inputs.items(unlabeled, "unlabeled", count, names),
        "candidates": groups,
        "group_size": group_size,
    }


@dataclass(frozen=True, repr=False)
class Problem:
    """What an acquisition of one's own is asked. Items are row numbers; arrays are read-only."""

    features: Optional[np.ndarray]  #: [N, D], fp32 or fp64
    logits: Optional[np.ndarray]  #: [N, C], fp32 or fp64
    labeled: np.ndarray  #: [L] items, ascending
    unlabeled: np.ndarray  #: [U] items to choose from, ascending
    labels: Optional[np.ndarray]  #: [L] classes of ``labeled``
    classes: int  #: C
    budget: int  #: how many to pick
    seed: int
    round: int

    def __repr__(self) -> str:
        given = [f"{what} {_inputs.shape_of(a)}" for what, a in (("features", self.features), ("logits", self.logits))
                 if a is not None]
        return (f"Problem({', '.join(given)}; {len(self.labeled)} labelled, {len(self.unlabeled)} to choose from, "
                f"budget {self.budget})")

    def rng(self) -> np.random.Generator:
        """Random numbers of this seed and round."""
        return np.random.default_rng([self.seed, self.round])


def register_acquisition(name: str, f: Callable[[Problem], Any]) -> None:
    """From now on ``name`` is an acquisition of this process, in :func:`select` and in training runs.

    ``f(problem)`` returns either scores [U], a float for each of ``problem.unlabeled``: the largest are picked, equal
    ones at random, quotas and weights apply; or ``budget`` items of ``problem.unlabeled``, as an integer array, best
    first. U integers are scores, too, but where U is the budget. Registering a name again replaces the function.
    """
    if not callable(f):
        raise error_of(_inputs.USAGE, f"acquisition {name!r}: {_inputs.shown(f)} is no function")

    def ask(features, logits, labeled, unlabeled, labels, classes, budget, seed, round):
        answer = f(Problem(features, logits, labeled, unlabeled, labels if labels.size else None, classes, budget, seed,
                           round))
        answer = _inputs.as_array(answer, f'what acquisition "{name}" returned',
                                  "scores are floats, picks are integers")
        if answer.ndim != 1 or answer.dtype.kind not in "fiu" or answer.size == 0:
            raise error_of(_inputs.CONFIG, f'acquisition "{name}" returned {_inputs.shape_of(answer)} {answer.dtype}; '
                                           f"scores are floats [{len(unlabeled)}], picks are integers [{budget}]")
        if answer.dtype.kind == "f" or (answer.size == len(unlabeled) != budget):
            return np.ascontiguousarray(answer, np.float64), None
        return None, np.ascontiguousarray(answer, np.int64)

    _crc.register_acquisition(str(name), ask)


def acquisitions() -> list[str]:
    """The names that ``acquisition`` takes; docs/selecting.md says what each looks at."""
    return _crc.acquisitions()
