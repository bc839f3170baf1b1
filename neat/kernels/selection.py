"""Random choices of reproduction: who mates with whom, who represents a species."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

import numpy as np

from genomes.kernels.binding import kernel
from genomes.rng import random_bits, uniforms

__all__ = ["CLONE", "ELITE", "MATE", "MATE_ONLY", "draw_matings", "draw_members"]

# Kinds of offspring
ELITE, CLONE, MATE, MATE_ONLY = np.uint8(0), np.uint8(1), np.uint8(2), np.uint8(3)

# Purposes of random numbers
KINDS, PARENTS, REPRESENTATIVES = 100, 101, 102

SHIFT_32 = np.uint64(32)


def below(bits, count):
    """A whole number in [0, count) from a random uint32 word."""
    return np.int64((np.uint64(bits) * np.uint64(count)) >> SHIFT_32)


def other_species(bits, species, fertile):
    """Position among the ``fertile`` species of a random one that is not ``species``."""
    pick = below(bits, len(fertile) - 1)
    return pick if fertile[pick] < species else pick + 1


@kernel
def draw_matings(
    begin, end, species_of_offspring, offspring_start, ranked, member_start, survivors, elites, fertile, fitness, genes,
    mutate_only, mate_only, mate_averaging, interspecies, shorter, seed, generation, kind, first, second, equal, average
):  # fmt: skip
    """Kind and parents of each offspring.

    ``ranked[member_start[s]:member_start[s + 1]]`` are the members of species s, best first; the first ``survivors[s]``
    reproduce, the first ``elites[s]`` are copied. ``fertile`` are the species, ascending, that have a survivor.
    """
    for j in range(begin, end):
        s = species_of_offspring[j]
        rank = j - offspring_start[s]
        members = member_start[s]
        equal[j] = False
        average[j] = False
        if rank < elites[s]:
            kind[j] = ELITE
            first[j] = second[j] = ranked[members + rank]
            continue
        chance_alone, chance_only, chance_average, chance_other = uniforms(seed, generation, KINDS, j, 0)
        bits_first, bits_second, bits_other, _ = random_bits(seed, generation, PARENTS, j, 0)
        a = ranked[members + below(bits_first, survivors[s])]
        b = ranked[members + below(bits_second, survivors[s])]
        if chance_other < interspecies and len(fertile) > 1:
            b = ranked[member_start[fertile[other_species(bits_other, s, fertile)]]]
        if chance_alone < mutate_only or a == b:
            kind[j] = CLONE
            first[j] = second[j] = a
            continue
        kind[j] = MATE_ONLY if chance_only < mate_only else MATE
        average[j] = chance_average < mate_averaging
        equal[j] = fitness[a] == fitness[b]
        if fitness[b] > fitness[a] or (equal[j] and shorter and genes[b] < genes[a]):
            a, b = b, a
        first[j], second[j] = a, b


@kernel
def draw_members(begin, end, ranked, member_start, seed, generation, member):
    """A random member of each species."""
    for s in range(begin, end):
        bits, _, _, _ = random_bits(seed, generation, REPRESENTATIVES, s, 0)
        member[s] = ranked[member_start[s] + below(bits, member_start[s + 1] - member_start[s])]
