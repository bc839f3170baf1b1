"""The run folder: what a run leaves behind.

config.toml     everything that decides the run; written first
metrics.csv     a row a generation          species.csv     a row per species and generation
champion.json   the champion, a genome file summary.json    how the run ended
initial.json    the genome that it began with, where it was given one
checkpoints/    see `experiments.checkpoint`
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import secrets
import shutil
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from experiments.errors import BadInput
from experiments.reading import check_kinds
from genomes.files import unfinished, writing

__all__ = ["RunFolder", "Table", "require_run", "write_json", "write_whole"]

PICTURES = ("network.png", "fitness.png", "species.png")
CHECKPOINTS = "checkpoints"
CONTENTS = (
    "config.toml",
    "metrics.csv",
    "species.csv",
    "champion.json",
    "initial.json",
    "summary.json",
    "training.csv",
    CHECKPOINTS,
    *PICTURES,
    "champion.py",  # exports
    "champion.h",
)
LOCK = ".lock"
# What the folder held before a new run: while it is put aside; until the new run has begun; after that.
PARTLY_ASIDE, ASIDE, DELETED = ".replaced-in-part", ".replaced", ".deleted"


class RunFolder:
    """A folder that holds one run, locked against every other process for as long as this object is open."""

    def __init__(self, path: Path, made: bool = False) -> None:
        from filelock import FileLock, Timeout

        from envs.own import require_no_import

        require_no_import("opens the run folder " + str(path))
        self.path, self._made = path, made  # made: for a run, by this process
        self.replaces = False  # a run that was put aside, and may come back
        self._lock = FileLock(path / LOCK)
        try:
            self._lock.acquire(timeout=0)
            self._recover()
        except Timeout:
            raise BadInput(f"{path}: is in use by another run") from None
        except (OSError, NotImplementedError) as error:
            self._lock.release()
            raise BadInput(f"{path}: cannot be written: {error}") from None

    @classmethod
    def create(cls, path: Path, overwrite: bool = False) -> RunFolder:
        """A folder for a new run, see `replace`. One that holds a run is refused, unless ``overwrite`` is set."""
        made = not path.exists()
        try:
            path.mkdir(parents=True, exist_ok=True)
        except FileExistsError:
            raise BadInput(f"{path}: is no folder, or a link that leads nowhere: choose another --out") from None
        except OSError as error:
            raise BadInput(f"{path}: cannot be a run folder: {error.strerror}") from None
        folder = cls(path, made)
        held = folder._held()
        if held and not overwrite:
            folder.close()
            raise BadInput(f"{path}: holds a run already ({held[0]}): choose another --out, or --overwrite it")
        return folder

    @classmethod
    def fresh(cls, name: str, seed: int, home: Path = Path("runs")) -> RunFolder:
        """The first of HOME/NAME-SEED-1, -2, ... that does not exist."""
        n = 1
        while True:
            path = home / f"{name}-{seed}-{n}"
            try:
                path.mkdir(parents=True)
                return cls(path, made=True)
            except FileExistsError:
                if not home.is_dir():
                    raise BadInput(f"{home}: is not a folder; choose another --out") from None
                n += 1
            except OSError as error:
                raise BadInput(f"{path}: cannot be made: {error.strerror}; choose another --out") from None

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """The folder of a run that is there."""
        require_run(path)
        return cls(path)

    def replace(self) -> None:
        """Put aside what the folder holds, for a new run. It comes back when the folder is closed, or was in use by a
        process that was killed, before the new run is worth more (see `settle`)."""
        self.replaces = bool(self._held())
        (self.path / PARTLY_ASIDE).mkdir()
        for name in self._held():
            os.rename(self.path / name, self.path / PARTLY_ASIDE / name)
        os.rename(self.path / PARTLY_ASIDE, self.path / ASIDE)

    def settle(self) -> None:
        """Delete what was put aside: the new run has something to keep."""
        if (self.path / ASIDE).is_dir():
            old = self.path / f"{DELETED}-{secrets.token_hex(4)}"
            os.rename(self.path / ASIDE, old)
            shutil.rmtree(old, ignore_errors=True)
        self.replaces = False

    def close(self) -> None:
        """Let other processes have it. What was put aside and not settled comes back. A folder that was made for a run
        that never began is removed."""
        with contextlib.suppress(OSError):
            self._put_back()
        if self._made and not self._held():
            with contextlib.suppress(OSError):
                (self.path / LOCK).unlink(missing_ok=True)
                self.path.rmdir()
        self._lock.release()

    def _held(self) -> list[str]:
        """What there is of a run."""
        return [name for name in CONTENTS if os.path.lexists(self.path / name)]

    def _recover(self) -> None:
        """Put in order what a process that was killed has left, and nothing else: the folder may hold more."""
        self._put_back()
        deleted = (path for path in self.path.glob(f"{DELETED}-*") if _holds_a_run_only(path))
        for rest in (*deleted, *(rest for name in CONTENTS for rest in unfinished(self.path / name))):
            with contextlib.suppress(OSError):
                _remove(rest)

    def _put_back(self) -> None:
        if _holds_a_run_only(self.path / ASIDE):  # what is in its place is of the new run
            for name in self._held():
                _remove(self.path / name)
            os.rename(self.path / ASIDE, self.path / PARTLY_ASIDE)
        if _holds_a_run_only(self.path / PARTLY_ASIDE):
            for path in (self.path / PARTLY_ASIDE).iterdir():
                os.rename(path, self.path / path.name)
            (self.path / PARTLY_ASIDE).rmdir()


def require_run(path: Path) -> None:
    """`BadInput` unless the folder holds a run, and of a run's files and folders only what is of its kind. A run that
    was being replaced when its process was killed is back."""
    check_kinds(path, (*(name for name in CONTENTS if name != CHECKPOINTS), LOCK), (CHECKPOINTS,))
    if _holds_a_run_only(path / ASIDE) or _holds_a_run_only(path / PARTLY_ASIDE):
        with contextlib.suppress(BadInput):  # in use: it is being replaced now
            RunFolder(path).close()
    if not (path / "config.toml").exists():
        raise BadInput(f"{path}: holds no run: config.toml is missing")


def _holds_a_run_only(path: Path) -> bool:
    """Whether it is a folder, no link to one, in which there is nothing that is not of a run."""
    return path.is_dir() and not path.is_symlink() and {p.name for p in path.iterdir()} <= set(CONTENTS)


def _remove(path: Path) -> None:
    """Remove a file, a link, or a folder and all in it."""
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


class Table:
    """A CSV file that grows, and knows how much of it a checkpoint has seen."""

    def __init__(self, path: Path, columns: Sequence[str], mark: Sequence[int] | None = None) -> None:
        """Begin the file; or go on from ``mark``, when `cut` has dropped the rows after that.

        Raises
        ------
        BadInput : the file is not what it was when the mark was taken.
        """
        self.path = path
        self._size, self._checksum = 0, 0
        if mark is None:
            self._file: IO[bytes] = open(path, "wb")  # noqa: SIM115
            self.write([columns])
            return
        size, checksum = mark
        try:
            self._file = open(path, "r+b")  # noqa: SIM115
            there = os.fstat(self._file.fileno()).st_size >= size
            same = there and zlib.crc32(self._file.read(size)) == checksum
        except OSError as error:
            raise BadInput(f"{path}: cannot be read: {error.strerror}; the run's checkpoint needs it") from None
        if not same:
            raise BadInput(f"{path}: was changed since the run's checkpoint: put it back, or start a new run")
        self._size, self._checksum = size, checksum

    def cut(self) -> None:
        """Drop the rows that were written after the mark."""
        self._file.flush()
        self._file.truncate(self._size)

    @property
    def mark(self) -> tuple[int, int]:
        """(bytes, checksum) of what was written."""
        return self._size, self._checksum

    def write(self, rows: Sequence[Sequence[Any]]) -> None:
        """Append rows; floats are written so that they read back equal."""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        data = text.getvalue().encode()
        self._file.write(data)
        self._size += len(data)
        self._checksum = zlib.crc32(data, self._checksum)

    def flush(self, sync: bool = False) -> None:
        """Hand what was written to the system, and to the disk."""
        self._file.flush()
        if sync:
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file; what could not be written is lost."""
        with contextlib.suppress(OSError):
            self._file.close()


def write_whole(path: Path, text: str) -> None:
    """Write a file that appears whole or not at all."""
    with writing(path) as file:
        file.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """`write_whole`, of a value as JSON."""
    write_whole(path, json.dumps(value, indent=2, allow_nan=False) + "\n")
