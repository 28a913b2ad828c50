"""Which items to label next: selection and active semi-supervised learning, exact and at the machine's limit."""

from ._version import __version__
from .errors import Error

__all__ = ["Error", "__version__"]
