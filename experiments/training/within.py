"""Inside NEAT: every n generations the weights of the best genomes are tuned by a method (memetic search).

Lamarckian: the genomes keep what was found; Baldwinian: only their fitness shows it. Nothing is kept from one tuning to
the next, and each is a function of (seed, generation, genome): a resumed run is the same run.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from experiments.champion import better
from experiments.errors import BadInput
from genomes.evaluation import Evaluation
from genomes.networks import Networks, compile_population
from genomes.population import Population
from neat.params import NEATParams, ParameterError, checked, parameter

if TYPE_CHECKING:
    from envs.task import Key, Task
    from neat.weights.method import Method

__all__ = ["Tuned", "Tuner", "WeightSettings"]

SEED = 720  # purpose of random numbers: the seed of each tuning


@dataclass(frozen=True)
class WeightSettings:
    """The section [weights]: a method that tunes the best genomes of some generations."""

    method: str = parameter("", "of neat.weights, such as cma-es; empty: none", "own")
    every: int = parameter(5, "generations from one tuning to the next; the first is that many in", "own", low=1)
    best: int = parameter(5, "genomes that are tuned: the fittest", "own", low=1)
    evaluations: int = parameter(100, "of each of them, in whole generations of the method", "own", low=1)
    write_back: str = parameter(
        "lamarckian", "whether the genome keeps the weights that were found, or only the fitness shows them", "own",
        choices=("lamarckian", "baldwinian"),
    )  # fmt: skip
    settings: dict[str, Any] = field(
        default_factory=dict, metadata={"doc": "of the method", "low": None, "high": None, "choices": None}
    )

    def __post_init__(self) -> None:
        for one in dataclasses.fields(self):
            object.__setattr__(self, one.name, checked(one, getattr(self, one.name)))
        if not self.method:
            return
        from neat.weights.registry import method_class, method_params

        try:
            kind = method_class(self.method)
        except ValueError as error:
            raise ParameterError("method", self.method, str(error)) from None
        try:
            method_params(kind, self.settings)
        except ParameterError as error:
            raise ParameterError(f"settings.{error.key}", error.value, error.requirement) from None
        except ValueError as error:
            raise ParameterError("settings", self.settings, str(error)) from None

    def tuner(self, task: Task, params: NEATParams, device: str = "cpu") -> Tuner | None:
        """What tunes, if anything does; `ParameterError` where the method does not fit the task."""
        return Tuner(self, task, params, device) if self.method else None


@dataclass(frozen=True, eq=False)
class Tuned:
    """A generation after tuning."""

    population: Population  # as it was judged
    evaluation: Evaluation
    evaluations: int  # that it took


class Tuner:
    """Tunes the best genomes of a generation, each on the rows or episodes that the whole generation was judged on.

    A genome takes the best of all candidates, where that is better than itself.
    """

    def __init__(self, settings: WeightSettings, task: Task, params: NEATParams, device: str = "cpu") -> None:
        from experiments.training.graph import supplies
        from experiments.training.problem import what_is_missing
        from neat.weights.registry import method_class

        self.settings, self.task, self.params, self.device = settings, task, params, device
        self._needs = method_class(settings.method).needs
        missing = what_is_missing(settings.method, supplies(task, params.mode != "feedforward"), "the task")
        if missing:
            raise ParameterError("method", settings.method, missing)

    @property
    def lamarckian(self) -> bool:
        """Whether genomes keep the weights that were found."""
        return self.settings.write_back == "lamarckian"

    @property
    def budget(self) -> int:
        """Evaluations of one tuning."""
        return self.settings.best * (self.settings.evaluations + 1)

    def due(self, generation: int) -> bool:
        """Whether this generation is one that is tuned."""
        return (generation + 1) % self.settings.every == 0

    def __call__(self, population: Population, evaluation: Evaluation, key: Key) -> Tuned:
        """The generation with its best tuned, and their evaluations brought up to date."""
        sign = 1.0 if self.task.maximize else -1.0
        order = np.argsort(np.where(evaluation.failed, np.inf, -sign * evaluation.fitness), kind="stable")
        chosen = order[: min(self.settings.best, int((~evaluation.failed).sum()))]
        weight, bias, spent = population.weight.copy(), population.bias.copy(), 0
        tuned = dataclasses.replace(population, weight=weight, bias=bias)
        changed = []
        for p in chosen:
            try:
                found, count = self._tune(population, int(p), float(evaluation.fitness[p]), key)
            except BadInput:  # more weights than the method can
                if key[1] < self.settings.every:  # from the beginning; a genome that has grown so far is left as it is
                    raise
                continue
            spent += count
            if found is not None:
                conns, nodes = (
                    slice(start[p], start[p + 1]) for start in (population.conn_start, population.node_start)
                )
                weight[conns], bias[nodes] = found
                changed.append(int(p))
        if not changed:
            return Tuned(population, evaluation, spent)
        again = self.task.evaluate(self._compile(tuned.select(changed)), key)
        return Tuned(tuned, _merged(evaluation, again, np.array(changed)), spent + len(changed))

    def _tune(
        self, population: Population, p: int, fitness: float, key: Key
    ) -> tuple[tuple[NDArray[np.float32], NDArray[np.float32]] | None, int]:
        """Weights and biases of a genome's genes that are better than its own, if found; and the evaluations."""
        from experiments.training.graph import GraphProblem, topology_of
        from experiments.training.loop import generation
        from experiments.training.problem import make_method
        from neat.weights.method import SearchError

        try:
            topology = topology_of(population.genome(p), self.params, self.device)
        except ValueError:  # without weights
            return None, 0
        problem = GraphProblem(topology, self.task)
        if self._needs not in problem.supplies:  # an activation without a derivative
            return None, 0
        method: Method[Any, Any] = make_method(self.settings.method, problem, self.settings.settings, _seed(key, p))
        spent, found = 0, None
        while spent < self.settings.evaluations:
            try:
                leader, value, count = generation(problem, method, key)
            except SearchError:
                break
            spent += count
            if better(value, fitness, self.task.maximize):
                fitness, found = value, leader
        if found is None:
            return None, spent
        genome = topology.genome(found)
        return (genome.weight, genome.bias), spent

    def _compile(self, population: Population) -> Networks:
        return compile_population(population, device=self.device, **self.params.computing)


def _seed(key: Key, p: int) -> int:
    """Of the tuning of genome p."""
    return int(np.random.SeedSequence([*key, SEED, p]).generate_state(1, np.uint64)[0])


def _merged(evaluation: Evaluation, again: Evaluation, rows: NDArray[np.int64]) -> Evaluation:
    """The evaluation, of these genomes the second one."""
    merged = {name: getattr(evaluation, name).copy() for name in ("fitness", "failed", "steps")}
    for name, values in merged.items():
        values[rows] = getattr(again, name)
    merged["steps"][rows] += evaluation.steps[rows]
    extras = {name: values.copy() for name, values in evaluation.extras.items()}
    for name, values in extras.items():
        values[rows] = again.extras[name]
    return Evaluation(**merged, extras=extras)
