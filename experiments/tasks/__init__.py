"""The [task] section: which settings a task has, and the task that they make.

`base` is what all share; each other module is one kind of task.
"""

from __future__ import annotations

import difflib

from experiments.tasks.base import TaskSettings
from experiments.tasks.combinatorial import COMBINATORIAL, CombinatorialSettings
from experiments.tasks.environment import EnvironmentSettings
from experiments.tasks.function import FunctionSettings
from experiments.tasks.xor import XORSettings
from neat.params import ParameterError

__all__ = [
    "CombinatorialSettings",
    "EnvironmentSettings",
    "FunctionSettings",
    "TaskSettings",
    "XORSettings",
    "settings_class",
    "task_names",
]


def task_names() -> list[str]:
    """The built-in tasks."""
    from envs.native import NATIVE_ENVS

    return ["xor", *NATIVE_ENVS, *COMBINATORIAL]


def settings_class(name: str) -> type[TaskSettings]:
    """The settings that a task of this name has; `ParameterError` when there is no such task."""
    if name == "xor":
        return XORSettings
    if name in COMBINATORIAL:
        return CombinatorialSettings
    if name in task_names():
        return EnvironmentSettings
    if ":" in name:
        return FunctionSettings
    near = difflib.get_close_matches(name, task_names(), 1, 0.4)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ParameterError("name", name, f'must be one of {", ".join(task_names())}, or "module:NAME"{hint}')
