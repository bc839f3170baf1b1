"""Settings of a native environment."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from experiments.tasks.base import Stage, TaskSettings
from neat.params import parameter

if TYPE_CHECKING:
    from envs.gym.judge import Score
    from envs.task import Task
    from genomes.network import Network

__all__ = ["EnvironmentSettings"]


@dataclass(frozen=True)
class EnvironmentSettings(TaskSettings):
    """A native environment."""

    native: bool = parameter(True, "false: Gymnasium's own environment instead", "own")
    episodes: int = parameter(5, "episodes of each genome in a generation", "own", low=1)
    validation_episodes: int = parameter(100, "fresh episodes that check a champion", "Gymnasium's criterion", low=1)
    target: float | None = parameter(None, "mean return of the check that counts as solved", "own")

    def _env(self) -> Any:
        from envs.native import native_env

        env = native_env(self.name.removeprefix("speciate/"))
        return env if self.target is None else dataclasses.replace(env, target=self.target)

    def make(self, on_error: str) -> Task:
        from envs.control.task import NativeTask

        return NativeTask(self._env(), self.episodes, self.validation_episodes)

    def final_test(self, network: Network, episodes: int, seed: int) -> Score | None:
        from envs.gym import judge

        env = self._env()
        return judge(env.gymnasium_id, network, env.act, episodes, seed) if env.gymnasium_id else None

    def stage(self, render_mode: str) -> Stage | None:
        import gymnasium

        env = self._env()
        if not env.gymnasium_id:
            return None
        return Stage(gymnasium.make(env.gymnasium_id, render_mode=render_mode), env.act)

    def remark(self) -> str:
        return f"{self.name}: our own environment of this id, compiled; task.native = false takes Gymnasium's"
