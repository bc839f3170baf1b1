"""Settings of any Gymnasium environment."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.errors import BadInput, Failure
from experiments.tasks.base import Stage, TaskSettings
from experiments.trust import require_trust
from neat.params import parameter

if TYPE_CHECKING:
    from envs.gym.task import GymTask
    from genomes.network import Network

__all__ = ["GymSettings", "is_environment_id"]

_TRIED: dict[str, bool] = {}  # of a name and its kwargs, whether episodes depend on their seeds
MOST_FIRST_LINKS = 20_000  # of a fully connected first genome; where there would be more, it starts with one


def is_environment_id(name: str) -> bool:
    """Whether a name is an environment's id in Gymnasium's form, with its version: ``[module:][space/]Name-v0``."""
    return re.fullmatch(r"([\w.]+:)?([\w.-]+/)?[\w.-]+-v\d+", name) is not None


@dataclass(frozen=True)
class GymSettings(TaskSettings):
    """A Gymnasium environment."""

    native: bool = parameter(True, "false: not our own environment of this id, where we have one", "own")
    kwargs: dict[str, Any] = field(
        default_factory=dict, metadata={"doc": "for gymnasium.make", "low": None, "high": None, "choices": None}
    )
    episodes: int = parameter(5, "episodes of each genome in a generation", "own", low=1)
    starts: str = parameter(
        "common",
        "all genomes of a generation face the same episodes, or each its own",
        "own",
        choices=("common", "own"),
    )
    fitness: str = parameter(
        "mean", "what counts of the episodes' returns", "own", choices=("mean", "min", "median", "quantile")
    )
    quantile: float = parameter(0.25, "of fitness = quantile", "own", low=0.0, high=1.0)
    max_steps: int = parameter(0, "steps of an episode; 0: the environment's own limit, else 1,000", "own", low=0)
    give_up: int = parameter(
        0, "ends an episode of training after so many steps without a new highest return; 0: never", "own", low=0
    )
    scaling: str = parameter(
        "auto", "of observations: none; by the space's bounds; by running mean and deviation; auto: none "
        "where all bounds are within ±1, else running", "own", choices=("auto", "none", "bounds", "running"),
    )  # fmt: skip
    action: str = parameter(
        "clip", "bounded numbers: outputs of -1 to 1, or their tanh, stretched to the bounds; or the outputs as they "
        "are", "own", choices=("clip", "tanh", "raw"),
    )  # fmt: skip
    discrete: str = parameter(
        "sign", "two choices: one output, the second where it is positive; or an output for each, the largest", "own",
        choices=("sign", "argmax"),
    )  # fmt: skip
    recheck: int = parameter(0, "a generation's best is chosen among so many by further episodes; 0: not", "own", low=0)
    recheck_episodes: int = parameter(20, "those episodes", "own", low=1)
    validation_episodes: int = parameter(
        100, "fresh episodes that check a champion; a fifth of them first, the rest if it may become the champion",
        "Gymnasium's criterion", low=1,
    )  # fmt: skip
    target: float | None = parameter(None, "mean return of the check that counts as solved", "the environment's own")
    workers: int = parameter(0, "worker processes; 0: one a thread. Never changes a result", "own", low=0, high=1024)
    time_limit: float = parameter(
        0.0, "seconds that the environment may take for an episode; 0: no limit. One that takes longer counts as an "
        "exception", "own", low=0.0,
    )  # fmt: skip
    folder: str = parameter(".", "where a module of your own is, from this file's folder", "own")

    loaded: list[str] = field(default_factory=list, init=False, repr=False, compare=False)

    def load(self, folder: Path, trust: bool | None) -> None:
        if ":" in self.name and trust is not None:
            require_trust(self.name, folder, "task.name", trust)
            self.loaded[:] = [str(folder)]

    def prepare(self) -> None:
        try:
            self._tried()
            self.make("stop")
        except ValueError as error:
            raise BadInput(f'task.name = "{self.name}": {error}') from None

    def make(self, on_error: str) -> GymTask:
        from envs.gym.task import GymTask

        names = ("episodes", "starts", "fitness", "quantile", "max_steps", "give_up", "scaling", "action", "discrete",
                 "recheck", "recheck_episodes", "validation_episodes", "target", "time_limit")  # fmt: skip
        settings = {name: getattr(self, name) for name in names}
        settings |= {"workers": self.workers or None, "on_error": on_error, "folder": self._module_folder}
        return GymTask(self.name, kwargs=self.kwargs, **settings)

    def suggest(self) -> dict[str, dict[str, Any]]:
        from envs.gym.task import GymTask

        self.prepare()
        folder = self._module_folder
        task = GymTask(self.name, kwargs=self.kwargs, action=self.action, discrete=self.discrete, folder=folder)
        episodes = 5 if self._tried() else 1
        neat: dict[str, Any] = {"preset": "control", "population": 200, "activations": ["tanh"]}
        if task.num_inputs * task.num_outputs > MOST_FIRST_LINKS:
            neat |= {"initial": "fs-neat"}
        return {"task": {"episodes": episodes}, "neat": neat, "run": {"generations": 100}}

    def _tried(self) -> bool:
        """Whether episodes depend on their seeds, see `envs.gym.make.tried`."""
        from envs.gym.make import EnvMaker, tried
        from envs.workers import WorkerError

        maker = EnvMaker(self.name, self.kwargs, folder=self._module_folder)
        key = repr(maker)
        if key not in _TRIED:
            try:
                _TRIED[key] = tried(maker, self.time_limit)
            except WorkerError as error:
                raise Failure(f"{self.name}: {error}") from None
        return _TRIED[key]

    @property
    def _module_folder(self) -> str:
        return self.loaded[0] if self.loaded else ""

    def meaning(self) -> tuple[str, ...]:
        if ":" in self.name:  # whose module does not run for this
            return (f"inputs and outputs: observations and actions of {self.name}",)
        task = self.make("stop")
        return (
            f"inputs: {task.num_inputs}, observations as they are",
            f"outputs: {task.actions.size}, {task.actions.meaning}",
        )

    def final_test(self, network: Network, episodes: int, seed: int) -> dict[str, Any]:
        from envs.gym.judge import judge
        from envs.gym.make import keeps_history

        task = self.make("stop")
        fresh = keeps_history(task.make)
        score = judge(task.make, network, task.actions, episodes, seed, observe=task.observations, fresh=fresh)
        return asdict(score)

    def stage(self, render_mode: str) -> Stage | None:
        task = self.make("stop")
        env = task.make(render_mode)
        if render_mode not in env.metadata.get("render_modes", ()):
            return None
        return Stage(env, task.actions, task.observations)
