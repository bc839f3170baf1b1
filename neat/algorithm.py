"""NEAT by ask and tell (Stanley & Miikkulainen 2002)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genomes.evaluation import Evaluation
from genomes.population import Genome, Population
from neat.breeding import breed
from neat.initial import first_generation
from neat.novelty import selection_scores
from neat.params import NEATParams, ParameterError
from neat.report import GenerationReport
from neat.reproduction import Ranking, distribute, draw_matings, representatives, to_maximise
from neat.speciation import adapt_threshold, speciate
from neat.state import Arrays, Scalars, State

__all__ = ["NEAT"]


class NEAT:
    """Evolves networks for a task: ``ask`` for a population, evaluate it, ``tell`` how it fared, again and again.

    Parameters
    ----------
    num_inputs, num_outputs : of the task; a constant input is appended where ``params.bias_input`` is set.
    seed : 0 .. 2**64 - 1, decides the whole run.
    maximize : whether higher fitness is better.
    episodes_change : fitness of one genome differs between generations, so stagnation is judged by means of five.
    initial : the first generation is this genome and variations of it; None: as ``params.initial`` says.
    device : where genomes are, and evolve: ``"cpu"`` or ``"cuda"``. It changes no bit of them.
    """

    report: GenerationReport | None = None  # of the last generation that was told of

    def __init__(
        self,
        params: NEATParams,
        num_inputs: int,
        num_outputs: int,
        seed: int = 1,
        *,
        maximize: bool = True,
        episodes_change: bool = False,
        initial: Genome | None = None,
        device: str = "cpu",
    ) -> None:
        if not 0 <= seed < 2**64:
            raise ValueError(f"seed must be between 0 and 2**64 - 1, got {seed}")
        if not (maximize or params.allow_negative_fitness):
            raise ParameterError("allow_negative_fitness", False, "must be true here: fitness is minimised")
        self.params, self.maximize, self.episodes_change, self._initial = params, maximize, episodes_change, initial
        population = first_generation(params, num_inputs, num_outputs, seed, 0, initial)
        self.device, self._asked = device, False
        self._state = State.first(population, params, seed).to(device)

    @property
    def generation(self) -> int:
        """Index, from 0, of the generation that ``ask`` gives."""
        return self._state.generation

    @property
    def done(self) -> bool:
        """Whether the run cannot go on: it is extinct, and ``params.extinction`` is ``"stop"``."""
        return self._state.done

    def ask(self) -> Population:
        """The P genomes to evaluate, elites included; RuntimeError out of order, or when the run is done."""
        if self.done:
            raise RuntimeError("the run is over: no species may reproduce (extinction = stop)")
        if self._asked:
            raise RuntimeError("ask() was called twice: tell() the evaluation of the last population first")
        self._asked = True
        return self._state.population

    def tell(self, evaluation: Evaluation, population: Population | None = None) -> None:
        """Breed the next generation, given the evaluation of the population that ``ask`` gave. Where these genomes
        learnt, ``population`` is they with the weights that they learnt, to be inherited (Lamarck).

        Raises
        ------
        RuntimeError : there is no population to tell of.
        ValueError : another length, other genomes, no behaviour, or negative fitness where that is not allowed.
        """
        fitness, state = self.check(evaluation), self._state.learnt(population)
        species_of, founders = speciate(state.population, state.representatives, self.params, state.threshold)
        scores = selection_scores(fitness, evaluation, state, self.params)
        species_of = state.renew_species(species_of, len(founders))
        ranking = Ranking.of(scores, species_of, len(state.species), self.device)
        refocused = state.judge(ranking, self.params, self.episodes_change)
        offspring = distribute(ranking, state.stagnation, refocused, self.params)
        outcome = (state, ranking, offspring, fitness)
        self.report = GenerationReport.of(*outcome, refocused=refocused, maximize=self.maximize)
        if self.report.extinct:
            self._end_or_restart()
        else:
            self._reproduce(ranking, offspring)
        self._asked = False

    def check(self, evaluation: Evaluation) -> Any:
        """Raise what ``tell`` would; else fitness [P] to be maximised, -inf where failed, where the genomes are."""
        if not self._asked:
            raise RuntimeError("tell() was called without ask(): there is no population to tell of")
        if len(evaluation) != len(self._state.population):
            raise ValueError(f"the evaluation is of {len(evaluation)} genomes, asked for {len(self._state.population)}")
        return to_maximise(evaluation, self.maximize, self.params.allow_negative_fitness, self.device)

    def _reproduce(self, ranking: Ranking, offspring: NDArray[np.int64]) -> None:
        """Replace the population by its offspring; species without any die."""
        state, params = self._state, self._state.phase.effective(self.params)
        key, parents = (state.seed, state.generation), state.population
        matings = draw_matings(ranking, offspring, parents.sizes, params, key)
        alive = offspring > 0
        state.representatives = parents.select(representatives(ranking, alive, params.representative, key))
        state.population = breed(parents, matings, params, state.innovations, *key)
        state.threshold = adapt_threshold(state.threshold, len(state.species), params)
        state.species = state.species.select(alive)
        state.generation += 1

    def _end_or_restart(self) -> None:
        state, params, old, generation = self._state, self.params, self._state.population, self.generation + 1
        state.done = params.extinction == "stop"
        if state.done:
            return
        population = first_generation(params, old.task_inputs, old.num_outputs, state.seed, generation, self._initial)
        self._state = State.first(population, params, state.seed, generation, state.next_species).to(self.device)

    def state_dict(self) -> tuple[Arrays, Scalars]:
        """Everything that ``restore`` needs to go on bit for bit: arrays by name, and values that JSON can hold."""
        return self._state.to_arrays()

    @classmethod
    def restore(
        cls,
        params: NEATParams,
        arrays: Mapping[str, NDArray[Any]],
        scalars: Mapping[str, Any],
        *,
        maximize: bool = True,
        episodes_change: bool = False,
        initial: Genome | None = None,
        device: str = "cpu",
    ) -> NEAT:
        """The algorithm as it was when ``state_dict`` gave these; a ValueError of one line if it never did. They may
        come from anywhere: all that kernels rely on is checked."""
        self = cls.__new__(cls)
        self.params, self.maximize, self.episodes_change, self._initial = params, maximize, episodes_change, initial
        self._state, self._asked, self.device = State.from_arrays(arrays, scalars, params).to(device), False, device
        return self
