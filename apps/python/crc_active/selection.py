"""What a selection found."""

from __future__ import annotations

from functools import cached_property
from html import escape
from typing import Any, Iterator, NamedTuple

import numpy as np


class Group(NamedTuple):
    """Items that were picked together, and their score: larger is better."""

    items: np.ndarray
    score: float


class Represents(NamedTuple):
    """Every item of the pool with the labelled or picked one that it is nearest to."""

    items: np.ndarray  #: [M]
    by: np.ndarray  #: [M] a labelled or picked item is its own
    distances: np.ndarray  #: [M] Euclidean, float64


class Selection:
    """The picks of :func:`crc_active.select`, best first, and what was found on the way.

    Attributes
    ----------
    picks : array [budget]
        Items, best first; names where ``ids`` were given.
    rows : int64 array [budget]
        The same as row numbers.
    groups : list of (items, score)
        What was picked, best first; groups of one where items are scored one by one.
    scores : float64 array [K]
        Of all candidates, larger is better.
    candidates : int64 array [K, group_size]
        Their row numbers; empty where they are too many to be kept.
    represents : (items, by, distances), or None unless asked for
    summary, outlook : str
        One line each: what was found; what more labels of this kind would bring.
    warnings, notes : list of str
        What whoever trusts the picks should know; arguments without effect.
    copied : list of str
        Arrays that were converted, or moved to another device.
    device : str
    seconds : float
        What the engine took.
    facts : dict
        Numbers of ``crc``: rank, labeled_rank, achieved, noise_floor, below_noise, duplicates, ...
    """

    def __init__(self, found: dict, ids: Any, acquisition: str):
        self.acquisition = acquisition
        self.rows = found["picks"]
        self.picks = ids.names(self.rows)
        members, self._sizes, self._group_scores = found["groups"]
        self._members = ids.names(members)
        self.scores = found["scores"]
        self.candidates = found["candidates"].reshape(-1, found["group_size"])
        items, by, distances = found["represents"]
        self.represents = Represents(ids.names(items), ids.names(by), distances) if len(items) else None
        self.summary, self.outlook, self.device = found["summary"], found["outlook"], found["device"]
        self.warnings, self.notes, self.copied = found["warnings"], found["notes"], found["copied"]
        self.facts, self.seconds = found["facts"], found["seconds"]

    @cached_property
    def groups(self) -> list[Group]:
        parts = np.split(self._members, np.cumsum(self._sizes[:-1]))
        return [Group(*group) for group in zip(parts, self._group_scores.tolist())]

    def __len__(self) -> int:
        return len(self.picks)

    def __iter__(self) -> Iterator:
        return iter(self.picks)

    def __repr__(self) -> str:
        return f"<Selection of {len(self)}: {self.summary}>"

    def table(self) -> dict:
        """Columns by name, a row for each pick: what crc_select writes."""
        columns = {
            "item": self._members,
            "group": np.repeat(np.arange(len(self._sizes)), self._sizes),
            "score": np.repeat(self._group_scores, self._sizes),
        }
        if self.represents is not None:
            columns.update(self._standing(columns["item"]))
        return columns

    def _standing(self, picks) -> dict:
        where = {}
        for by, distance in zip(self.represents.by.tolist(), self.represents.distances.tolist()):
            where.setdefault(by, []).append(distance)
        stand = [where.get(pick, [0.0]) for pick in picks.tolist()]
        return {
            "stands_for": np.array([len(d) for d in stand]),
            "mean_distance": np.array([sum(d) / len(d) for d in stand]),
            "largest_distance": np.array([max(d) for d in stand]),
        }

    def to_pandas(self):
        """A DataFrame with a row for each pick: item, group, score and, with ``represents``, what it stands for."""
        import pandas

        return pandas.DataFrame(self.table())

    def _repr_html_(self) -> str:
        shown = 10
        columns = self.table()
        head = "".join(f"<th>{escape(name)}</th>" for name in columns)
        rows = "".join(
            "<tr>" + "".join(f"<td>{escape(_text(column[k]))}</td>" for column in columns.values()) + "</tr>"
            for k in range(min(shown, len(self)))
        )
        lines = [self.summary, *(f"Warning: {w}" for w in self.warnings), self.outlook, *self.notes]
        more = f"<p>{len(self) - shown} more are in .picks</p>" if len(self) > shown else ""
        return (
            f"<div><b>{len(self)} items to label next</b>"
            + "".join(f"<p>{escape(line)}</p>" for line in lines if line)
            + self._histogram()
            + f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{more}</div>"
        )

    def _histogram(self, width: int = 420, height: int = 90, bins: int = 60) -> str:
        """How the scores of the candidates are distributed; ticks below mark what was picked."""
        finite = self.scores[np.isfinite(self.scores)]
        if finite.size == 0 or finite.min() == finite.max():
            return ""
        counts, edges = np.histogram(finite, bins)
        bar = width / bins
        bars = "".join(
            f'<rect x="{k * bar:.1f}" y="{height - h:.1f}" width="{bar - 1:.1f}" height="{h:.1f}" fill="#7a8ca3"/>'
            for k, h in enumerate(counts / counts.max() * height)
            if h > 0
        )
        scale = width / (edges[-1] - edges[0])
        marks = "".join(
            f'<rect x="{(score - edges[0]) * scale - 1:.1f}" y="{height + 2}" width="2" height="6" fill="#c0392b"/>'
            for score in self._group_scores[:500].tolist()
            if edges[0] <= score <= edges[-1]
        )
        return (
            f'<svg width="{width}" height="{height + 26}" role="img" aria-label="scores of the candidates">{bars}{marks}'
            f'<text x="0" y="{height + 22}" font-size="11">{edges[0]:.4g}</text>'
            f'<text x="{width}" y="{height + 22}" font-size="11" text-anchor="end">{edges[-1]:.4g}</text></svg>'
        )


def _text(value) -> str:
    return f"{value:.6g}" if isinstance(value, (float, np.floating)) else str(value)
