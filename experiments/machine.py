"""What the machine refuses: room on a disk, descriptors, memory, rights; each is one line."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from experiments.errors import Failure

__all__ = ["refusal", "whole"]

_REFUSALS = {
    getattr(errno, name)
    for name in (
        "EACCES", "EAGAIN", "EDQUOT", "EFBIG", "EIO", "EISDIR", "ELOOP", "EMFILE", "EMLINK", "ENAMETOOLONG", "ENFILE",
        "ENODEV", "ENOLCK", "ENOMEM", "ENOSPC", "ENOTDIR", "ENOTEMPTY", "ENXIO", "EPERM", "EPIPE", "EROFS", "ESTALE",
        "ETXTBSY",
    )
    if hasattr(errno, name)
}  # fmt: skip


def refusal(error: BaseException) -> str | None:
    """One line on what the machine has refused; None where the error is none of the machine's."""
    if isinstance(error, MemoryError):
        return "out of memory" + (f": {error}" if str(error) else "")
    if isinstance(error, OSError):
        return _of_system(error)
    text = str(error)
    if isinstance(error, RuntimeError) and text == "can't start new thread":
        return f"the machine refused: {text}"
    if type(error).__name__ == "BrokenProcessPool":
        return "a worker process was ended from outside, as by a system that is short of memory"
    return None


def _of_system(error: OSError) -> str | None:
    text = str(error)
    if error.errno not in _REFUSALS:
        lacking = error.__context__ or error  # a library that cannot be loaded
        lacks = any(part in str(lacking) for part in ("annot allocate memory", "failed to map segment"))
        return f"out of memory: {lacking}" if lacks else None
    if error.filename is None:
        return f"the machine refused: {error.strerror or text}"
    names = " -> ".join(str(name) for name in (error.filename, error.filename2) if name is not None)
    return f"{names}: cannot be read or written: {error.strerror or text}"


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A file to write, as `genomes.files.writing` has it.

    Raises
    ------
    Failure : the machine refuses; the message names the file that was meant.
    """
    from genomes.files import writing

    try:
        with writing(path) as file:
            yield file
    except OSError as error:
        if refusal(error) is None:
            raise
        raise Failure(f"{path}: cannot be written: {error.strerror or error}") from None
