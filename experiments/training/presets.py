"""Ready trainings: a network, its data, and the settings of each method, in a TOML file."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from experiments.errors import BadInput
from neat.weights.registry import METHODS

__all__ = ["Training", "read_training", "training_names", "training_path"]

_FOLDER = Path(__file__).parent.parent / "presets" / "training"
_LENET = "lenet"


@dataclass(frozen=True)
class Training:
    """A network, data, and how each method trains the one on the other."""

    model: str | tuple[int, ...]  # "lenet", or the sizes of hidden layers
    data: str  # a data set or a task by name
    minutes: float = 0.0
    evaluations: int = 0
    methods: dict[str, dict[str, Any]] = field(default_factory=dict)  # keyword arguments of `train`

    def network(self, seed: int) -> Any:
        """The network as `train` takes it; `BadInput` where PyTorch is missing."""
        if self.model != _LENET:
            return self.model
        try:
            from experiments.torch_adapter import lenet
        except ImportError as error:
            raise BadInput(str(error)) from None
        return lenet(seed=seed)


def training_names() -> list[str]:
    """Names of the ready trainings."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def training_path(name: str) -> Path:
    """File of a ready training."""
    return _FOLDER / f"{name}.toml"


def read_training(name: str) -> Training:
    """The training of a preset or of a file; `BadInput` names what is wrong in it."""
    if not name.endswith(".toml") and name not in training_names():
        near = difflib.get_close_matches(name, training_names(), 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise BadInput(f"{name!r} is neither a training ({', '.join(training_names())}) nor a TOML file{hint}")
    path = Path(name) if name.endswith(".toml") else training_path(name)
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path}: is no TOML: {error}") from None
    return _checked(path, document)


def _checked(path: Path, document: dict[str, Any]) -> Training:
    known = ("model", "data", "minutes", "evaluations", "methods")
    for key in document:
        if key not in known:
            raise BadInput(f"{path}: {key}: there is no such key: must be one of {', '.join(known)}")
    model, data, methods = document.get("model"), document.get("data"), document.get("methods", {})
    sizes = isinstance(model, list) and all(type(size) is int and size > 0 for size in model)
    if model != _LENET and not sizes:
        raise BadInput(f'{path}: model = {model!r}: must be "{_LENET}", or sizes of hidden layers such as [64, 32]')
    if type(data) is not str:
        raise BadInput(f"{path}: data = {data!r}: must be the name of a data set or of a task")
    for key in ("minutes", "evaluations"):
        value = document.get(key, 0)
        if type(value) not in (int, float) or not 0 <= value < 1e15:
            raise BadInput(f"{path}: {key} = {value!r}: must be a number of 0 or more")
    if not isinstance(methods, dict) or not all(isinstance(settings, dict) for settings in methods.values()):
        raise BadInput(f"{path}: methods: must be a table of tables, such as [methods.adam]")
    for method in methods:
        if method not in METHODS:
            near = difflib.get_close_matches(method, METHODS, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise BadInput(f"{path}: methods.{method}: there is no such method{hint}")
    minutes, evaluations = float(document.get("minutes", 0)), int(document.get("evaluations", 0))
    return Training(_LENET if isinstance(model, str) else tuple(model or ()), data, minutes, evaluations, methods)
