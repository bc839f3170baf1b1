"""Who reproduces, how often, and with whom (paper, section 3.3).

Read `shares` (explicit fitness sharing), `allot` (offspring of each species), `distribute`, then `draw_matings`.
Fitness is maximised here; a failed genome has fitness -inf.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genomes.backend import to_device, to_host
from genomes.kernels.parallel import parallel_for
from neat.kernels import selection
from neat.kernels.selection import CLONE, ELITE, MATE, MATE_ONLY
from neat.params import NEATParams

__all__ = [
    "CLONE",
    "ELITE",
    "MATE",
    "MATE_ONLY",
    "Matings",
    "Ranking",
    "allot",
    "best_species",
    "distribute",
    "draw_matings",
    "may_reproduce",
    "representatives",
    "require_not_negative",
    "shares",
]

GRAIN = 2048  # least offspring worth a thread


@dataclass(frozen=True, eq=False)
class Matings:
    """Parents and kind of P' offspring."""

    kind: NDArray[np.uint8]  # [P'] ELITE, CLONE, MATE or MATE_ONLY
    first: NDArray[np.int64]  # [P'] the fitter parent, or the only one
    second: NDArray[np.int64]  # [P'] the other parent; the first again for ELITE and CLONE
    equal: NDArray[np.bool_]  # [P'] both are equally fit
    average: NDArray[np.bool_]  # [P'] matching weights are averaged, else picked at random

    def __len__(self) -> int:
        return len(self.kind)

    def to(self, device: str) -> Matings:
        """The same in the memory of "cpu" or "cuda"."""
        move = to_device if device == "cuda" else to_host
        return Matings(*(move(getattr(self, field.name)) for field in dataclasses.fields(self)))


@dataclass(frozen=True, eq=False)
class Ranking:
    """P genomes by species and, within a species, best first; ties by index."""

    fitness: NDArray[np.float64]  # [P] -inf where failed
    species: NDArray[np.int32]  # [P] 0..S-1
    genomes: NDArray[np.int64]  # [P] in order of rank
    start: NDArray[np.int64]  # [S+1] species s has genomes[start[s]:start[s+1]]
    sound: NDArray[np.int64]  # [S] members that have not failed

    @classmethod
    def of(cls, fitness: NDArray[np.float64], species: NDArray[np.int32]) -> Ranking:
        """Rank ``fitness`` [P] within ``species`` [P], of which none is empty."""
        by_fitness = np.argsort(-fitness, kind="stable")
        genomes = by_fitness[np.argsort(species[by_fitness], kind="stable")]
        sizes = np.bincount(species)
        sound = np.bincount(species, weights=fitness > -np.inf).astype(np.int64)
        return cls(fitness, species, genomes, np.concatenate(([0], np.cumsum(sizes))), sound)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """[S] members of each species."""
        return np.diff(self.start)

    @property
    def champions(self) -> NDArray[np.int64]:
        """[S] best genome of each species."""
        champions: NDArray[np.int64] = self.genomes[self.start[:-1]]
        return champions

    @property
    def best(self) -> NDArray[np.float64]:
        """[S] best fitness of each species."""
        return self.fitness[self.champions]


def require_not_negative(fitness: NDArray[np.float64]) -> None:
    """`ValueError` where a fitness [P] is negative, which cannot be shared in proportion."""
    if (fitness < 0).any():
        worst = int(np.nanargmin(fitness))
        raise ValueError(
            f"fitness {fitness[worst]:g} of genome {worst} is negative: species share in proportion to fitness "
            f"(allow_negative_fitness = false, as in the preset neat-2002, which cannot minimise)"
        )


def shares(ranking: Ranking, allow_negative: bool) -> NDArray[np.float64]:
    """Summed shared fitness of each species [S]: the mean fitness of its members, failed ones counting as worst.

    Fitness counts from the worst finite value of the generation, so that adding a constant changes nothing; without
    ``allow_negative`` from 0, as in the paper.
    """
    sound = ranking.fitness > -np.inf
    worst = ranking.fitness[sound].min(initial=np.inf) if allow_negative else 0.0
    # Scaled down first: differences and sums of huge values may not be finite.
    scale = 0.5 / len(sound)
    above = np.where(sound, scale * ranking.fitness - scale * worst, 0.0)
    return np.bincount(ranking.species, weights=above) / ranking.sizes


