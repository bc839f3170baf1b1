"""Who reproduces, how often, and with whom (paper, section 3.3).

Read `shares` (explicit fitness sharing), `allot` (offspring of each species), `distribute`, then `draw_matings`.
Fitness is maximised here; a failed genome has fitness -inf.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genomes.backend import arrays_of, moved, to_host
from genomes.each import each
from genomes.evaluation import Evaluation
from genomes.population import offsets
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
    "shares",
    "to_maximise",
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
        return Matings(*(moved(getattr(self, field.name), device) for field in dataclasses.fields(self)))


@dataclass(frozen=True, eq=False)
class Ranking:
    """P genomes by species and, within a species, best first; ties by index.

    What is said of genomes is where they are; what is said of species is in the memory of the host.
    """

    fitness: NDArray[np.float64]  # [P] -inf where failed
    species: NDArray[np.int32]  # [P] 0..S-1
    genomes: NDArray[np.int64]  # [P] in order of rank
    start: NDArray[np.int64]  # [S+1] species s has genomes[start[s]:start[s+1]]
    sound: NDArray[np.int64]  # [S] members that have not failed
    champions: NDArray[np.int64]  # [S] best genome of each species
    best: NDArray[np.float64]  # [S] its fitness
    device: str = "cpu"

    @classmethod
    def of(cls, fitness: Any, species: Any, count: int, device: str = "cpu") -> Ranking:
        """Rank ``fitness`` [P] within ``species`` [P], of which there are ``count``, none of them empty."""
        xp, fitness = arrays_of(device), moved(fitness, device)
        by_fitness = xp.argsort(0.0 - fitness, kind="stable")
        genomes = by_fitness[xp.argsort(species[by_fitness], kind="stable")]
        start = xp.searchsorted(species[genomes], xp.arange(count + 1))
        sound = xp.diff(offsets(fitness[genomes] > -np.inf, xp)[start])
        champions = genomes[start[:-1]]
        best = fitness[champions]
        # All four in one transfer: a device waits for each.
        packed = to_host(xp.concatenate((start, sound, champions, best.view(np.int64))))
        start, sound, champions, bits = np.split(packed, (count + 1, 2 * count + 1, 3 * count + 1))
        return cls(fitness, species, genomes, start, sound, champions, bits.view(np.float64), device)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """[S] members of each species."""
        return np.diff(self.start)

    def sums(self, values: Any) -> NDArray[np.float64]:
        """Sums [S] over the members of each species of ``values`` [P], added up in the order of genomes."""
        if self.device == "cpu":
            return np.bincount(self.species, weights=values, minlength=len(self.best)).astype(np.float64, copy=False)
        from neat.reproduction_cuda import sums_on_device

        return sums_on_device(values, self.species, self.start)


def to_maximise(evaluation: Evaluation, maximize: bool, allow_negative: bool, device: str) -> Any:
    """Fitness [P] to be maximised, -inf where failed, in the memory of a device.

    Raises
    ------
    ValueError : a fitness is negative, which cannot be shared in proportion, and is not allowed.
    """
    fitness = evaluation.fitness if maximize else -evaluation.fitness
    if not allow_negative and (fitness < 0).any():
        fitness = to_host(fitness)
        worst = int(np.nanargmin(fitness))
        raise ValueError(
            f"fitness {fitness[worst]:g} of genome {worst} is negative: species share in proportion to fitness "
            f"(allow_negative_fitness = false, as in the preset neat-2002, which cannot minimise)"
        )
    return arrays_of(device).where(moved(evaluation.failed, device), -np.inf, moved(fitness, device))


def shares(ranking: Ranking, allow_negative: bool) -> NDArray[np.float64]:
    """Summed shared fitness of each species [S]: the mean fitness of its members, failed ones counting as worst.

    Fitness counts from the worst finite value of the generation, so that adding a constant changes nothing; without
    ``allow_negative`` from 0, as in the paper.
    """
    xp, fitness = arrays_of(ranking.device), ranking.fitness
    sound = fitness > -np.inf
    worst = xp.where(sound, fitness, np.inf).min() if allow_negative else 0.0
    # Scaled down first: differences and sums of huge values may not be finite.
    scale = 0.5 / len(sound)
    return ranking.sums(xp.where(sound, scale * fitness - scale * worst, 0.0)) / ranking.sizes


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
    ranking: Ranking, offspring: NDArray[np.int64], genes: Any, params: NEATParams, key: tuple[int, int]
) -> Matings:
    """Draw the parents of all offspring, species by species; the elites of a species come first.

    Parameters
    ----------
    offspring : [S] of each species.
    genes : [P] connection genes of each genome, in the memory of the ranking: where ``equal_fitness_genes`` is
        ``"shorter"``, the shorter of two equally fit parents counts as the fitter.
    key : seed and generation.
    """
    device, sizes, total = ranking.device, ranking.sizes, int(offspring.sum())
    survivors = np.minimum((params.survival_threshold * sizes).astype(np.int64) + 1, ranking.sound)
    elites = np.where(sizes >= params.elite_min_species_size, params.elitism, 0)
    elites = np.minimum(np.minimum(elites, offspring), ranking.sound)
    xp = arrays_of(device)
    species = xp.asarray(np.stack((np.cumsum(offspring) - offspring, ranking.start[:-1], survivors, elites)))
    types = (np.uint8, np.int64, np.int64, np.bool_, np.bool_)
    matings = Matings(*(xp.empty(total, dtype) for dtype in types))
    each(
        device,
        selection.draw_mating,
        total,
        ranking.genomes,
        tuple(species),
        xp.asarray(np.flatnonzero(survivors)),
        ranking.fitness,
        genes,
        np.float32(params.mutate_only),
        np.float32(params.mate_only),
        np.float32(params.mate_averaging),
        np.float32(params.interspecies_mating),
        params.equal_fitness_genes == "shorter",
        np.uint64(key[0]),
        np.uint32(key[1]),
        matings.kind,
        matings.first,
        matings.second,
        matings.equal,
        matings.average,
        grain=GRAIN,
    )
    return matings


def representatives(ranking: Ranking, alive: NDArray[np.bool_], rule: str, key: tuple[int, int]) -> Any:
    """The genomes that the next generation's are compared with, of the species that are ``alive`` [S]: of each a random
    member, or the champion."""
    if rule == "champion":
        return ranking.champions[alive]
    place = np.empty(len(alive), np.int64)
    selection.draw_members(0, len(place), ranking.start, np.uint64(key[0]), np.uint32(key[1]), place)
    return ranking.genomes[arrays_of(ranking.device).asarray(place[alive])]
