"""Settings of the combinatorial problems."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from experiments.tasks.base import TaskSettings
from neat.params import NEATParams, ParameterError, parameter

if TYPE_CHECKING:
    from envs.task import Task

__all__ = ["COMBINATORIAL", "CombinatorialSettings"]

COMBINATORIAL = ("tsp", "knapsack", "scheduling")


@dataclass(frozen=True)
class CombinatorialSettings(TaskSettings):
    """A combinatorial problem, solved by a policy that scores candidates."""

    size: int = parameter(50, "cities, items or jobs of an instance", "own; tsp: Kool et al. 2019", low=3, high=1000)
    instances: int = parameter(20, "random instances of a generation", "own", low=1)
    validation_instances: int = parameter(500, "fresh instances that check a champion", "own", low=1)
    target: float | None = parameter(
        None,
        "score of the check that counts as solved; unset: within 10 % of the mean optimal tour, 0.98 of the best "
        "knapsack, less tardiness than the best dispatching rule",
        "own",
    )

    def adapt(self, neat: NEATParams) -> NEATParams:
        if neat.mode != "feedforward":
            requirement = 'must be "feedforward" for this task: candidates have no order in time'
            raise ParameterError("mode", neat.mode, requirement)
        return super().adapt(neat)

    def make(self, on_error: str) -> Task:
        from envs.combinatorial import Knapsack, Scheduling, TravellingSalesman

        sizes = (self.size, self.instances, self.validation_instances)
        match self.name:
            case "tsp":
                return TravellingSalesman(*sizes, target=self.target)
            case "knapsack":
                return Knapsack(*sizes, target=0.98 if self.target is None else self.target)
            case _:
                return Scheduling(*sizes, target=1.0 if self.target is None else self.target)
