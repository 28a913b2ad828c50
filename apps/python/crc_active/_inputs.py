"""Whatever people have, as what the engine takes: arrays, lists of items, classes."""

import operator
import os
import reprlib

import numpy as np

from .errors import WrongType, error_of

USAGE, WRONG_ARRAY, CONFIG = 64, 65, 78


def shape_of(array) -> str:
    return "[" + ",".join(str(n) for n in array.shape) + "]"


def shown(x) -> str:
    """A value in a message: never long."""
    if hasattr(x, "shape") and hasattr(x, "dtype"):
        return f"an array {shape_of(x)} {x.dtype}"
    text = reprlib.repr(x)
    return text if len(text) <= 80 else f"{text[:40]}... ({type(x).__name__})"


def is_foreign(x) -> bool:
    """An array of another library, taken by DLPack where it stands."""
    return hasattr(x, "__dlpack__") and not isinstance(x, np.ndarray)


def _host(x):
    if hasattr(x, "detach"):  # PyTorch: a tensor that needs a gradient is no array
        x = x.detach()
    return x.cpu() if hasattr(x, "cpu") else x.get() if hasattr(x, "get") and is_foreign(x) else x


def as_array(x, what: str, expected: str) -> np.ndarray:
    """What NumPy makes of anything."""
    if hasattr(x, "toarray"):  # scipy.sparse
        raise error_of(WRONG_ARRAY, f"{what} is sparse; {expected}: convert it with array.toarray()")
    try:
        return np.asarray(_host(x))
    except Exception as error:  # whatever an object's own __array__ raises, too
        raise error_of(WRONG_ARRAY, f"{what} is {shown(x)}, which is no array ({error}); {expected}") from None


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
    if isinstance(x, (str, bytes, os.PathLike)):
        raise error_of(WRONG_ARRAY, f"{name} is {shown(x)}; {name} are floats: numpy.load reads a file of them")
    a = as_array(x, name, f"{name} are floats, in rows of one length")
    if a.ndim == 0:
        raise error_of(WRONG_ARRAY, f"{name} is {shown(x)}; {name} are floats, an array with a row for each item")
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


def _objects(values) -> np.ndarray:
    """[n] of them as they are."""
    return np.fromiter(values, dtype=object, count=len(values))


def _list_of(x, what: str) -> list:
    """Python objects, as they were given: NumPy would make strings of numbers beside strings, and rows of tuples."""
    if isinstance(x, (str, bytes)) or not hasattr(x, "__iter__"):
        raise error_of(WRONG_ARRAY, f"{what} is {shown(x)}; it is a list, one for each")
    if is_foreign(x) or isinstance(x, np.ndarray):
        a = np.asarray(_host(x))
        if a.ndim != 1:
            raise error_of(WRONG_ARRAY, f"{what} holds {shape_of(a)} {a.dtype}; it is a list [n]")
        return a.tolist()
    return list(x)


class Ids:
    """What the items are called: by default their row numbers. Names are compared as Python objects."""

    def __init__(self, ids, items: int):
        self.values = None
        if ids is None:
            return
        if hasattr(ids, "to_numpy"):  # an index or a column of pandas
            ids = ids.to_numpy()
        names = _list_of(ids, "ids")
        if len(names) != items:
            raise error_of(WRONG_ARRAY, f"ids holds [{len(names)}] names for {items} items; give one for each")
        self.values = ids if isinstance(ids, np.ndarray) else self._array_of(names)
        try:
            self.rows = {name: row for row, name in enumerate(names)}
        except TypeError as error:
            raise error_of(WRONG_ARRAY, f"ids: {error}; names are strings, numbers or tuples") from None
        if len(self.rows) != items:
            raise error_of(WRONG_ARRAY, "ids names an item twice; every item needs a name of its own")

    @staticmethod
    def _array_of(names: list) -> np.ndarray:
        """Of numbers or strings alone an array of these; else of the objects."""
        try:
            array = np.asarray(names)
        except ValueError:
            return _objects(names)
        kept = array.tolist() if array.ndim == 1 else []
        same = len(kept) == len(names) and all(type(a) is type(b) and a == b for a, b in zip(kept, names))
        return array if same else _objects(names)

    def names(self, rows):
        return rows if self.values is None else self.values[rows]

    def find(self, names, what: str) -> np.ndarray:
        if hasattr(names, "to_numpy"):
            names = names.to_numpy()
        if self.values.dtype.kind in "mM" and not isinstance(names, np.ndarray):  # NumPy's times are numbers inside
            names = as_array(names, what, "names are times").astype(self.values.dtype)
        found = []
        for name in _list_of(names, what):
            try:
                found.append(self.rows[name])
            except (KeyError, TypeError):
                raise error_of(WRONG_ARRAY, f"{what} holds {shown(name)}, which is none of ids (the first is "
                                            f"{shown(next(iter(self.rows), None))})") from None
        return np.array(found, dtype=np.int64)


