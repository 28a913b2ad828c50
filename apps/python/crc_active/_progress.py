"""Where a long call stands: a bar of tqdm, or a function."""

from contextlib import contextmanager

from .errors import error_of

USAGE = 64


@contextmanager
def heard(progress):
    """The function ``(what, done, total)`` that hears it; None where nobody wants to know."""
    if progress is None or progress is False:
        yield None
    elif progress is True:
        bar = _Bar()
        try:
            yield bar
        finally:
            bar.close()
    elif callable(progress):
        yield progress
    else:
        raise error_of(USAGE, f"progress: {progress!r} is neither True nor a function (what, done, total)")


class _Bar:
    """One bar at a time, of what is done now."""

    def __init__(self):
        try:
            from tqdm.auto import tqdm
        except ImportError:
            raise error_of(USAGE, "progress=True shows a bar of tqdm, which is not installed: pip install tqdm, or give "
                                  "a function (what, done, total)") from None
        self._make, self._bar, self._what = tqdm, None, None

    def __call__(self, what, done, total):
        if self._bar is None or self._what != what or self._bar.total != total:
            self.close()
            self._what = what
            self._bar = self._make(total=total, desc=what, leave=False)
        self._bar.update(done - self._bar.n)

    def close(self):
        if self._bar is not None:
            self._bar.close()
            self._bar = None
