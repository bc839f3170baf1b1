"""What all task settings share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neat.params import parameter

if TYPE_CHECKING:
    from envs.gym.judge import Score
    from envs.task import Task
    from genomes.network import Network

__all__ = ["Stage", "TaskSettings"]


@dataclass(frozen=True, eq=False)
class Stage:
    """A Gymnasium environment that draws itself, and how a network plays it (see `envs.gym.judge.play`)."""

    env: Any
    act: Callable[..., Any]
    observe: Callable[[Any], Any] | None = None


@dataclass(frozen=True)
class TaskSettings:
    """What all tasks share."""

    name: str = parameter("xor", 'a built-in task, an environment, or "module:NAME"', "own")

    def load(self, folder: Path) -> None:
        """Import what the task needs from the user's ``folder``."""

    def check(self) -> None:
        """`BadInput` when the task cannot be made; what can go wrong is found before there is a run folder."""

    def suggest(self) -> dict[str, dict[str, Any]]:
        """Settings, by section and key, for a run that is given nothing but the task's name."""
        return {}

    def remark(self) -> str:
        """What such a run should say of the task, else empty."""
        return ""

    def make(self, on_error: str) -> Task:
        """The task."""
        raise NotImplementedError

    def final_test(self, network: Network, episodes: int, seed: int) -> Score | None:
        """The champion on fresh episodes of the real environment; None where there is no environment."""
        return None

    def stage(self, render_mode: str) -> Stage | None:
        """The environment to watch a champion in; None where there is none that can be drawn."""
        return None
