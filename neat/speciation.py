"""Which genome belongs to which species (paper, section 3.3).

A genome joins the first species, in order of age, whose representative is nearer than the compatibility threshold;
where there is none it founds one. Genomes are taken in index order, so the outcome is that of doing it one by one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from genomes.kernels.parallel import parallel_for
from genomes.population import Population
from neat.kernels.distance import LANES, NO_SPECIES, assign, fill_table, found
from neat.params import NEATParams

__all__ = ["adapt_threshold", "rule_of", "speciate"]

Indices = NDArray[np.int64]
WINDOW = 256  # genomes that are looked through one by one for founders, before the rest is compared in parallel
GRAIN = 64  # least genomes worth a thread


def speciate(
    population: Population, representatives: Population | None, params: NEATParams, threshold: float
) -> tuple[NDArray[np.int32], Indices]:
    """Assign P genomes to S existing species, in order of age, and to new ones.

    Parameters
    ----------
    representatives : S genomes, one for each existing species; None: there is no species yet.
    threshold : distance from which on a genome is no longer of a species.

    Returns
    -------
    species : [P] int32; 0..S-1 existing species, S and up new ones in order of founding. Where the population is.
    founders : the genome that founded each of the new ones.
    """
    if population.device == "cuda":
        from neat.speciation_cuda import speciate_on_device

        return speciate_on_device(population, representatives, params, threshold)
    work = _Assignment(population, params, threshold)
    count = 0
    if representatives is not None:
        for first in range(0, len(representatives), LANES):
            work.join(representatives, np.arange(first, min(first + LANES, len(representatives))), first)
        count = len(representatives)
    founders: list[Indices] = []
    while len(work.pending):
        founders.append(work.found(count))
        work.join(population, founders[-1], count)
        count += len(founders[-1])
    return work.species, np.concatenate(founders) if founders else np.empty(0, np.int64)


def rule_of(params: NEATParams, threshold: float) -> tuple[Any, ...]:
    """What kernels take: the coefficients, the size of small genomes, the threshold."""
    coefficients = (params.excess_coefficient, params.disjoint_coefficient, params.weight_coefficient)
    return tuple(map(np.float32, coefficients)), np.int64(params.small_genome), np.float32(threshold)


class _Assignment:
    """The genomes that no species has taken yet, and the arrays that the kernels share."""

    def __init__(self, population: Population, params: NEATParams, threshold: float) -> None:
        self.genes = (population.conn_start, population.innovation, population.weight)
        self.rule = rule_of(params, threshold)
        self.last_innovation = _last_innovation(population)
        self.species = np.full(len(population), NO_SPECIES, np.int32)
        self.pending = np.arange(len(population), dtype=np.int64)

    def join(self, owner: Population, chosen: Indices, first_species: int) -> None:
        """Genomes near enough to one of ``owner``'s ``chosen`` genomes join its species."""
        if not len(self.pending):
            return
        genes = (owner.conn_start, owner.innovation, owner.weight)
        last = max(self.last_innovation, _last_innovation(owner))
        row_of, table = _empty_table(last, int((owner.conn_start[chosen + 1] - owner.conn_start[chosen]).sum()))
        fill_table(chosen, *genes, row_of, table)
        lane = np.empty(len(self.pending), np.int32)
        representatives = (chosen, *genes[:2], row_of, table)
        parallel_for(assign, len(lane), self.pending, *self.genes, *representatives, *self.rule, lane, grain=GRAIN)
        self._settle(lane, first_species)

    def found(self, first_species: int) -> Indices:
        """New species, founded by the first pending genomes; takes them and those among them that join."""
        candidates = self.pending[:WINDOW]
        conn_start = self.genes[0]
        genes = np.sort(conn_start[candidates + 1] - conn_start[candidates])[-LANES:].sum()
        row_of, table = _empty_table(self.last_innovation, int(genes))
        lane = np.empty(len(candidates), np.int32)
        founders = np.empty(LANES, np.int64)
        placed, count = found(candidates, *self.genes, row_of, table, *self.rule, lane, founders)
        lane[placed:] = NO_SPECIES
        self._settle(lane, first_species)
        return founders[:count]

    def _settle(self, lane: NDArray[np.int32], first_species: int) -> None:
        """Enter the species of the first pending genomes; those without a lane stay pending."""
        looked_at, rest = self.pending[: len(lane)], self.pending[len(lane) :]
        taken = lane != NO_SPECIES
        self.species[looked_at[taken]] = lane[taken] + np.int32(first_species)
        self.pending = np.concatenate((looked_at[~taken], rest))


def _last_innovation(population: Population) -> int:
    """The highest innovation number: that of some genome's last gene."""
    ends = population.conn_start[1:] - 1
    return int(population.innovation[ends[ends >= 0]].max(initial=-1))


def _empty_table(last_innovation: int, genes: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Row of each innovation number (0: none), and room for so many genes."""
    return np.zeros(last_innovation + 1, np.int32), np.empty((genes + 1, LANES), np.float32)


def adapt_threshold(threshold: float, species: int, params: NEATParams) -> float:
    """The threshold of the next generation, one step nearer to the target number of species.

    A target of more than a tenth of the population would leave species too small to search.
    """
    target = min(params.target_species, max(1, params.population // 10))
    if target == 0 or species == target:
        return threshold
    step = params.threshold_step if species > target else -params.threshold_step
    return max(threshold + step, params.threshold_step)
