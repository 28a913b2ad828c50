"""Arrays as the files that ``data.name`` "arrays" and "embeddings" read (docs/data.md)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ._inputs import as_array, as_images, is_missing, shown
from .errors import WrongType, error_of

_WRONG = 65
_KEYS = ("images", "features", "labels", "test_images", "test_features", "test_labels", "class_names")


def kind_of_folder(folder: Path) -> str:
    """The data.name of a folder of one's own; "": a known data set's, which the configuration names."""
    if (folder / "train.npy").exists():
        try:
            return "arrays" if np.load(folder / "train.npy", mmap_mode="r").dtype == np.uint8 else "embeddings"
        except (OSError, ValueError):  # the engine says what is wrong with it
            return "arrays"
    return "folder" if (folder / "labels.csv").exists() or (folder / "train").is_dir() else ""


def _wrong(words: str):
    return error_of(_WRONG, words)


def _integers(values: np.ndarray, what: str) -> np.ndarray:
    """[N] int64, -1 where unknown, of numbers and NaN."""
    values = values.astype(np.int64) if values.dtype.kind == "b" else values
    known = ~np.isnan(values) if values.dtype.kind == "f" else np.ones(len(values), bool)
    wrong = known & ((values != np.floor(values)) | (np.abs(values.astype(float)) > 2**31))
    if wrong.any():
        raise _wrong(f"{what}: item {np.argmax(wrong)} has {values[np.argmax(wrong)]}, which is no class")
    return np.where(known, values, -1).astype(np.int64)


def _codes(labels, count: int, names: list[str] | None, what: str) -> np.ndarray:
    """[N] int64, -1 where unknown; names are numbered by `names`."""
    values = as_array(labels, what, f"expected one label for each of {count} items")
    if values.shape != (count,):
        raise _wrong(f"{what} is {list(values.shape)}; expected one label for each of {count} items")
    if values.dtype.kind in "iufb":
        return _integers(values, what)
    number = {name: k for k, name in enumerate(names or [])}
    unknown = sorted({str(v) for v in values if not is_missing(v) and str(v) not in number})
    if unknown:
        raise _wrong(f"{what}: {unknown[0]!r} is none of class_names {names}")
    return np.array([-1 if is_missing(v) else number[str(v)] for v in values], dtype=np.int64)


def _names(data: Mapping) -> list[str] | None:
    """class_names, or those that stand in the labels, in the order of their bytes."""
    if data.get("class_names") is not None:
        given = data["class_names"]
        try:
            names = None if isinstance(given, (str, bytes)) else [str(name) for name in given]
        except TypeError:
            names = None
        if names is None:
            raise WrongType(f"class_names is {shown(given)}; it is a list of names")
        wrong = [name for name in names if not name or "\n" in name or "\r" in name]
        if wrong or len(set(names)) < len(names):
            raise _wrong(f"class_names {names}: each class needs a name of its own, on one line")
        return names
    names = set()
    for key in ("labels", "test_labels"):
        values = as_array(data[key], key, "labels are one for each item") if data.get(key) is not None else np.zeros(0)
        if values.dtype.kind in "OUS":
            names |= {str(v) for v in values.ravel() if not is_missing(v)}
    return sorted(names) or None


def _items(x, what: str) -> np.ndarray:
    expected = "expected images, uint8 [N,H,W,3] or [N,H,W], or features, float [N,D]"
    x = as_array(x, what, expected)
    images = x.dtype == np.uint8 and (x.ndim == 3 or (x.ndim == 4 and x.shape[3] == 3))
    if not images and not (x.dtype.kind == "f" and x.ndim == 2):
        raise _wrong(f"{what} is {x.dtype} {list(x.shape)}; {expected}{as_images(x)}")
    return np.ascontiguousarray(x)


def _as_dict(data) -> dict:
    if isinstance(data, Mapping):
        unknown = sorted(set(data) - set(_KEYS), key=str)
        if unknown:
            raise _wrong(f"data has {unknown[0]!r}; it may have {', '.join(_KEYS)}")
        return dict(data)
    x, y = data if isinstance(data, tuple) and len(data) == 2 else (data, None)
    return {"images": x, "labels": y}


def named_as_given(words: str, data, folder: str) -> str:
    """An error of the folder that write_data wrote, in the names of what was given."""
    features = isinstance(data, Mapping) and data.get("features") is not None
    kind = "features" if features else "images"
    for file, name in (("train_labels.npy", "labels"), ("test_labels.npy", "test_labels"), ("labels.csv", "labels"),
                       ("test_labels.csv", "test_labels"), ("classes.txt", "class_names"), ("train.npy", kind),
                       ("test.npy", f"test_{kind}")):
        words = words.replace(os.path.join(folder, file), name)
    return words.replace(folder, "the data")


def write_data(data, folder: Path) -> dict[str, str]:
    """Writes train.npy and what belongs to it. Returns the settings that read it."""
    data = _as_dict(data)
    train, test = ([data[k] for k in (f"{part}images", f"{part}features") if data.get(k) is not None]
                   for part in ("", "test_"))
    if len(train) != 1 or len(test) > 1:
        raise _wrong("data needs \"images\" or \"features\", one of them, and perhaps test items of the same kind")
    items = {"train": _items(train[0], "data")}
    if test:
        items["test"] = _items(test[0], "test data")
        if items["test"].dtype.kind != items["train"].dtype.kind:
            raise _wrong("training and test items must both be images, or both features")
    elif data.get("test_labels") is not None:
        raise _wrong("test_labels without test items")
    names = _names(data)
    codes = {}
    for split, key in (("train", "labels"), ("test", "test_labels")):
        if data.get(key) is not None:
            codes[split] = _codes(data[key], len(items[split]), names, key)
    for split, x in items.items():
        np.save(folder / f"{split}.npy", x)
    if items["train"].dtype == np.uint8:
        if names:
            (folder / "classes.txt").write_text("".join(name + "\n" for name in names), encoding="utf-8")
        _save_numbers(codes, folder)
        return {"data.name": "arrays"}
    return {"data.name": "embeddings", **_save_labels(codes, names, folder)}


def _save_numbers(codes: dict[str, np.ndarray], folder: Path) -> None:
    for split, numbers in codes.items():
        np.save(folder / f"{split}_labels.npy", numbers)


def _save_labels(codes: dict[str, np.ndarray], names: list[str] | None, folder: Path) -> dict[str, str]:
    """Of embeddings: their classes have names where each of them is the label of some item."""
    present = {int(n) for numbers in codes.values() for n in numbers if n >= 0}
    if names is None or present != set(range(len(names))):
        _save_numbers(codes, folder)
        return {"data.classes": str(len(names))} if names else {}
    files = {"train": "labels", "test": "test_labels"}
    for split, numbers in codes.items():
        quoted = ['"' + names[n].replace('"', '""') + '"' if n >= 0 else "-1" for n in numbers]
        (folder / f"{files[split]}.csv").write_text("label\n" + "".join(q + "\n" for q in quoted), encoding="utf-8")
    return {}
