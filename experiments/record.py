"""The run folder: what a run leaves behind.

config.toml     everything that decides the run; written first
metrics.csv     a row a generation          species.csv     a row per species and generation
champion.json   the champion, a genome file summary.json    how the run ended
initial.json    the genome that it began with, where `evolve` was given one
checkpoints/    see `experiments.checkpoint`
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import shutil
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from experiments.errors import BadInput
from experiments.reading import check_kinds
from genomes.files import writing

__all__ = ["RunFolder", "Table", "first_free", "write_whole"]

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
)
LOCK = ".lock"


class RunFolder:
    """A folder that holds one run, locked against every other process for as long as this object is open."""

    def __init__(self, path: Path) -> None:
        from filelock import FileLock, Timeout

        self.path = path
        self._lock = FileLock(path / LOCK)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise BadInput(f"{path}: is in use by a running `neat`") from None
        except (OSError, NotImplementedError) as error:
            raise BadInput(f"{path}: cannot be written: {error}") from None

    @classmethod
    def create(cls, path: Path, overwrite: bool = False) -> RunFolder:
        """A folder for a new run. One that holds a run is refused, unless ``overwrite`` replaces it."""
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(f"{path}: cannot be a run folder: {error.strerror}") from None
        folder = cls(path)
        held = [name for name in CONTENTS if (path / name).exists()]
        if held and not overwrite:
            folder.close()
            raise BadInput(f"{path}: holds a run already ({held[0]}): choose another --out, or --overwrite it")
        for name in held:
            shutil.rmtree(path / name) if (path / name).is_dir() else (path / name).unlink()
        return folder

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """The folder of a run that is there."""
        require_run(path)
        return cls(path)

    def close(self) -> None:
        """Let other processes have it."""
        self._lock.release()


def require_run(path: Path) -> None:
    """`BadInput` unless the folder holds a run, and of a run's files and folders only what is of its kind."""
    check_kinds(path, (*(name for name in CONTENTS if name != CHECKPOINTS), LOCK), (CHECKPOINTS,))
    if not (path / "config.toml").exists():
        raise BadInput(f"{path}: holds no run: config.toml is missing")


def first_free(name: str, seed: int, home: Path = Path("runs")) -> Path:
    """The first of runs/NAME-SEED-1, -2, ... that does not exist; it is made."""
    n = 1
    while True:
        path = home / f"{name}-{seed}-{n}"
        try:
            path.mkdir(parents=True)
            return path
        except FileExistsError:
            if not home.is_dir():
                raise BadInput(f"{home}: is not a folder; choose another --out") from None
            n += 1
        except OSError as error:
            raise BadInput(f"{path}: cannot be made: {error.strerror}; choose another --out") from None


class Table:
    """A CSV file that grows, and knows how much of it a checkpoint has seen."""

    def __init__(self, path: Path, columns: Sequence[str], mark: Sequence[int] | None = None) -> None:
        """Begin the file, or cut it back to ``mark`` and go on.

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
        self._file.truncate()
        self._size, self._checksum = size, checksum

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
