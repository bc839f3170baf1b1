"""Which genome belongs to which species, on the GPU: what `neat.speciation` does there."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from genomes.backend import arrays, numbers, simulated, to_host
from genomes.each import each
from genomes.kernels.each_cuda import rounded_product
from genomes.population import Population
from neat.kernels import distance as kernels
from neat.kernels.distance import ABSENT, LANES, NO_SPECIES
from neat.kernels.distance_cuda import found
from neat.params import NEATParams
from neat.speciation import rule_of

__all__ = ["speciate_on_device"]

_WINDOW, _THREADS = 1024, 256  # genomes that one block looks through for founders
_SIMULATED_WINDOW, _SIMULATED_THREADS = 6, 3


def speciate_on_device(
    population: Population, representatives: Population | None, params: NEATParams, threshold: float
) -> tuple[Any, NDArray[np.int64]]:
    """`neat.speciation.speciate`; the species stay on the device."""
    work = _Assignment(population, representatives, params, threshold)
    count = 0
    if representatives is not None:
        for first in range(0, len(representatives), LANES):
            work.join(representatives, first, first)
        count = len(representatives)
    founders: list[NDArray[np.int64]] = []
    while len(pending := work.pending()):
        new = work.found(pending, count)
        work.join(population.select(new), 0, count)
        founders.append(to_host(new))
        count += len(new)
    return work.species, np.concatenate(founders) if founders else np.empty(0, np.int64)


class _Assignment:
    """The species of all genomes, NO_SPECIES where none has taken it yet, and the arrays that the kernels share."""

    def __init__(
        self, population: Population, representatives: Population | None, params: NEATParams, threshold: float
    ) -> None:
        xp, of_all = arrays(), [population] if representatives is None else [population, representatives]
        last = [owner.innovation.max() for owner in of_all if len(owner.innovation)]
        links = xp.diff(population.conn_start).max()
        self.most_links, *last = numbers(links, *last)
        self.innovations = max(last, default=0) + 1  # all numbers are below
        self.genes = (population.conn_start, population.innovation, population.weight)
        self.rule = rule_of(params, threshold)
        self.species = xp.full(len(population), NO_SPECIES, np.int32)

    def pending(self) -> Any:
        """Genomes without a species, in order."""
        return arrays().flatnonzero(self.species == NO_SPECIES)

    def join(self, owner: Population, first: int, first_species: int) -> None:
        """Genomes that are near enough to one of at most LANES of ``owner``'s, from ``first`` on, join its species."""
        xp, last = arrays(), min(first + LANES, len(owner))
        begin, end = numbers(owner.conn_start[first], owner.conn_start[last])
        innovation, weight = owner.innovation[begin:end], owner.weight[begin:end]
        lane = xp.searchsorted(owner.conn_start[first + 1 : last + 1], xp.arange(begin, end), side="right")
        used = xp.zeros(self.innovations, np.int32)
        used[innovation] = 1
        row_of = used * xp.cumsum(used, dtype=np.int32)
        table = xp.full((end - begin + 1, LANES), ABSENT, np.float32)
        table[row_of[innovation], lane] = weight
        chosen = xp.arange(first, last, dtype=np.int64)
        representatives = (chosen, owner.conn_start, owner.innovation, row_of, table)
        each(
            "cuda", kernels.join, len(self.species), *self.genes, *representatives, *self.rule,
            np.int32(first_species), self.species, scratch=kernels.distance_scratch, bindings={"VECTOR": 1},
        )  # fmt: skip

    def found(self, pending: Any, first_species: int) -> Any:
        """New species, founded by the first pending genomes, which join them; the founders, at most LANES."""
        xp = arrays()
        window, threads = (_SIMULATED_WINDOW, _SIMULATED_THREADS) if simulated() else (_WINDOW, _THREADS)
        candidates = pending[:window]
        lane, founders = xp.full(len(candidates), NO_SPECIES, np.int32), xp.empty(LANES, np.int64)
        row_of, count = xp.zeros(self.innovations, np.int32), xp.zeros(1, np.int64)
        table, sums = xp.full((self.most_links + 1, 1), ABSENT, np.float32), xp.empty((2, threads), np.float32)
        bindings = {"VECTOR": 1} if simulated() else {"VECTOR": 1, "times": rounded_product}
        found.bind(**bindings).launch(
            1, threads, 0, candidates, *self.genes, row_of, table, sums, *self.rule, lane, founders, count
        )
        self.species[candidates] = xp.where(lane == NO_SPECIES, lane, lane + np.int32(first_species))
        return founders[: numbers(count[0])[0]]
