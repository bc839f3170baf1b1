"""Files of a run folder, read: the folder may come from elsewhere, and hold anything."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from experiments.errors import BadInput

__all__ = ["check_kinds", "read_stored"]


def read_stored(path: Path, most: int | None = None) -> bytes:
    """The content of a file, of at most so many bytes.

    Raises
    ------
    FileNotFoundError : there is none.
    BadInput : it cannot be read, is too large, or is no regular file; a pipe would be waited for without end.
    """
    problem = _problem(path, stat.S_ISREG, "a regular file")
    if problem is not None:
        raise BadInput(problem)
    try:
        size = path.stat().st_size
        if most is not None and size > most:
            raise BadInput(f"{path}: has {size:,} bytes, more than the {most:,} that it may have")
        return path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from None


def check_kinds(folder: Path, files: tuple[str, ...], folders: tuple[str, ...]) -> None:
    """`BadInput` where something in a folder, if it is there, is not of its kind: regular files, and folders.

    Links are refused, too: what is written into a run folder must not end up elsewhere.
    """
    for names, right, kind in ((files, stat.S_ISREG, "a regular file"), (folders, stat.S_ISDIR, "a folder")):
        for name in names:
            problem = _problem(folder / name, right, kind)
            if problem is not None:
                raise BadInput(problem)


def _problem(path: Path, right: Callable[[int], bool], kind: str) -> str | None:
    """Why something is not of the right kind; None where it is, or is not there."""
    try:
        mode = os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return f"{path}: cannot be read: {error.strerror}"
    return None if right(mode) else f"{path}: is {_kind_of(mode)}, must be {kind}"


def _kind_of(mode: int) -> str:
    names = {stat.S_IFDIR: "a folder", stat.S_IFLNK: "a link", stat.S_IFIFO: "a pipe", stat.S_IFREG: "a file"}
    return names.get(stat.S_IFMT(mode), "a device or socket")
