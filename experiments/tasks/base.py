"""What all task settings share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from neat.params import NEATParams, ParameterError, parameter

if TYPE_CHECKING:
    from envs.task import Task
    from experiments.learning import Learning
    from genomes.network import Network
    from genomes.population import Genome
    from genomes.scaling import Scaling

__all__ = ["NamedTask", "Stage", "TaskSettings"]


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

    test_unsolved: ClassVar[bool] = False  # the champion of a run that is not solved is tested, too

    @classmethod
    def explain(cls, key: str) -> str:
        """Where a key is known that these settings lack, else empty."""
        return ""

    def load(self, folder: Path, trust: bool | None) -> None:
        """Import what the task needs from the user's ``folder``.

        Parameters
        ----------
        trust : False: only code below the current folder or installed may run (see `experiments.trust`); True: any;
            None: no code runs, and the task can be described but not made.
        """

    @property
    def behaves(self) -> bool:
        """Whether the task says how networks behave, which novelty search goes by."""
        return False

    def adapt(self, neat: NEATParams) -> NEATParams:
        """The parameters that suit the task; `ParameterError` where they cannot."""
        if neat.selection == "novelty" and not self.behaves:
            requirement = "needs a task that says how networks behave, as the mazes do; this one does not"
            raise ParameterError("selection", neat.selection, requirement)
        return neat

    def prepare(self) -> None:
        """Find what is wrong with the task before a run folder is made."""

    def suggest(self) -> dict[str, dict[str, Any]]:
        """Settings, by section and key, for a run that is given nothing but the task's name."""
        return {}

    def meaning(self) -> tuple[str, ...]:
        """What the inputs and outputs of a champion are, a line each, for whoever takes it away."""
        return ()

    def remark(self) -> str:
        """What such a run should say of the task, else empty."""
        return ""

    def pinned(self) -> Self:
        """The same settings for config.toml, which also tell what they rest on outside of it (rows of data) from
        something else in its place."""
        return self

    def make(self, on_error: str) -> Task:
        """The task."""
        raise NotImplementedError

    def learning(self) -> Learning | None:
        """What networks learn before they are judged."""
        return None

    def deliver(self, champion: Genome, scaling: Scaling | None) -> tuple[Genome, Scaling | None]:
        """What champion.json holds: the champion and how its inputs are scaled, given that of its generation."""
        return champion, scaling

    def accept(self, delivered: Genome) -> Genome:
        """The inverse of `deliver`: the champion as the task judges it."""
        return delivered

    def final_test(self, network: Network, episodes: int, seed: int) -> dict[str, Any] | None:
        """The delivered champion on what it has never met: fresh episodes of the real environment, or the test rows.
        None where there is nothing of the kind."""
        return None

    def stage(self, render_mode: str) -> Stage | None:
        """The environment to watch a champion in; None where there is none that can be drawn."""
        return None


@dataclass(frozen=True)
class NamedTask(TaskSettings):
    """A task that exists in Python only: its run can be recorded and looked at, but not repeated from config.toml."""

    @property
    def behaves(self) -> bool:
        return True  # or not: its evaluations tell
