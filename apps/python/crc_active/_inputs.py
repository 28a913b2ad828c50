"""Whatever people have, as what the engine takes: arrays, lists of items, classes."""

import operator

import numpy as np

from .errors import error_of

USAGE, WRONG_ARRAY, CONFIG = 64, 65, 78


def shape_of(array) -> str:
    return "[" + ",".join(str(n) for n in array.shape) + "]"


def is_foreign(x) -> bool:
    """An array of another library, taken by DLPack where it stands."""
    return hasattr(x, "__dlpack__") and not isinstance(x, np.ndarray)


def floats(x, name: str, copied: list):
    """``(array, is it bf16 in uint16)`` of any float type, from anything that is an array. Integers become floats."""
    if x is None:
        return None, False
    if is_foreign(x):
        if hasattr(x, "detach"):  # PyTorch exports no tensor that needs a gradient
            x = x.detach()
        if _foreign_float(x):
            return x, False
    if isinstance(x, np.ma.MaskedArray) and np.ma.is_masked(x):
        raise error_of(WRONG_ARRAY, f"{name} masks {np.ma.count_masked(x)} values; fill them, or leave their rows out")
    a = np.asarray(x)
    if a.dtype.name == "bfloat16":
        return a.view(np.uint16), True
    if a.dtype.kind == "f" and a.dtype.itemsize <= 8:
        if not a.dtype.isnative:
            copied.append(name)
            return a.astype(a.dtype.newbyteorder("=")), False
        return a, False
    if a.dtype.kind in "biu":  # exact in fp32, or as near as fp64 is
        copied.append(name)
        return a.astype(np.float32 if a.dtype.itemsize <= 2 else np.float64), False
    raise error_of(WRONG_ARRAY, f"{name} holds {shape_of(a)} {a.dtype}; {name} are floats: convert it with "
                                f'array.astype("<f4")')


def _foreign_float(x) -> bool:
    kind = str(getattr(x, "dtype", "")).rpartition(".")[2]
    return kind in ("float16", "bfloat16", "float32", "float64")


def shards(x, name: str, copied: list) -> list:
    """Arrays whose rows follow one another: one, or the entries of a list of arrays."""
    if x is None:
        return []
    if isinstance(x, (list, tuple)) and x and all(getattr(part, "ndim", 0) == 2 for part in x):
        return [floats(part, name, copied) for part in x]
    return [floats(x, name, copied)]


def rows_of(*groups) -> int:
    """How many items the first of the arrays that is given has."""
    for group in groups:
        if group:
            return sum(int(a.shape[0]) if len(a.shape) > 0 else 0 for a, _ in group)
    return 0


class Ids:
    """What the items are called: by default their row numbers."""

    def __init__(self, ids, items: int):
        self.values = None
        if ids is None:
            return
        self.values = np.asarray(ids)
        if self.values.ndim != 1 or len(self.values) != items:
            raise error_of(WRONG_ARRAY, f"ids holds {shape_of(self.values)} names for {items} items; give one for each")
        self.rows = {name: row for row, name in enumerate(self.values.tolist())}
        if len(self.rows) != items:
            raise error_of(WRONG_ARRAY, "ids names an item twice; every item needs a name of its own")

    def names(self, rows):
        return rows if self.values is None else self.values[rows]

    def find(self, names, what: str) -> np.ndarray:
        try:
            return np.array([self.rows[name] for name in names.tolist()], dtype=np.int64)
        except (KeyError, TypeError) as error:
            raise error_of(WRONG_ARRAY, f"{what} holds {error.args[0]!r}, which is none of ids") from None


def items(x, what: str, count: int, ids: Ids) -> np.ndarray:
    """Rows of a list of items or of a mask [count]."""
    a = np.asarray(_host(x) if is_foreign(x) else list(x) if isinstance(x, (set, range)) else x)
    if a.dtype.kind == "b":
        if a.shape != (count,):
            raise error_of(WRONG_ARRAY, f"{what} is a mask of {shape_of(a)} booleans for {count} items; it needs one "
                                        f"for each row of the features")
        return np.flatnonzero(a).astype(np.int64)
    if a.ndim != 1:
        raise error_of(WRONG_ARRAY, f"{what} holds {shape_of(a)} {a.dtype}; items are a list [n] or a mask of booleans "
                                    f"[items]: flatten it with array.ravel()")
    if a.size == 0:
        return np.empty(0, np.int64)
    if ids.values is not None:
        return ids.find(a, what)
    if a.dtype.kind not in "iu":
        raise error_of(WRONG_ARRAY, f"{what} holds {shape_of(a)} {a.dtype}; item numbers are integers [n] or a mask of "
                                    f"booleans [items]: convert it with array.astype(int), or give ids")
    out = a[(a < 0) | (a >= count)]
    if out.size:
        raise error_of(WRONG_ARRAY, f"{what}: item {out[0]} is {'negative' if out[0] < 0 else 'outside the rows'}; "
                                    f"items are row numbers from 0 to {count - 1}")
    return a.astype(np.int64)


def _host(x):
    return x.cpu() if hasattr(x, "cpu") else x.get() if hasattr(x, "get") else x


def is_label_array(x, count: int) -> bool:
    """One class for each item, NaN or -1 where it is unknown, and no list of items."""
    if x is None or isinstance(x, (set, range)):
        return False
    a = np.asarray(_host(x) if is_foreign(x) else x)
    if a.shape != (count,):
        return False
    return a.dtype.kind == "f" or (a.dtype.kind == "i" and bool((a == -1).any()))


def classes(x, what: str) -> np.ndarray:
    """int32, -1 where it is unknown."""
    a = np.asarray(_host(x) if is_foreign(x) else x)
    if a.dtype.kind == "O":
        try:
            a = np.array([np.nan if v is None else v for v in a.tolist()], dtype=np.float64)
        except (TypeError, ValueError):
            pass
    if a.ndim != 1 or a.dtype.kind not in "biuf":
        raise error_of(WRONG_ARRAY, f"{what} holds {shape_of(a)} {a.dtype}; classes are integers [items] that count "
                                    f"from 0, with -1 or NaN where unknown")
    known = np.full(a.shape, -1, dtype=np.int64) if a.dtype.kind == "f" else a.astype(np.int64)
    if a.dtype.kind == "f":
        known[~np.isnan(a)] = a[~np.isnan(a)]
        if not np.array_equal(known[~np.isnan(a)], a[~np.isnan(a)]):
            raise error_of(WRONG_ARRAY, f"{what} holds fractions; classes are integers that count from 0")
    wrong = known[(known < -1) | (known > 2**31 - 1)]
    if wrong.size:
        raise error_of(WRONG_ARRAY, f"{what}: class {wrong[0]} is not a class: they count from 0, and -1 is unknown")
    return known.astype(np.int32)


def numbers(x, what: str) -> np.ndarray:
    """float64 [n]; none: empty."""
    if x is None:
        return np.empty(0)
    try:
        a = np.ascontiguousarray(_host(x) if is_foreign(x) else x, dtype=np.float64)
    except (TypeError, ValueError):
        raise error_of(WRONG_ARRAY, f"{what} are numbers, one each") from None
    if a.ndim != 1:
        raise error_of(WRONG_ARRAY, f"{what} holds {shape_of(a)}; it is a list of numbers")
    return a


def integer(x, what: str) -> int:
    try:
        return operator.index(x)
    except TypeError:
        raise error_of(USAGE, f"{what}: {x!r} is no whole number") from None


def number(x, what: str) -> float:
    try:
        return float(x)
    except (TypeError, ValueError):
        raise error_of(USAGE, f"{what}: {x!r} is no number") from None