def may_reproduce(ranking: Ranking, stagnation: NDArray[np.int64], params: NEATParams) -> NDArray[np.bool_]:
    """Which species [S] may reproduce: those that improved lately (``stagnation`` [S] counts generations since), and
    the best ``species_elitism``; never one whose members all failed."""
    allowed = stagnation < params.max_stagnation
    allowed[best_species(ranking, params.species_elitism)] = True
    return allowed & (ranking.sound > 0)


def best_species(ranking: Ranking, count: int) -> NDArray[np.int64]:
    """The ``count`` species of highest best fitness; ties by age."""
    return np.argsort(-ranking.best, kind="stable")[:count]


def allot(
    share: NDArray[np.float64], allowed: NDArray[np.bool_], protected: NDArray[np.int64], total: int
) -> NDArray[np.int64]:
    """Offspring of each species [S], which sum to ``total``; none where nobody is allowed.

    In proportion to the shares of those ``allowed`` (equal shares where these are all 0), by largest remainder, ties by
    age. A ``protected`` species gets at least one.
    """
    if not allowed.any():
        return np.zeros(len(share), np.int64)
    weight = np.where(allowed, share, 0.0)
    if not weight.any():
        weight = allowed.astype(np.float64)
    quota = weight / weight.sum() * total
    offspring: NDArray[np.int64] = np.floor(quota).astype(np.int64)
    remainder = np.where(weight > 0.0, quota - offspring, -1.0)
    offspring[np.argsort(-remainder, kind="stable")[: total - offspring.sum()]] += 1
    needy = protected[:total]
    needy = needy[allowed[needy]]
    for s in needy[offspring[needy] == 0]:
        spare = offspring.copy()
        spare[needy] -= 1
        offspring[np.argmax(spare)] -= 1
        offspring[s] = 1
    return offspring


def distribute(
    ranking: Ranking, stagnation: NDArray[np.int64], refocused: bool, params: NEATParams
) -> NDArray[np.int64]:
    """Offspring [S] of each species in the next generation; none at all when no species may reproduce.

    Parameters
    ----------
    stagnation : [S] generations since each species improved.
    refocused : only the two best species reproduce.
    """
    allowed = may_reproduce(ranking, stagnation, params)
    if refocused:
        allowed &= np.isin(np.arange(len(allowed)), best_species(ranking, 2))
    protected = best_species(ranking, params.species_elitism)
    return allot(shares(ranking, params.allow_negative_fitness), allowed, protected, params.population)


def draw_matings(
    ranking: Ranking, offspring: NDArray[np.int64], genes: NDArray[np.int64], params: NEATParams, key: tuple[int, int]
) -> Matings:
    """Draw the parents of all offspring, species by species; the elites of a species come first.

    Parameters
    ----------
    offspring : [S] of each species.
    genes : [P] connection genes of each genome: where ``equal_fitness_genes`` is ``"shorter"``, the shorter of two
        equally fit parents counts as the fitter.
    key : seed and generation.
    """
    sizes = ranking.sizes
    survivors = np.minimum((params.survival_threshold * sizes).astype(np.int64) + 1, ranking.sound)
    elites = np.where(sizes >= params.elite_min_species_size, params.elitism, 0)
    elites = np.minimum(np.minimum(elites, offspring), ranking.sound)
    total = int(offspring.sum())
    matings = Matings(
        np.empty(total, np.uint8),
        np.empty(total, np.int64),
        np.empty(total, np.int64),
        np.empty(total, np.bool_),
        np.empty(total, np.bool_),
    )
    parallel_for(
        selection.draw_matings,
        total,
        np.repeat(np.arange(len(offspring)), offspring),
        np.cumsum(offspring) - offspring,
        ranking.genomes,
        ranking.start,
        survivors,
        elites,
        np.flatnonzero(survivors),
        ranking.fitness,
        genes,
        np.float32(params.mutate_only),
        np.float32(params.mate_only),
        np.float32(params.mate_averaging),
        np.float32(params.interspecies_mating),
        params.equal_fitness_genes == "shorter",
        np.uint64(key[0]),
        key[1],
        matings.kind,
        matings.first,
        matings.second,
        matings.equal,
        matings.average,
        grain=GRAIN,
    )
    return matings


def representatives(ranking: Ranking, rule: str, key: tuple[int, int]) -> NDArray[np.int64]:
    """The genome [S] that the next generation's genomes are compared with: a random member, or the champion."""
    if rule == "champion":
        return ranking.champions
    member = np.empty(len(ranking.start) - 1, np.int64)
    parallel_for(
        selection.draw_members,
        len(member),
        ranking.genomes,
        ranking.start,
        np.uint64(key[0]),
        key[1],
        member,
        grain=GRAIN,
    )
    return member
