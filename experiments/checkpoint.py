"""Checkpoints: a versioned directory of arrays and JSON with checksums, written under another name, synced, renamed.

    checkpoints/00000123/manifest.json   format, version, size and SHA-256 of the other two
                         arrays.npz      read without pickle
                         state.json

The last two are kept. Whatever is wrong with one gives a `CheckpointError`, and the one before is read. A checksum
says that a file is as it was written, not who wrote it: what is read is checked as strictly as a genome file.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import math
import os
import shutil
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.errors import BadInput, Failure
from experiments.reading import read_stored
from genomes.functions import activation_code, activation_name, aggregation_code, aggregation_name
from genomes.stored import Stored, shown

__all__ = ["Checkpoint", "CheckpointError", "last_checkpoint", "write_checkpoint"]

FORMAT = "speciate-checkpoint"
VERSION = 1
KEPT = 2
REPLACED = ".old"  # ends the name of a checkpoint whose successor, of the same generation, takes its place
LARGEST_JSON = 2**20  # bytes; a checkpoint's take some thousand


class CheckpointError(Exception):
    """A checkpoint is damaged, wrong, or of another version; one line that names the file."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What a run needs to go on."""

    arrays: dict[str, NDArray[Any]]
    state: dict[str, Any]  # JSON


def write_checkpoint(folder: Path, generation: int, checkpoint: Checkpoint) -> None:
    """Write the checkpoint of a run that has done ``generation`` generations. `OSError` leaves the older ones."""
    name = f"{generation:08d}"
    temporary = folder / f".{name}.tmp"
    folder.mkdir(exist_ok=True)
    _recover(folder)
    temporary.mkdir()
    try:
        buffer = io.BytesIO()
        np.savez(buffer, **checkpoint.arrays)  # type: ignore[arg-type]
        state = checkpoint.state | {"functions": _function_names(checkpoint.arrays)}
        files = {"arrays.npz": buffer.getvalue(), "state.json": json.dumps(state).encode()}
        manifest = {"format": FORMAT, "version": VERSION, "files": {n: _seal(data) for n, data in files.items()}}
        for file, data in (files | {"manifest.json": json.dumps(manifest, indent=1).encode()}).items():
            _write_synced(temporary / file, data)
        _sync_folder(temporary)
        if (folder / name).exists():
            os.rename(folder / name, folder / f".{name}{REPLACED}")
        os.rename(temporary, folder / name)
        _sync_folder(folder)
        _recover(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        _recover(folder)
        raise
    earlier = [path for path in _checkpoints(folder) if int(path.name) <= generation]
    for old in earlier[KEPT:]:
        shutil.rmtree(old, ignore_errors=True)
    for later in set(_checkpoints(folder)) - set(earlier):  # the run went on from one before these: they are unsound
        with contextlib.suppress(OSError):
            os.rename(later, folder / f".{later.name}.unsound")


def last_checkpoint(
    folder: Path, warn: Callable[[str], None], take: Callable[[Checkpoint], Any] = lambda checkpoint: None
) -> Checkpoint | None:
    """The newest checkpoint that is sound; ``warn`` is told of those that are not. None where there is none.

    Parameters
    ----------
    take : takes the run up from a checkpoint; one that it refuses by a `CheckpointError` is not sound.

    Raises
    ------
    CheckpointError : there are checkpoints, and none is sound; or what should be their folder is none.
    Failure : there is no memory for it.
    """
    problems: list[str] = []
    try:
        if folder.is_dir():
            _recover(folder)
        paths = _checkpoints(folder)
    except OSError as error:
        raise CheckpointError(f"{folder}: cannot be read: {error.strerror}") from None
    for path in paths:
        try:
            checkpoint = _read(path)
            try:
                take(checkpoint)
            except CheckpointError as error:
                raise CheckpointError(f"{path}: {error}") from None
        except CheckpointError as error:
            problems.append(str(error))
        except MemoryError:
            raise Failure(f"{path}: needs more memory than there is") from None
        else:
            for problem in problems:
                warn(problem)
            if problems:
                warn(f"going on from the checkpoint before it, {path}")
            return checkpoint
    if problems:
        others = "; no checkpoint before it can be used either" if len(problems) > 1 else ""
        raise CheckpointError(problems[0] + others)
    return None


def _recover(folder: Path) -> None:
    """Put in order what an attempt that failed, or was killed, has left."""
    for old in folder.glob(f".*{REPLACED}"):
        name = old.name.removeprefix(".").removesuffix(REPLACED)
        if (folder / name).exists():
            shutil.rmtree(old, ignore_errors=True)
        else:  # its successor did not come
            os.rename(old, folder / name)
    for rest in folder.glob(".????????.tmp"):
        with contextlib.suppress(OSError):
            shutil.rmtree(rest) if rest.is_dir() and not rest.is_symlink() else rest.unlink()


def _checkpoints(folder: Path) -> list[Path]:
    """Newest first."""
    if not folder.exists():
        return []
    names = [p.name for p in folder.iterdir() if p.name.isascii() and p.name.isdigit()]
    return [folder / name for name in sorted(names, key=int, reverse=True)]


def _read(path: Path) -> Checkpoint:
    manifest = _json(path / "manifest.json", _bytes(path / "manifest.json", LARGEST_JSON))
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise CheckpointError(f'{path / "manifest.json"}: is no checkpoint: "format" must be "{FORMAT}"')
    if manifest.get("version") != VERSION:
        found = shown(manifest.get("version"))
        raise CheckpointError(f"{path}: is a checkpoint of version {found}, this release reads version {VERSION}")
    seals = manifest.get("files")
    contents = {}
    for name, most in (("arrays.npz", None), ("state.json", LARGEST_JSON)):
        contents[name] = _bytes(path / name, most)
        if not isinstance(seals, dict) or seals.get(name) != _seal(contents[name]):
            raise CheckpointError(f"{path / name}: is damaged: its checksum is not the one in manifest.json")
    state = _json(path / "state.json", contents["state.json"])
    try:
        arrays = _arrays(contents["arrays.npz"])
    except MemoryError:
        raise
    except Exception as error:  # zipfile and NumPy raise all kinds over a file that somebody made by hand
        problem = str(error).partition("\n")[0][:200] or type(error).__name__
        raise CheckpointError(f"{path / 'arrays.npz'}: cannot be read: {problem}") from None
    try:
        if not isinstance(state, dict):
            raise ValueError(f"must be a JSON object, got {shown(state)}")
        return Checkpoint(_with_codes_of_now(arrays, state.pop("functions", None)), state)
    except ValueError as error:
        raise CheckpointError(f"{path / 'state.json'}: {error}") from None


def _arrays(data: bytes) -> dict[str, NDArray[Any]]:
    """The arrays of an uncompressed archive, as `numpy.savez` writes it. They take no more memory than ``data``."""
    arrays = {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
        if any(m.compress_type != zipfile.ZIP_STORED or m.compress_size != m.file_size for m in members):
            raise ValueError("its arrays must not be compressed")
        if sum(m.file_size for m in members) > len(data):
            raise ValueError("its arrays are larger than the file")
        for member in members:
            name, extension = os.path.splitext(member.filename)
            if extension != ".npy" or name in arrays:
                raise ValueError(f"{shown(member.filename)} must be NAME.npy, and there once")
            try:
                arrays[name] = _array(archive.read(member))
            except ValueError as error:
                raise ValueError(f"{shown(member.filename)}: {error}") from None
    return arrays


def _array(data: bytes) -> NDArray[Any]:
    """The array of an .npy file. Its header is believed only where it says how much there is."""
    stream = io.BytesIO(data)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError("is an .npy file of another version than 1.0")
    shape, by_columns, dtype = np.lib.format.read_array_header_1_0(stream)
    begin, count = stream.tell(), math.prod(shape)
    sound = dtype.itemsize > 0 and not dtype.hasobject and min(shape, default=0) >= 0
    if not sound or count * dtype.itemsize != len(data) - begin:
        raise ValueError(f"its header says {shown(dtype)} {shown(shape)}, which is not what follows")
    array: NDArray[Any] = np.ndarray(shape, dtype, data, begin, order="F" if by_columns else "C")
    return array.copy(order="K")


def _function_names(arrays: Mapping[str, NDArray[Any]]) -> dict[str, dict[str, int]]:
    """Name -> code of the functions that occur."""
    names: dict[str, dict[str, int]] = {}
    for kind, name in (("activation", activation_name), ("aggregation", aggregation_name)):
        used = [np.unique(array) for key, array in arrays.items() if key.endswith(f".{kind}")]
        codes = np.unique(np.concatenate(used)).tolist() if used else []
        names[kind] = {name(code): code for code in codes}
    return names


def _with_codes_of_now(arrays: dict[str, NDArray[Any]], names: Any) -> dict[str, NDArray[Any]]:
    """Codes are valid within a process: translate by name."""
    given = Stored({}, names, "functions.")
    for kind, code in (("activation", activation_code), ("aggregation", aggregation_code)):
        table = np.full(256, -1, np.int64)
        codes = given.within(kind)
        for name in names[kind]:
            old = codes.integer(name, 0, 255)
            if table[old] >= 0:
                raise codes.fail(name, f"has the code of another function, {old}")
            table[old] = code(name)
        for key in arrays:
            if key.endswith(f".{kind}"):
                old_codes = arrays[key]
                if old_codes.dtype != np.uint8 or (table[old_codes] < 0).any():
                    raise ValueError(f"functions.{kind}: must name all codes of {key}")
                arrays[key] = table[old_codes].astype(np.uint8)
    given.end()
    return arrays


def _seal(data: bytes) -> dict[str, Any]:
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _bytes(path: Path, most: int | None = None) -> bytes:
    try:
        return read_stored(path, most)
    except FileNotFoundError:
        raise CheckpointError(f"{path}: is missing") from None
    except BadInput as error:
        raise CheckpointError(str(error)) from None


def _json(path: Path, data: bytes) -> Any:
    try:
        return json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: is damaged: {error}") from None


def _write_synced(path: Path, data: bytes) -> None:
    with open(path, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":  # elsewhere a folder cannot be opened
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
