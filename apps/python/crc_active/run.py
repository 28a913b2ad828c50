"""A run of active learning, call by call, in the same directory and with the same bits as ``crc_train`` makes.

>>> run = Run.create("runs/fruit", {"acquisition": {"budget": 20, "rounds": 3}}, data=(images, labels))
>>> while run.train() == "waiting":
...     query = run.query()
...     run.label({item: ask(image) for item, image in zip(query.items, query.images)})

Nothing is printed. What a run says goes to its ``log.txt`` and to the logger ``crc_active.run``.
"""

from __future__ import annotations

import base64
import csv
import io
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import _crc
from ._arrays import kind_of_folder, named_as_given, write_data
from ._inputs import as_array, as_images, boolean, integer, path, shown, text
from ._progress import _Bar as Bar
from ._progress import heard
from .errors import Error, WrongType, error_of

_log = logging.getLogger("crc_active.run")
_log.addHandler(logging.NullHandler())


def _text(key, value) -> str:
    """A value as ``--set`` takes it."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float, os.PathLike)):
        return os.fspath(value) if isinstance(value, os.PathLike) else str(value)
    raise WrongType(f"{key} = {shown(value)}: a setting is a str, bool, int, float or path")


def _settings(values, before="") -> dict[str, str]:
    """``{"ssl": {"mu": 7}}`` or ``{"ssl.mu": 7}`` as ``{"ssl.mu": "7"}``."""
    if values is not None and not isinstance(values, Mapping):
        raise WrongType(f"settings are {shown(values)}; give a dict, {{\"ssl.mu\": 7}} or {{\"ssl\": {{\"mu\": 7}}}}")
    flat = {}
    for key, value in (values or {}).items():
        if not isinstance(key, str):
            raise WrongType(f"settings have the key {before}{shown(key)}; keys are str, as \"ssl.mu\" (docs/config.md)")
        if isinstance(value, Mapping):
            flat.update(_settings(value, f"{before}{key}."))
        elif before + key != "schema":
            flat[before + key] = _text(before + key, value)
    return flat


def _lines(settings: dict[str, str]) -> list[str]:
    return [f"{key}={value}" for key, value in settings.items()]


def _from_end(number, what: str) -> int:
    value = integer(number, what)
    if value < -1:
        raise error_of(66, f"{what}: there is no {value}; they count from 0, and -1 is the last")
    return value


def _list(numbers) -> str:
    shown_ones = ", ".join(str(n) for n in numbers[:6])
    return f"[{shown_ones}{', ...' if len(numbers) > 6 else ''}]"


@dataclass(frozen=True, repr=False)
class Query:
    """What a run asks about.

    items: [Q] int64, numbers of training items, best group first.
    images: [Q,H,W,3] uint8; or, for a run on embeddings, None.
    features: [Q,D] float32 as the run sees them; or, for a run on images, None.
    files: [Q] names, where the images are files; else empty.
    round: the round that trains with the answers.
    folder: where its ``query.csv``, ``query.png`` and ``scores.npz`` lie.
    """

    items: np.ndarray
    images: np.ndarray | None
    features: np.ndarray | None
    files: list[str]
    round: int
    folder: Path

    def __len__(self) -> int:
        return len(self.items)

    def __repr__(self) -> str:
        rows = self.features if self.images is None else self.images
        what = "features" if self.images is None else "images"
        return (f"Query(round {self.round}: {len(self)} items {_list(self.items)}, {what} "
                f"{list(rows.shape)}, folder {str(self.folder)!r})")

    def _repr_html_(self) -> str:
        sheet = self.folder / "query.png"
        if not sheet.exists():
            return f"<pre>items {self.items.tolist()}</pre>"
        png = base64.b64encode(sheet.read_bytes()).decode()
        return f'<img src="data:image/png;base64,{png}" alt="{len(self)} items"/>'


@dataclass(frozen=True, repr=False)
class Prediction:
    """What a model says of N items.

    logits: [N,C] float32. features: [N,D] float32, the input of the last layer. class_names: [C].
    notes: what was taken for granted.
    """

    logits: np.ndarray
    features: np.ndarray
    class_names: list[str]
    notes: list[str]

    def __repr__(self) -> str:
        return (f"Prediction({len(self.logits)} items, labels {_list(self.labels)}, {len(self.class_names)} classes, "
                f"features {list(self.features.shape)})")

    @property
    def labels(self) -> np.ndarray:
        """[N] int64: the likeliest class."""
        return self.logits.argmax(axis=1)

    @property
    def probabilities(self) -> np.ndarray:
        """[N,C] float64, rows that sum to 1."""
        e = np.exp(self.logits.astype(np.float64) - self.logits.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)


class _RunBar(Bar):
    """One bar for the whole run."""

    def __call__(self, what, done, total):
        if self._bar is None:
            self._bar = self._make(total=total, unit="step")
        self._bar.set_description(what, refresh=False)
        self._bar.update(done - self._bar.n)


def _message(text: str, warning: bool) -> None:
    _log.log(logging.WARNING if warning else logging.INFO, text)


class Run:
    """An existing run directory, of whichever program. It is locked only while a call works on it.

    directory: the run's. settings: ``{"run.device": "cpu"}``, keys that do not decide the result.
    Raises FileNotFoundError: it is no run; ValueError (exit code 65): it is damaged.
    """

    def __init__(self, directory, settings: Mapping | None = None):
        self.directory = Path(path(directory, "directory"))
        self._session = _crc.Session(os.path.abspath(self.directory), _lines(_settings(settings)))

    @classmethod
    def create(cls, directory, config=None, data=None, settings: Mapping | None = None) -> Run:
        """A new run; nothing in it has begun, which :meth:`train` does.

        directory: must not exist, or be empty.
        config: a dict (``{"ssl": {"mu": 7}}`` or ``{"ssl.mu": 7}``, ``{"preset": "kekmodel"}``), a TOML file, or the
            name of a recipe or a preset. docs/config.md has the keys.
        data: a folder (images, or a data set's files); or arrays, which are copied to ``directory/data`` so that
            ``crc_train resume`` finds them: ``(X, y)``, ``X`` alone, or a dict of "images" or "features", "labels",
            "test_images" or "test_features", "test_labels" and "class_names". Images are uint8 [N,H,W,3] or [N,H,W],
            features float [N,D]; labels are integers (-1 or NaN: unknown) or names (None or "": unknown).
        settings: as config's dict; stronger.
        Raises ValueError (78: a setting that cannot be; 65: data), FileNotFoundError, FileExistsError.
        """
        directory = Path(path(directory, "directory"))
        name = None if config is None or isinstance(config, Mapping) else path(config, "config")
        given = _settings(config) if isinstance(config, Mapping) else {}
        given.update(_settings(settings))
        staged = ""
        try:
            if isinstance(data, (str, os.PathLike)):
                kind = kind_of_folder(Path(path(data, "data")))
                given = {**({"data.name": kind} if kind else {}), "data.dir": os.path.abspath(data), **given}
            elif data is not None:
                directory.parent.mkdir(parents=True, exist_ok=True)
                staged = tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent)
                os.chmod(staged, 0o755)
                given.update(write_data(data, Path(staged)))
                given["data.dir"] = os.path.abspath(directory / "data")
            try:
                _crc.Session.create(os.fspath(directory), name or "", _lines(given), staged)
            except Error as error:
                if not staged:
                    raise
                raise error_of(error.exit_code, named_as_given(str(error), data, staged)) from None
        finally:
            if staged and os.path.exists(staged):
                shutil.rmtree(staged)
        return cls(directory)

    def train(self, progress: bool | Callable = False) -> str:
        """Trains, queries and trains again, from wherever the run stands, until it is "done" or "waiting" for labels.

        progress: True draws tqdm's bar; a function gets ``(what, done, total)``, in steps of the whole run.
        Ctrl-C and what a callback raises take effect after a checkpoint: nothing is lost, and train() goes on there
        with the same bits. Other threads run meanwhile.
        """
        bar = _RunBar() if progress is True else None
        try:
            with heard(bar or progress) as hears:
                code = self._session.train(hears, _message)
        finally:
            if bar:
                bar.close()
        if code not in (0, 10):
            raise error_of(code, f"{self.directory} stopped after a checkpoint; train() goes on")
        return "done" if code == 0 else "waiting"

    resume = train

    def query(self, number: int = -1) -> Query:
        """The newest query, or that of a number from 0. Raises FileNotFoundError: nothing was asked yet."""
        found = self._session.query(_from_end(number, "number"))
        folder = self.directory / found.pop("folder")
        return Query(images=found.pop("images", None), features=found.pop("features", None), folder=folder, **found)

    def label(self, labels: Mapping, source: str = "python") -> list[str]:
        """Answers the query that the run waits for, all of it or some.

        labels: item -> class, its number or its name. source: what the ledger calls whoever gave them.
        What is said is kept: an item that comes again gets its new class, and the run waits until none is open.
        Returns what a person should know: items that are still open, that were not asked for, other classes than the
        data set's. Raises ValueError, with nothing kept: the run does not wait (64), no such item or class (65).
        """
        if not callable(getattr(labels, "items", None)) or not hasattr(labels, "keys"):
            raise WrongType(f"labels are {shown(labels)}; give a dict from item to class: "
                            f"dict(zip(run.query().items, classes))")
        given = []
        for item, value in labels.items():
            if isinstance(value, (bool, np.bool_)) or not isinstance(value, (str, int, np.integer)):
                raise WrongType(f"item {shown(item)} has class {shown(value)}: a class is its number or its name")
            number, name = (-1, value) if isinstance(value, str) else (integer(value, f"the class of item {item}"), "")
            if isinstance(value, str) and not value:
                raise error_of(65, f"item {shown(item)} has a class without a name; leave out what nobody knows")
            given.append((integer(item, "an item"), number, name))
        return self._session.label(given, text(source, "source"))

    def predict(self, images, round: int = -1, best: bool = False) -> Prediction:
        """What the model of a finished round (-1: the last) says of images.

        images: uint8 [N,H,W,3] or [N,H,W] of the run's size; or features float [N,D], not scaled yet.
        best: of the best epoch instead of the last.
        """
        kinds = "images are uint8 [N,H,W,3] or [N,H,W], features float [N,D]"
        x = as_array(images, "images", kinds)
        round, best = _from_end(round, "round"), boolean(best, "best")
        if x.dtype == np.uint8 and x.ndim in (3, 4):
            found = self._predict_images(x, round, best)
        elif x.dtype.kind == "f" and x.ndim == 2 and x.size > 0:
            found = self._session.predict_rows(np.ascontiguousarray(x, dtype=np.float32), round, best)
        else:
            one = (x.dtype.kind, x.ndim) in (("u", 2), ("f", 1))
            hint = ": one item is a batch of one, x[None]" if one else as_images(x)
            raise error_of(64, f"{x.dtype} {list(x.shape)} is neither images, uint8 [N,H,W,3], nor features, float "
                               f"[N,D]{hint}")
        return Prediction(class_names=self.class_names, **found)

    def _predict_images(self, x, round, best):
        images = np.repeat(x[..., None], 3, axis=3) if x.ndim == 3 else x
        if images.shape[3] != 3 or images.shape[0] == 0:
            raise error_of(64, f"images are {list(x.shape)}; expected [N,H,W,3] or [N,H,W], N at least 1{as_images(x)}")
        try:
            return self._session.predict_images(np.ascontiguousarray(images), round, best)
        except Error as error:
            if error.exit_code == 64 and x.ndim == 3 and x.shape[2] == 3:
                words = f"images are {list(x.shape)}, which is one image in colour; give a batch of one: image[None]"
                raise error_of(64, words) from None
            raise

    @property
    def status(self) -> str:
        """ "done", "waiting" (for labels), or "ready" (to train: it has not begun, or was stopped)."""
        return {"DONE": "done", "WAITING": "waiting"}.get(self._session.state()["marker"], "ready")

    @property
    def class_names(self) -> list[str]:
        """[C]"""
        return self._session.state()["class_names"]

    @property
    def labels(self) -> np.ndarray:
        """[L,3] int64: item, class and round of every label that training used, in the ledger's order."""
        return np.array(self._session.state()["labels"], dtype=np.int64).reshape(-1, 3)

    @property
    def config(self) -> str:
        """config.toml: every setting and where it came from."""
        return self._session.state()["config"]

    @property
    def history(self):
        """A row per finished round (docs/run-directory.md, rounds.csv): a pandas.DataFrame, or, without pandas, a
        list of dicts. NaN: not measured."""
        rows = csv.DictReader(io.StringIO(self._session.state()["rounds"]))
        whole = ("round", "labels", "epochs")
        return _table([{k: int(v) if k in whole else float(v or "nan") for k, v in row.items()} for row in rows])

    @property
    def metrics(self):
        """A row per evaluation (docs/run-directory.md, metrics.jsonl), as :attr:`history`."""
        return _table([json.loads(line) for line in self._session.state()["metrics"].splitlines()])

    def __repr__(self) -> str:
        return f"Run({str(self.directory)!r}: {self.status})"


def _table(rows: list[dict]):
    try:
        import pandas
    except ImportError:
        return rows
    return pandas.DataFrame(rows)