_LIST = "items are a list [n] or a mask of booleans [items]"


def _mask(x):
    """As an array where it is booleans, else None."""
    if isinstance(x, (list, tuple)):
        return np.array(x) if x and all(isinstance(v, (bool, np.bool_)) for v in x) else None
    kind = getattr(getattr(x, "dtype", None), "kind", "")
    if kind == "b" or str(getattr(x, "dtype", "")) in ("bool", "boolean", "torch.bool"):
        a = as_array(x, "the mask", _LIST)
        if a.dtype.kind == "O" and any(is_missing(v) for v in a.ravel()):
            raise error_of(WRONG_ARRAY, "the mask has missing values; fill them with True or False")
        return a.astype(bool)
    return None


def items(x, what: str, count: int, ids: Ids) -> np.ndarray:
    """Rows of a list of items or of a mask [count]."""
    mask = _mask(x)
    if mask is not None:
        if mask.shape != (count,):
            raise error_of(WRONG_ARRAY, f"{what} is a mask of {shape_of(mask)} booleans for {count} items; it needs "
                                        f"one for each row of the features")
        return np.flatnonzero(mask).astype(np.int64)
    if ids.values is not None:
        return ids.find(x, what)
    a = as_array(list(x) if isinstance(x, (set, frozenset, range)) else x, what, _LIST)
    if a.ndim == 0:
        raise error_of(WRONG_ARRAY, f"{what} is {shown(x)}; {_LIST}")
    if a.ndim != 1:
        raise error_of(WRONG_ARRAY, f"{what} holds {shape_of(a)} {a.dtype}; {_LIST}: flatten it with array.ravel()")
    if a.size == 0:
        return np.empty(0, np.int64)
    if a.dtype.kind in "OUS" and any(isinstance(v, (str, tuple)) for v in a.tolist()):
        raise error_of(WRONG_ARRAY, f"{what} holds names, as {shown(a.tolist()[0])}; give ids, what each of the "
                                    f"{count} items is called, or row numbers")
    if a.dtype.kind == "O":  # of pandas, or beyond 64 bits
        a = np.array([integer(v, f"{what}: an item") for v in a.tolist()], dtype=np.int64)
    if a.dtype.kind not in "iu":
        raise error_of(WRONG_ARRAY, f"{what} holds {shape_of(a)} {a.dtype}; item numbers are integers [n] or a mask of "
                                    f"booleans [items]: convert it with array.astype(int), or give ids")
    if a.size == count > 2 and a.max() <= 1 and a.min() >= 0:
        raise error_of(WRONG_ARRAY, f"{what} holds 0 or 1 for each of {count} items; for a mask give booleans "
                                    f"(array.astype(bool)), for row numbers numpy.flatnonzero(array), for classes of "
                                    f"all items labels=, with -1 where unknown")
    out = a[(a < 0) | (a >= count)]
    if out.size:
        raise error_of(WRONG_ARRAY, f"{what}: item {out[0]} is {'negative' if out[0] < 0 else 'outside the rows'}; "
                                    f"items are row numbers from 0 to {count - 1}")
    return a.astype(np.int64)


def groups(x, count: int, ids: Ids):
    """(rows of all members, group size) of candidate groups [K, group_size]."""
    expected = "candidate groups are items [groups, group_size]"
    if hasattr(x, "to_numpy"):
        x = x.to_numpy()
    if ids.values is None or isinstance(x, np.ndarray) or is_foreign(x):
        table = as_array(x, "candidates", expected)
        if table.ndim != 2:
            raise error_of(WRONG_ARRAY, f"candidates holds {shape_of(table)} {table.dtype}; {expected}")
        return items(table.ravel(), "candidates", count, ids), table.shape[1]
    members = [_list_of(group, "candidates: a group") for group in _list_of(x, "candidates")]
    sizes = {len(group) for group in members}
    if len(sizes) != 1:
        raise error_of(WRONG_ARRAY, f"candidates holds groups of {sorted(sizes)} items; {expected}")
    return ids.find([name for group in members for name in group], "candidates"), sizes.pop()


def is_label_array(x, count: int) -> bool:
    """One class for each item, NaN or -1 where it is unknown, and no list of items."""
    if x is None or isinstance(x, (set, frozenset, range, str, bytes)) or not hasattr(x, "__len__") or len(x) != count:
        return False
    try:
        a = np.asarray(_host(x))
    except Exception:  # a list of something else
        return False
    if a.shape != (count,) or count == 0:
        return False
    if a.dtype.kind == "O":
        return any(is_missing(v) for v in a.tolist())
    unknown = np.isnan(a) if a.dtype.kind == "f" else a == -1 if a.dtype.kind == "i" else np.zeros(count, bool)
    if a.dtype.kind == "f" and not (unknown | (a == -1)).any():
        raise error_of(WRONG_ARRAY, f"labeled holds a number for each of {count} items, none of them NaN or -1: as "
                                    f"classes they leave nothing to choose from. For a mask give booleans "
                                    f"(array.astype(bool)), for row numbers integers")
    return a.dtype.kind == "f" or bool(unknown.any())


