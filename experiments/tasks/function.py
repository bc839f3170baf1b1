"""Settings of a fitness function of the user's own."""

from __future__ import annotations

import difflib
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.errors import BadInput, Failure
from experiments.tasks.base import TaskSettings
from experiments.trust import require_trust
from neat.params import ParameterError, parameter

if TYPE_CHECKING:
    from envs.task import Task

__all__ = ["FunctionSettings", "import_function"]

MOST = 2**24  # inputs or outputs of a network


@dataclass(frozen=True)
class FunctionSettings(TaskSettings):
    """A fitness function of the user's own, ``module:NAME``."""

    inputs: int = parameter(0, "inputs of a network", "own", low=1, high=MOST)
    outputs: int = parameter(0, "outputs of a network", "own", low=1, high=MOST)
    per: str = parameter("network", "what the function is called with", "own", choices=("network", "population"))
    maximize: bool = parameter(True, "higher fitness is better", "own")
    target: float | None = parameter(None, "fitness that counts as solved", "own")
    workers: int = parameter(0, "worker processes; 0: one a core. Never changes a result", "own", low=0, high=1024)
    time_limit: float = parameter(
        0.0, "seconds that a call may take; 0: no limit. One that takes longer counts as an exception", "own", low=0.0
    )
    folder: str = parameter(".", "where the module is, from this file's folder", "own")
    loaded: list[Callable[..., Any]] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for key in ("inputs", "outputs"):
            if getattr(self, key) < 1:
                raise ParameterError(key, getattr(self, key), "a task of your own needs it: at least 1")
        if self.time_limit and self.per == "population":
            requirement = 'goes with per = "network" only: then worker processes make the calls, and can be ended'
            raise ParameterError("time_limit", self.time_limit, requirement)

    def load(self, folder: Path, trust: bool | None) -> None:
        self.loaded[:] = [_not_loaded if trust is None else import_function(self.name, folder, trust=trust)]

    def make(self, on_error: str) -> Task:
        from envs.fitness import FitnessTask

        if not self.loaded:  # settings given from Python
            self.load(Path(self.folder), trust=True)
        return FitnessTask(
            self.loaded[0],
            self.inputs,
            self.outputs,
            per=self.per,
            maximize=self.maximize,
            target=self.target,
            workers=self.workers or None,
            on_error=on_error,
            time_limit=self.time_limit,
        )


def _not_loaded(*arguments: Any) -> Any:
    raise RuntimeError("the run is only looked at: the task's own code does not run")


def import_function(name: str, folder: Path, key: str = "task.name", *, trust: bool = True) -> Callable[..., Any]:
    """The user's function ``module:NAME``, the module being in ``folder`` or installed.

    Raises
    ------
    BadInput, Failure : there is no such function; without ``trust`` its module may not run (see `experiments.trust`);
        importing the module raised an exception.
    """
    from envs.own import RunsAgain, import_own

    module_name, _, attribute = name.partition(":")
    if not all(part.isidentifier() for part in (*module_name.split("."), attribute)):
        hint = "; its run was begun from Python, and can go on from there only" if "<" in name else ""
        raise BadInput(f'{key} = "{name}": must be "module:NAME", two Python names{hint}')
    require_trust(name, folder, key, trust)
    try:
        module = import_own(module_name, folder)
    except ModuleNotFoundError as error:
        if error.name not in (module_name, module_name.partition(".")[0]):
            raise Failure(f"{name}: importing the module failed:\n{traceback.format_exc().rstrip()}") from None
        raise BadInput(
            f'{key} = "{name}": there is no module {module_name!r} in {folder}; task.folder says where it is'
        ) from None
    except RunsAgain as error:
        raise BadInput(f'{key} = "{name}": {error}') from None
    except Exception:
        raise Failure(f"{name}: importing the module failed:\n{traceback.format_exc().rstrip()}") from None
    function = getattr(module, attribute, None)
    if not callable(function):
        near = difflib.get_close_matches(attribute, [n for n, v in vars(module).items() if callable(v)], 1, 0.5)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise BadInput(f'{key} = "{name}": {module.__file__} has no function {attribute!r}{hint}')
    return function  # type: ignore[no-any-return]
