"""The [task] section: which settings a task has, and the task that they make.

`base` is what all share; each other module is one kind of task.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from experiments.tasks.base import NamedTask, TaskSettings
from experiments.tasks.combinatorial import COMBINATORIAL, CombinatorialSettings
from experiments.tasks.dataset import OWN_DATA, DatasetSettings
from experiments.tasks.environment import EnvironmentSettings
from experiments.tasks.function import FunctionSettings
from experiments.tasks.gym import GymSettings, is_environment_id
from experiments.tasks.xor import XORSettings
from neat.params import ParameterError

__all__ = [
    "OWN_DATA",
    "CombinatorialSettings",
    "DatasetSettings",
    "EnvironmentSettings",
    "FunctionSettings",
    "GymSettings",
    "NamedTask",
    "TaskSettings",
    "XORSettings",
    "is_environment_id",
    "settings_class",
    "task_names",
]


def task_names() -> list[str]:
    """The built-in tasks."""
    from envs.datasets import dataset_names
    from envs.native import NATIVE_ENVS

    return ["xor", *NATIVE_ENVS, *COMBINATORIAL, OWN_DATA, *dataset_names()]


def settings_class(name: str, table: Mapping[str, Any] | None = None) -> type[TaskSettings]:
    """The settings that a task of this name has, given its table; `ParameterError` when there is no such task.

    An id of Gymnasium's is our own environment where we have it, unless ``native`` is false or it is given ``kwargs``.
    """
    table = table or {}
    if name == "xor":
        return XORSettings
    if name in COMBINATORIAL:
        return CombinatorialSettings
    from envs.datasets import is_dataset
    from envs.native import NATIVE_ENVS

    ours = name.removeprefix("speciate/") in NATIVE_ENVS
    if ours and table.get("native", True) is not False and not table.get("kwargs"):
        return EnvironmentSettings
    if name == OWN_DATA or is_dataset(name):
        return DatasetSettings
    if is_environment_id(name):
        return GymSettings
    if ":" in name:
        return FunctionSettings
    near = difflib.get_close_matches(name, task_names(), 1, 0.4)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    known = f"{', '.join(task_names())}, an environment's id"
    raise ParameterError("name", name, f'must be one of {known}, or "module:NAME"{hint}')
