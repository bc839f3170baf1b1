"""Checkpoints: a versioned directory of arrays and JSON with checksums, written under another name, synced, renamed.

    checkpoints/00000123/manifest.json   format, version, size and SHA-256 of the other two
                         arrays.npz      read without pickle
                         state.json

The last two are kept. Whatever is wrong with one gives a `CheckpointError`, and the one before is read.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genomes.functions import activation_code, activation_name, aggregation_code, aggregation_name

__all__ = ["Checkpoint", "CheckpointError", "last_checkpoint", "write_checkpoint"]

FORMAT = "speciate-checkpoint"
VERSION = 1
KEPT = 2
REPLACED = ".old"  # ends the name of a checkpoint whose successor, of the same generation, takes its place


class CheckpointError(Exception):
    """A checkpoint is damaged, or of another version; one line that names the file."""


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
    for old in _checkpoints(folder)[KEPT:]:
        shutil.rmtree(old, ignore_errors=True)


def last_checkpoint(folder: Path, warn: Callable[[str], None]) -> Checkpoint | None:
    """The newest checkpoint that is whole; ``warn`` is told of those that are not. None where there is none.

    Raises
    ------
    CheckpointError : there are checkpoints, and none is whole.
    """
    problem = None
    if folder.is_dir():
        _recover(folder)
    for path in _checkpoints(folder):
        try:
            checkpoint = _read(path)
        except CheckpointError as error:
            warn(str(error))
            problem = error
        else:
            if problem is not None:
                warn(f"going on from the checkpoint before it, {path}")
            return checkpoint
    if problem is not None:
        raise problem
    return None


def _recover(folder: Path) -> None:
    """Put in order what an attempt that failed, or was killed, has left."""
    for old in folder.glob(f".*{REPLACED}"):
        name = old.name.removeprefix(".").removesuffix(REPLACED)
        if (folder / name).exists():
            shutil.rmtree(old, ignore_errors=True)
        else:  # its successor did not come
            os.rename(old, folder / name)
    for rest in folder.glob(".*.tmp"):
        shutil.rmtree(rest, ignore_errors=True)


def _checkpoints(folder: Path) -> list[Path]:
    """Newest first."""
    if not folder.is_dir():
        return []
    return sorted((p for p in folder.iterdir() if p.name.isdigit() and p.is_dir()), key=lambda p: p.name, reverse=True)


def _read(path: Path) -> Checkpoint:
    manifest = _json(path / "manifest.json", _bytes(path / "manifest.json"))
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise CheckpointError(f'{path / "manifest.json"}: is no checkpoint: "format" must be "{FORMAT}"')
    if manifest.get("version") != VERSION:
        found = manifest.get("version")
        raise CheckpointError(f"{path}: is a checkpoint of version {found!r}, this release reads version {VERSION}")
    seals = manifest.get("files")
    contents = {}
    for name in ("arrays.npz", "state.json"):
        contents[name] = _bytes(path / name)
        if not isinstance(seals, dict) or seals.get(name) != _seal(contents[name]):
            raise CheckpointError(f"{path / name}: is damaged: its checksum is not the one in manifest.json")
    state = _json(path / "state.json", contents["state.json"])
    try:
        with np.load(io.BytesIO(contents["arrays.npz"]), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        return Checkpoint(_with_codes_of_now(arrays, state.pop("functions")), state)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"{path}: cannot be read: {error}") from None


def _function_names(arrays: Mapping[str, NDArray[Any]]) -> dict[str, dict[str, int]]:
    """Name -> code of the functions that occur."""
    names: dict[str, dict[str, int]] = {}
    for kind, name in (("activation", activation_name), ("aggregation", aggregation_name)):
        used = [np.unique(array) for key, array in arrays.items() if key.endswith(f".{kind}")]
        codes = np.unique(np.concatenate(used)).tolist() if used else []
        names[kind] = {name(code): code for code in codes}
    return names


def _with_codes_of_now(arrays: dict[str, NDArray[Any]], names: dict[str, dict[str, int]]) -> dict[str, NDArray[Any]]:
    """Codes are valid within a process: translate by name."""
    for kind, code in (("activation", activation_code), ("aggregation", aggregation_code)):
        table = np.arange(256, dtype=np.uint8)
        for name, old in names[kind].items():
            table[old] = code(name)
        for key in arrays:
            if key.endswith(f".{kind}"):
                arrays[key] = table[arrays[key]]
    return arrays


def _seal(data: bytes) -> dict[str, Any]:
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror}") from None


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
