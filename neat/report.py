"""What became of a generation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genomes.backend import arrays_of, to_host
from neat.reproduction import Ranking
from neat.state import State

__all__ = ["GenerationReport"]


@dataclass(frozen=True, eq=False)
class GenerationReport:
    """An evaluated generation: P genomes in S species, in order of age."""

    generation: int
    species_of: NDArray[np.int32]  # [P] species id
    id: NDArray[np.int32]  # [S] species id
    size: NDArray[np.int64]  # [S] members
    best: NDArray[np.float64]  # [S] fitness (not novelty) as the task states it; NaN where all members failed
    mean: NDArray[np.float64]  # [S] the same of the members that have not failed
    age: NDArray[np.int64]  # [S] generations
    stagnation: NDArray[np.int64]  # [S] generations since the last improvement
    offspring: NDArray[np.int64]  # [S] in the next generation
    threshold: float  # of compatibility, by which this generation was divided
    innovations: int  # distinct connections so far
    refocused: bool  # no record for long: only the two best species reproduce
    extinct: bool  # no species may reproduce
    simplifying: bool  # phase of the next reproduction

    @classmethod
    def of(
        cls,
        state: State,
        ranking: Ranking,
        offspring: NDArray[np.int64],
        fitness: NDArray[np.float64],
        *,
        refocused: bool,
        maximize: bool,
    ) -> GenerationReport:
        """The report of a generation that was speciated and judged, with ``fitness`` [P] to be maximised."""
        species, sign = state.species, 1.0 if maximize else -1.0
        if fitness is not ranking.fitness:
            ranking = Ranking.of(fitness, ranking.species, len(species), ranking.device)
        xp = arrays_of(ranking.device)
        sound = np.where(ranking.sound > 0, ranking.sound, np.nan)
        total = ranking.sums(xp.where(fitness > -np.inf, fitness, 0.0))
        return cls(
            generation=state.generation,
            species_of=species.id[to_host(ranking.species)],
            id=species.id,
            size=ranking.sizes,
            best=np.where(ranking.sound > 0, sign * ranking.best, np.nan),
            mean=sign * total / sound,
            age=state.generation - species.created,
            stagnation=state.generation - species.progress.improved,
            offspring=offspring,
            threshold=state.threshold,
            innovations=len(state.innovations),
            refocused=refocused,
            extinct=not offspring.any(),
            simplifying=state.phase.simplifying,
        )
