"""What goes wrong, as Python's own exceptions with the words and the exit code of the command line.

Every one is an :class:`Error` with ``exit_code`` (docs/exit-codes.md), and beside that what Python calls it:
``ValueError`` for wrong arguments, arrays and configurations (64, 65, 76, 78), ``TypeError`` for arguments of another
kind (64), ``FileNotFoundError`` (66), ``FileExistsError`` (73), ``OSError`` (74), ``MemoryError`` (71), ``ImportError``
for a package that is not installed (64).
"""


class Error(Exception):
    """An error of the engine. ``exit_code``: what the command line would end with."""

    exit_code = 70


class InputError(Error, ValueError):
    """A wrong argument (64), array (65), number (76) or configuration (78)."""

    exit_code = 64


class WrongType(Error, TypeError):
    """An argument of another kind than is asked for (64)."""

    exit_code = 64


class MissingPackage(Error, ImportError):
    """A package that is asked for and not installed (64)."""

    exit_code = 64


class MissingError(Error, FileNotFoundError):
    """A file that is not there (66)."""

    exit_code = 66


class RefusedError(Error, FileExistsError):
    """An output that exists, is locked or cannot be written (73)."""

    exit_code = 73


class FailedError(Error, OSError):
    """A disk that is full or fails (74)."""

    exit_code = 74


class OutOfMemory(Error, MemoryError):
    """Memory of the machine or of the GPU (71)."""

    exit_code = 71


_TYPES = {64: InputError, 65: InputError, 76: InputError, 78: InputError, 66: MissingError, 71: OutOfMemory,
          73: RefusedError, 74: FailedError}


def error_of(exit_code: int, words: str) -> Error:
    """The exception of an exit code."""
    error = _TYPES.get(exit_code, Error)(words)
    error.exit_code = exit_code
    return error
