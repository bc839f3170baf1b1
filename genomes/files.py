"""Genome files: versioned JSON, a gene a line, written and read back bit-equal."""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genomes.check import check_genome
from genomes.functions import activation_code, activation_name, aggregation_code, aggregation_name, declare_activation
from genomes.population import Genome, InvalidGenome
from genomes.scaling import Scaling
from genomes.stored import shown

__all__ = ["GenomeFileError", "load_genome", "load_scaling", "save_genome", "shortest", "unfinished", "writing"]

FORMAT = "speciate-genome"
VERSION = 1
MOST_INPUTS = 10_000_000  # of a file, whatever it claims: an input takes memory, but no place in the file


class GenomeFileError(ValueError):
    """A file is not a genome; the message names the file, the key and the value, and says what would be right."""


def save_genome(genome: Genome, path: str | os.PathLike[str], scaling: Scaling | None = None) -> None:
    """Write a genome, and how its inputs are scaled; the file appears whole or not at all."""
    nodes = [
        {
            "id": int(genome.node_id[i]),
            "bias": shortest(genome.bias[i]),
            "activation": activation_name(int(genome.activation[i])),
            "aggregation": aggregation_name(int(genome.aggregation[i])),
        }
        | ({"time_constant": shortest(genome.time_constant[i])} if len(genome.time_constant) else {})
        for i in range(genome.num_inputs, len(genome.node_id))
    ]
    connections = [
        {
            "innovation": int(genome.innovation[e]),
            "source": int(genome.source[e]),
            "target": int(genome.target[e]),
            "weight": shortest(genome.weight[e]),
            "enabled": bool(genome.enabled[e]),
        }
        for e in range(len(genome.innovation))
    ]
    header: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "inputs": genome.num_inputs,
        "outputs": genome.num_outputs,
        "bias_input": genome.bias_input,
    }
    if scaling is not None:
        header["scaling"] = {
            "shift": [shortest(x) for x in scaling.shift],
            "scale": [shortest(x) for x in scaling.scale],
            "limit": scaling.limit,
        }
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in header.items()]
    lines += [_json_lines("nodes", nodes), _json_lines("connections", connections)]
    with writing(Path(path)) as file:
        file.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def load_genome(path: str | os.PathLike[str], by_name: bool = False) -> Genome:
    """Read a genome. With ``by_name`` its activation functions need not be known here, where it is to be looked at,
    but not computed (see `genomes.functions.declare_activation`).

    Raises
    ------
    GenomeFileError
        When the file is no genome, is damaged, or is of a later version.
    OSError
        When the file cannot be read.
    """
    reader = _Reader(Path(path))
    try:
        genome = _genome(reader, reader.document(), by_name)
        check_genome(genome)
    except InvalidGenome as error:
        raise reader.fail(str(error)) from None
    except MemoryError:
        raise reader.fail("needs more memory than there is") from None
    return genome


def _genome(reader: _Reader, data: dict[str, Any], by_name: bool) -> Genome:
    inputs, outputs = reader.integer(data, "inputs", 0, MOST_INPUTS), reader.integer(data, "outputs", 1)
    bias_input = data.get("bias_input")
    if bias_input is not None:
        bias_input = reader.number(data, "bias_input")
    nodes, connections = reader.rows(data, "nodes"), reader.rows(data, "connections")
    code = declare_activation if by_name else activation_code

    def after_inputs(values: list[Any], dtype: type) -> NDArray[Any]:
        return np.concatenate([np.zeros(inputs, dtype), np.array(values, dtype)])

    genes: dict[str, NDArray[Any]] = {
        "node_id": after_inputs([reader.integer(n, "id", 0) for n in nodes], np.int32),
        "bias": after_inputs([reader.number(n, "bias") for n in nodes], np.float32),
        "activation": after_inputs([reader.name(n, "activation", code) for n in nodes], np.uint8),
        "aggregation": after_inputs([reader.name(n, "aggregation", aggregation_code) for n in nodes], np.uint8),
        "innovation": np.array([reader.integer(c, "innovation", 0) for c in connections], np.int32),
        "source": np.array([reader.integer(c, "source", 0) for c in connections], np.int32),
        "target": np.array([reader.integer(c, "target", 0) for c in connections], np.int32),
        "weight": np.array([reader.number(c, "weight") for c in connections], np.float32),
        "enabled": np.array([reader.boolean(c, "enabled") for c in connections], np.bool_),
    }
    genes["node_id"][:inputs] = np.arange(inputs)
    if any("time_constant" in n for n in nodes):
        genes["time_constant"] = after_inputs([reader.number(n, "time_constant") for n in nodes], np.float32)
    return Genome(inputs, outputs, bias_input=bias_input, **genes)


