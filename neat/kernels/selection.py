"""Random choices of reproduction: who mates with whom, who represents a species."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

import numpy as np

from genomes.kernels.binding import borrowing, kernel
from genomes.rng import random_bits, uniforms
from neat.kernels.distance import count_above

__all__ = ["CLONE", "ELITE", "MATE", "MATE_ONLY", "draw_mating", "draw_members"]

# Kinds of offspring
ELITE, CLONE, MATE, MATE_ONLY = np.uint8(0), np.uint8(1), np.uint8(2), np.uint8(3)

# Purposes of random numbers
KINDS, PARENTS, REPRESENTATIVES = np.uint32(100), np.uint32(101), np.uint32(102)

FIRST_DRAW = np.int64(0)
SHIFT_32 = np.uint64(32)


def below(bits, count):
    """A whole number in [0, count) from a random uint32 word."""
    return np.int64((np.uint64(bits) * np.uint64(count)) >> SHIFT_32)


def other_species(bits, species, fertile):
    """Position among the ``fertile`` species of a random one that is not ``species``."""
    pick = below(bits, len(fertile) - 1)
    return pick if fertile[pick] < species else pick + 1


def owner(start, element):
    """The row that has this element, where rows begin at the ascending ``start``."""
    return len(start) - 1 - count_above(element, 0, len(start), start)


@borrowing
def draw_mating(
    j, scratch, ranked, species, fertile, fitness, genes, mutate_only, mate_only, mate_averaging, interspecies,
    shorter, seed, generation, kind, first, second, equal, average
):  # fmt: skip
    """Kind and parents of offspring ``j``.

    ``species`` are its first offspring, its first member in ``ranked`` (best first), how many of them reproduce and how
    many are copied, of each species [S]. ``fertile`` are the species, ascending, that have a survivor.
    """
    offspring_start, member_start, survivors, elites = species
    s = owner(offspring_start, j)
    rank = j - offspring_start[s]
    members = member_start[s]
    if rank < elites[s]:
        equal[j] = False
        average[j] = False
        kind[j] = ELITE
        first[j] = second[j] = ranked[members + rank]
        return
    chance_alone, chance_only, chance_average, chance_other = uniforms(seed, generation, KINDS, j, FIRST_DRAW)
    bits_first, bits_second, bits_other, _ = random_bits(seed, generation, PARENTS, j, FIRST_DRAW)
    a = ranked[members + below(bits_first, survivors[s])]
    b = ranked[members + below(bits_second, survivors[s])]
    if chance_other < interspecies and len(fertile) > 1:
        b = ranked[member_start[fertile[other_species(bits_other, s, fertile)]]]
    alone = chance_alone < mutate_only or a == b
    equal[j] = not alone and fitness[a] == fitness[b]
    average[j] = not alone and chance_average < mate_averaging
    if alone:
        kind[j] = CLONE
        b = a
    else:
        kind[j] = MATE_ONLY if chance_only < mate_only else MATE
        if fitness[b] > fitness[a] or (equal[j] and shorter and genes[b] < genes[a]):
            a, b = b, a
    first[j], second[j] = a, b


@kernel
def draw_members(begin, end, member_start, seed, generation, place):
    """The place in rank of a random member of each species."""
    for s in range(begin, end):
        bits, _, _, _ = random_bits(seed, generation, REPRESENTATIVES, s, FIRST_DRAW)
        place[s] = member_start[s] + below(bits, member_start[s + 1] - member_start[s])