def classes(x, what: str) -> np.ndarray:
    """int32, -1 where it is unknown."""
    expected = "classes are integers [items] that count from 0, with -1 or NaN where unknown"
    a = as_array(x, what, expected)
    if a.dtype.kind == "O":
        try:
            a = np.array([np.nan if is_missing(v) else v for v in a.tolist()], dtype=np.float64)
        except (TypeError, ValueError, OverflowError):
            pass
    if a.ndim != 1 or a.dtype.kind not in "biuf":
        names = ". pandas.factorize(labels)[0] makes numbers of names" if a.dtype.kind in "OUS" else ""
        raise error_of(WRONG_ARRAY, f"{what} holds {shape_of(a)} {a.dtype}; {expected}{names}")
    if a.dtype.kind == "f" and np.abs(a[~np.isnan(a)]).max(initial=0) > 2**31:
        raise error_of(WRONG_ARRAY, f"{what}: class {a[np.abs(a) > 2**31][0]} is not a class: {expected}")
    if a.dtype.kind == "u" and a.max(initial=0) > 2**31:
        raise error_of(WRONG_ARRAY, f"{what}: class {a.max()} is not a class: {expected}")
    known = np.full(a.shape, -1, dtype=np.int64) if a.dtype.kind == "f" else a.astype(np.int64)
    if a.dtype.kind == "f":
        known[~np.isnan(a)] = a[~np.isnan(a)]
        if not np.array_equal(known[~np.isnan(a)], a[~np.isnan(a)]):
            raise error_of(WRONG_ARRAY, f"{what} holds fractions; classes are integers that count from 0")
    wrong = known[(known < -1) | (known > 2**31 - 1)]
    if wrong.size:
        raise error_of(WRONG_ARRAY, f"{what}: class {wrong[0]} is not a class: they count from 0, and -1 is unknown")
    return known.astype(np.int32)


def as_images(x: np.ndarray) -> str:
    """What would make images of an array that is none: a hint for a message."""
    if x.ndim == 4 and x.shape[1] == 3 and x.shape[3] != 3:
        return ": channels come last, x.transpose(0, 2, 3, 1)"
    if x.ndim not in (3, 4) or x.size == 0 or x.dtype.kind not in "iuf" or x.dtype == np.uint8:
        return ""
    if x.dtype.kind == "f" and 0 <= x.min() and x.max() <= 1:
        return ": of pixels in 0..1 images are (255 * x).round().astype(numpy.uint8)"
    return ": x.astype(numpy.uint8), of pixels in 0..255" if 0 <= x.min() and x.max() <= 255 else ""


def is_missing(value) -> bool:
    """None, NaN, an empty name, or what pandas has instead."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return value == "" if isinstance(value, str) else isinstance(value, (float, np.floating)) and value != value


def numbers(x, what: str) -> np.ndarray:
    """float64 [n]; none: empty."""
    if x is None:
        return np.empty(0)
    try:
        a = as_array(x, what, f"{what} are numbers, one each")
        if a.dtype.kind == "c":
            raise ValueError
        a = np.ascontiguousarray(a, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        if hasattr(error, "exit_code"):
            raise
        raise error_of(WRONG_ARRAY, f"{what} is {shown(x)}; {what} are numbers, one each") from None
    if a.ndim != 1:
        raise error_of(WRONG_ARRAY, f"{what} holds {shape_of(a)}; it is a list of numbers")
    return a


def integer(x, what: str) -> int:
    """Of 64 bits."""
    try:
        value = operator.index(x)
    except TypeError:
        raise error_of(USAGE, f"{what}: {shown(x)} is no whole number") from None
    if not -(2**63) <= value < 2**63:
        raise error_of(USAGE, f"{what}: {shown(value)} is beyond the numbers of 64 bits; choose a smaller one")
    return value


def number(x, what: str) -> float:
    try:
        return float(x)
    except (TypeError, ValueError):
        raise error_of(USAGE, f"{what}: {shown(x)} is no number") from None
    except OverflowError:
        raise error_of(USAGE, f"{what}: {shown(x)} is beyond the range of a float") from None


def boolean(x, what: str) -> bool:
    if not isinstance(x, (bool, np.bool_)):
        raise WrongType(f"{what}: {shown(x)} is neither True nor False")
    return bool(x)


def text(x, what: str) -> str:
    if not isinstance(x, str):
        raise WrongType(f"{what} is {shown(x)}; it is a str")
    return x


def path(x, what: str) -> str:
    try:
        name = os.fspath(x)
    except TypeError:
        raise WrongType(f"{what} is {shown(x)}; it is a path, as a str or a pathlib.Path") from None
    if isinstance(name, bytes):
        name = os.fsdecode(name)
    if not name or "\0" in name:
        raise error_of(USAGE, f"{what} is {name!r}, which names nothing")
    return name