def load_scaling(path: str | os.PathLike[str]) -> Scaling | None:
    """How the inputs of the genome in a file are scaled; None where they are not. Raises as `load_genome` does."""
    reader = _Reader(Path(path))
    data = reader.document()
    if data.get("scaling") is None:
        return None
    table = reader.value(data, "scaling")
    if not isinstance(table, dict):
        raise reader.fail('"scaling" must be an object')
    inputs = reader.integer(data, "inputs", 0) - (data.get("bias_input") is not None)
    limit = None if table.get("limit") is None else reader.number(table, "limit")
    if limit is not None and limit <= 0:
        raise reader.fail(f'"limit" is {limit}, must be above 0')
    return Scaling(reader.numbers(table, "shift", inputs), reader.numbers(table, "scale", inputs), limit)


def shortest(value: np.float32) -> float:
    """The shortest decimal that reads back as the same float32."""
    return float(str(value))


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """A file to write, which then takes the place of ``path`` whole, or after an exception not at all.

    Of a link, what it leads to is replaced; devices and pipes are written to. Each writer has a file of its own; a
    process that is killed leaves it behind (see `unfinished`). An `OSError` names ``path``.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        yield target
        return
    # Writers of films and pictures go by the suffix.
    temporary = target.with_name(f"{_beginning(target)}{secrets.token_hex(4)}.tmp{path.suffix.lower()}")
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, temporary)
        os.replace(temporary, target)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename in (None, str(temporary)):
            error.filename = str(path)
        raise


def unfinished(path: Path) -> list[Path]:
    """The files that killed writers of ``path`` have left beside it."""
    name = re.compile(re.escape(_beginning(path)) + r"[0-9a-f]{8}\.tmp" + re.escape(path.suffix.lower()))
    found = (other for other in path.parent.iterdir() if name.fullmatch(other.name))
    return [other for other in found if other.is_file() and not other.is_symlink()]


def _beginning(target: Path) -> str:
    """What the names of a file's writers begin with."""
    return f".{target.stem[:40]}."


def _json_lines(key: str, rows: list[dict[str, Any]]) -> str:
    return f'  "{key}": [' + ",".join(f"\n    {json.dumps(row)}" for row in rows) + ("\n  ]" if rows else "]")


class _Reader:
    """Reads typed values, and names file, key and value when one is wrong."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def fail(self, problem: str) -> GenomeFileError:
        return GenomeFileError(f"{self.path}: {problem}")

    def document(self) -> dict[str, Any]:
        try:
            data = json.loads(self.path.read_bytes().decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise self.fail(f"is not JSON: {error}") from None
        except MemoryError:
            raise self.fail("needs more memory than there is") from None
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise self.fail(f'is no genome file: "format" must be "{FORMAT}"')
        if data.get("version") != VERSION:
            raise self.fail(f'"version" is {shown(data.get("version"))}, this release reads version {VERSION}')
        return data

    def value(self, row: dict[str, Any], key: str) -> Any:
        if key not in row:
            raise self.fail(f'"{key}" is missing in {json.dumps(row)[:80]}')
        return row[key]

    def integer(self, row: dict[str, Any], key: str, low: int, high: int = 2**31 - 1) -> int:
        value = self.value(row, key)
        if type(value) is not int or not low <= value <= high:
            raise self.fail(f'"{key}" is {shown(value)}, must be an integer from {low} to {high}')
        return value

    def number(self, row: dict[str, Any], key: str) -> float:
        value = self.value(row, key)
        with np.errstate(over="ignore"):
            finite = type(value) in (int, float) and abs(value) < 3.5e38 and math.isfinite(np.float32(value))
        if not finite:
            raise self.fail(f'"{key}" is {shown(value)}, must be a finite 32-bit number')
        return float(value)

    def numbers(self, row: dict[str, Any], key: str, count: int) -> NDArray[np.float32]:
        values = self.value(row, key)
        if not isinstance(values, list) or len(values) != count:
            raise self.fail(f'"{key}" must be a list of {count} numbers')
        return np.array([self.number({key: value}, key) for value in values], np.float32)

    def boolean(self, row: dict[str, Any], key: str) -> bool:
        value = self.value(row, key)
        if type(value) is not bool:
            raise self.fail(f'"{key}" is {shown(value)}, must be true or false')
        return value

    def name(self, row: dict[str, Any], key: str, code: Callable[[str], int]) -> int:
        value = self.value(row, key)
        if type(value) is not str or len(value) > 80:
            raise self.fail(f'"{key}" is {shown(value)}, must be a name')
        try:
            return code(value)
        except ValueError as error:
            raise self.fail(f'"{key}": {error}') from None

    def rows(self, data: dict[str, Any], key: str) -> list[dict[str, Any]]:
        value = self.value(data, key)
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            raise self.fail(f'"{key}" must be a list of objects')
        return value
