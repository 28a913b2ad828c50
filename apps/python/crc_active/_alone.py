"""As much of scikit-activeml as crc_active.strategies uses, for machines without it."""

import copy
import warnings

import numpy as np

from .errors import WrongType, error_of

MISSING_LABEL = np.nan
SkactivemlClassifier = object


def is_labeled(y, missing_label=MISSING_LABEL):
    y = np.asarray(y)
    if missing_label is None:
        return np.array([value is not None for value in y.ravel()], dtype=bool).reshape(y.shape)
    return ~np.isnan(y.astype(float)) if missing_label != missing_label else y != missing_label


def check_type(value, name, *types):
    if not isinstance(value, types):
        raise WrongType(f"`{name}` is {value!r}; expected {types}")


def check_scalar(value, name, target_type, min_val=None):
    if not isinstance(value, target_type) or (isinstance(value, bool) and target_type is not bool):
        raise WrongType(f"`{name}` is {value!r}; expected {target_type}")
    if min_val is not None and value < min_val:
        raise error_of(64, f"`{name}` is {value}; expected at least {min_val}")


def check_equal_missing_label(first, second):
    if not (first == second or (first != first and second != second)):
        raise error_of(64, f"missing_label is {first!r} here and {second!r} there")


def clone(estimator):
    return copy.deepcopy(estimator)


class Alone:
    """The base class."""

    def __init__(self, missing_label=MISSING_LABEL, random_state=None):
        self.missing_label = missing_label
        self.random_state = random_state

    def _validate_data(self, X, y, candidates, batch_size, return_utilities, reset=True):
        X, y = np.asarray(X), np.asarray(y)
        if X.ndim < 2 or X.dtype.kind not in "fiu" or not np.isfinite(X).all():
            raise error_of(64, f"X is {X.dtype} {list(X.shape)}; expected finite numbers [N,D]")
        if y.shape != (len(X),):
            raise error_of(64, f"y is {list(y.shape)}; expected a label for each of {len(X)} samples")
        check_scalar(batch_size, "batch_size", (int, np.integer), min_val=1)
        check_scalar(return_utilities, "return_utilities", bool)
        self.missing_label_ = self.missing_label
        unlabeled = int((~is_labeled(y, self.missing_label)).sum())
        if candidates is not None:
            candidates = np.unique(np.asarray(candidates, dtype=np.int64))
            if candidates.ndim != 1 or candidates.min() < 0 or candidates.max() >= len(X):
                raise error_of(64, f"candidates are indices in 0..{len(X) - 1}")
        there = unlabeled if candidates is None else len(candidates)
        if there < batch_size:
            warnings.warn(f"'batch_size={batch_size}' is larger than number of candidates. Instead, "
                          f"'batch_size={there}' was set.", stacklevel=3)
            batch_size = there
        state = copy.deepcopy(self.random_state)
        self.random_state_ = state if isinstance(state, np.random.RandomState) else np.random.RandomState(state)
        return X, y, candidates, batch_size, return_utilities

    def _transform_candidates(self, candidates, X, y, enforce_mapping=True):
        mapping = np.flatnonzero(~is_labeled(y, self.missing_label_)) if candidates is None else candidates
        return X[mapping], mapping
