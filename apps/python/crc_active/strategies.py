"""Every acquisition as one of scikit-activeml's query strategies, with its constructor and its ``query``.

>>> from crc_active.strategies import Badge, Crc
>>> Crc(random_state=0).query(X, y, batch_size=10)              # y: NaN where unlabelled, or MISSING_LABEL
>>> Badge(random_state=0).query(X, y, clf, batch_size=10)

Made from the registry, one class each; ``STRATEGIES`` has them by the acquisition's name. scikit-activeml need not be
there: without it the classes stand alone. Left out is what needs more than features and probabilities: a network
(``egl``, ``crc_layers``, ``crc_full``, ``alfamix``), several stochastic passes (``bald``, ``batchbald``,
``dropquery``) or labels that nobody has given yet (``oracle``); for these there are ``crc_active.select`` and
``crc_active.Run``.
"""

from __future__ import annotations

import numpy as np

from . import _crc
from .errors import error_of
from .selecting import select

try:
    from skactiveml.base import SingleAnnotatorPoolQueryStrategy as _Base
    from skactiveml.base import SkactivemlClassifier
    from skactiveml.utils import MISSING_LABEL, check_equal_missing_label, check_scalar, check_type, is_labeled
    from sklearn.base import clone
except ImportError:
    from ._alone import (MISSING_LABEL, Alone as _Base, SkactivemlClassifier, check_equal_missing_label, check_scalar,
                         check_type, clone, is_labeled)

_TINY = np.finfo(np.float64).tiny


class _Strategy(_Base):
    """What all strategies do; `acquisition` names the one."""

    acquisition = ""

    def __init__(self, missing_label=MISSING_LABEL, random_state=None):
        super().__init__(missing_label=missing_label, random_state=random_state)

    def query(self, X, y, candidates=None, batch_size=1, return_utilities=False):
        """Which samples to label next.

        X: [N,D] features of all samples. y: [N], missing_label where unlabelled. candidates: indices into X to choose
        from; None: all that are unlabelled. batch_size: how many.
        return_utilities: also [batch_size,N] scores, larger is better, NaN for what could not be chosen (any more).
        They are those from before the first pick, also where later picks depend on earlier ones.
        Returns the indices [batch_size], best first.
        """
        return self._pick(*self._validate_data(X, y, candidates, batch_size, return_utilities, reset=True))

    def _arguments(self):
        return {}

    def _pick(self, X, y, candidates, batch_size, return_utilities, probabilities=None, classes=None):
        mapping = self._transform_candidates(candidates, X, y, enforce_mapping=True)[1]
        if len(mapping) == 0:
            raise error_of(78, "there is no unlabelled sample to choose from")
        among = np.unique(mapping)
        labeled = np.setdiff1d(np.flatnonzero(is_labeled(y, self.missing_label_)), among)
        known = list(y[labeled])
        number = {c: k for k, c in enumerate(sorted(set(known)) if classes is None else classes)}
        strange = [c for c in known if c not in number]
        if strange:
            raise error_of(65, f"y holds the class {strange[0]!r}, and the classifier's are {list(number)}")
        found = select(np.asarray(X, dtype=np.float64).reshape(len(X), -1), labeled, budget=int(batch_size),
                       labels=np.array([number[c] for c in known], dtype=np.int64), unlabeled=among,
                       logits=None if probabilities is None else np.log(np.maximum(probabilities, _TINY)),
                       classes=max(2, len(number)), acquisition=self.acquisition, device="cpu",
                       seed=int(self.random_state_.randint(2**31 - 1)), **self._arguments())
        return (found.rows, self._utilities(found, among, len(X))) if return_utilities else found.rows

    @staticmethod
    def _utilities(found, among, count):
        groups, scores = found.candidates, found.scores
        if len(groups) == 0:  # too many to be listed: those of the picks
            groups, scores = np.array([g.items for g in found.groups]), np.array([g.score for g in found.groups])
        first = np.full(count, np.nan)
        first[among] = np.min(scores, initial=0.0 if len(scores) == 0 else np.inf)
        first[groups.ravel()] = np.repeat(scores, groups.shape[1])
        utilities = np.tile(first, (len(found), 1))
        for k in range(1, len(found)):
            utilities[k, found.rows[:k]] = np.nan
        return utilities


class _WithClassifier(_Strategy):
    """Strategies that look at a classifier's probabilities."""

    def query(self, X, y, clf, fit_clf=True, sample_weight=None, candidates=None, batch_size=1, return_utilities=False):
        """Which samples to label next.

        clf: a classifier of scikit-activeml's with predict_proba. fit_clf: fit a copy to X and y first.
        The others, and what is returned, as the strategies' without a classifier.
        """
        X, y, candidates, batch_size, return_utilities = self._validate_data(X, y, candidates, batch_size,
                                                                            return_utilities, reset=True)
        check_type(clf, "clf", SkactivemlClassifier)
        check_equal_missing_label(clf.missing_label, self.missing_label_)
        check_scalar(fit_clf, "fit_clf", bool)
        if fit_clf:
            clf = clone(clf).fit(X, y) if sample_weight is None else clone(clf).fit(X, y, sample_weight)
        return self._pick(X, y, candidates, batch_size, return_utilities, clf.predict_proba(X), clf.classes_)


class _Groups:
    """Strategies that score groups: batch_size is a multiple of group_size. search: how groups are found."""

    def __init__(self, group_size=1, search="partition", missing_label=MISSING_LABEL, random_state=None):
        super().__init__(missing_label=missing_label, random_state=random_state)
        self.group_size = group_size
        self.search = search

    def _arguments(self):
        check_scalar(self.group_size, "group_size", int, min_val=1)
        check_type(self.search, "search", str)
        return {"group_size": self.group_size, "search": self.search}


class _Radius:
    """Strategies with a length: the radius, or the kernel's width. 0: its own rule."""

    def __init__(self, radius=0.0, missing_label=MISSING_LABEL, random_state=None):
        super().__init__(missing_label=missing_label, random_state=random_state)
        self.radius = radius

    def _arguments(self):
        check_scalar(self.radius, "radius", (int, float), min_val=0)
        return {"radius": float(self.radius)}


def _make(name, description, source, traits):
    bases = (_Groups,) if "groups" in traits else (_Radius,) if "radius" in traits else ()
    bases += (_WithClassifier,) if "logits" in traits else (_Strategy,)
    shown = "".join(part.capitalize() for part in name.split("_"))
    doc = (f"{description[0].upper()}{description[1:]} ({source}).\n\n"
           f"    The acquisition ``{name}`` of docs/selecting.md.")
    return type(shown, bases, {"acquisition": name, "__doc__": doc, "__module__": __name__})


_NEEDS_MORE = {"jacobians", "samples", "head", "worth"}
STRATEGIES = {name: _make(name, description, source, traits)
              for name, description, source, traits in _crc.acquisition_table() if not _NEEDS_MORE & set(traits)}
globals().update({cls.__name__: cls for cls in STRATEGIES.values()})
__all__ = ["STRATEGIES", *(cls.__name__ for cls in STRATEGIES.values())]
