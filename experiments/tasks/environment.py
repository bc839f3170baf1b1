"""Settings of a native environment."""

from __future__ import annotations

import dataclasses
import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from experiments.tasks.base import Stage, TaskSettings
from neat.params import ParameterError, parameter

if TYPE_CHECKING:
    from envs.native import NativeEnv
    from envs.task import Task
    from genomes.network import Network

__all__ = ["EnvironmentSettings"]


MOST_SHOWN = 3000  # steps of a replay: a pole may stand for 100,000


@dataclass(frozen=True)
class EnvironmentSettings(TaskSettings):
    """A native environment."""

    native: bool = parameter(True, "false: Gymnasium's own environment instead", "own")
    episodes: int = parameter(5, "episodes of each genome in a generation", "own", low=1)
    validation_episodes: int = parameter(100, "fresh episodes that check a champion", "Gymnasium's criterion", low=1)
    target: float | None = parameter(None, "mean return of the check that counts as solved", "own")
    fitness: str = parameter(
        "score",
        "what is trained on: the environment's own score of an episode where it has one, or always the return",
        "own",
        choices=("score", "return"),
    )
    velocities: bool | None = parameter(None, "pole balancing: whether a network sees velocities", "own")
    damping: bool | None = parameter(None, "pole balancing, 2008: a fitness that punishes swinging", "own")

    def __post_init__(self) -> None:
        from envs.native import native_env

        for key, value in self._parameters().items():
            try:
                native_env(self._id, **{key: value})
            except ValueError as error:
                raise ParameterError(key, value, str(error)) from None

    @classmethod
    def explain(cls, key: str) -> str:
        from experiments.tasks.gym import GymSettings

        known = key in {field.name for field in dataclasses.fields(GymSettings)}
        return ": our own environment of this id has none; task.native = false takes Gymnasium's" if known else ""

    @property
    def behaves(self) -> bool:
        return self._env().behaviour is not None

    @property
    def _id(self) -> str:
        return self.name.removeprefix("speciate/")

    def _parameters(self) -> dict[str, bool]:
        given = {"velocities": self.velocities, "damping": self.damping}
        return {key: value for key, value in given.items() if value is not None}

    def _env(self) -> NativeEnv:
        from envs.native import native_env

        env = native_env(self._id, **self._parameters())
        if self.fitness == "return" and env.score is not None:
            env = dataclasses.replace(env, score=None)
        return env if self.target is None else dataclasses.replace(env, target=self.target)

    def make(self, on_error: str) -> Task:
        from envs.control.task import NativeTask

        return NativeTask(self._env(), self.episodes, self.validation_episodes)

    def final_test(self, network: Network, episodes: int, seed: int) -> dict[str, Any] | None:
        from envs.gym import judge

        env = self._env()
        if env.check is not None:
            return None
        return dataclasses.asdict(judge(env.gymnasium_id or f"speciate/{env.id}", network, env.act, episodes, seed))

    def stage(self, render_mode: str) -> Stage | None:
        import gymnasium

        env = self._env()
        if env.gymnasium_id:
            return Stage(gymnasium.make(env.gymnasium_id, render_mode=render_mode), env.act)
        limit = min(env.max_steps, MOST_SHOWN)
        made = gymnasium.make(
            f"speciate/{env.id}", render_mode=render_mode, max_episode_steps=limit, **self._parameters()
        )
        return Stage(made, env.act)

    def meaning(self) -> tuple[str, ...]:
        env = self._env()
        act = (
            f"An action is made of the outputs as in {env.act.__module__}",
            "",
            *inspect.getsource(env.act).rstrip().splitlines(),
        )
        if env.gymnasium_id:
            return f"inputs: the observations of Gymnasium's {env.gymnasium_id}, as they are", *act
        observe = inspect.getsource(env.observe).rstrip().splitlines()
        return f"Inputs are made of the environment's state as in {env.observe.__module__}", "", *observe, "", *act

    def remark(self) -> str:
        if not self._env().gymnasium_id:
            return ""
        return f"{self.name}: our own environment of this id, compiled; task.native = false takes Gymnasium's"
