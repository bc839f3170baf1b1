"""Compatibility distance of many genomes to a batch of representatives at once.

The representatives' weights lie in a table [row][lane]: a row for each innovation number that any of them has, a lane
for each of them, ABSENT where one lacks the gene. A single pass over a genome's genes then accumulates matching genes
and weight differences for all representatives in vector instructions.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

import numpy as np

from genomes.kernels.binding import borrowing, kernel
from genomes.rng import times

__all__ = ["LANES", "assign", "count_above", "distance_scratch", "fill_table", "found", "join"]

LANES = 32  # representatives in a batch
VECTOR = 16  # lanes are worked on in multiples of this
ABSENT = np.float32(np.inf)  # weight of a gene that a representative lacks
ONE = np.float32(1.0)
ZERO = np.float32(0.0)
TWO = np.float32(2.0)
NO_ROW = np.int32(0)
NO_SPECIES = np.int32(-1)


def add_representative(genome, lane, conn_start, innovation, weight, row_of, table, rows):
    """Write a genome's genes into its lane of the table; returns the number of rows in use. Row 0 stays ABSENT."""
    for e in range(conn_start[genome], conn_start[genome + 1]):
        row = row_of[innovation[e]]
        if row == NO_ROW:
            row = np.int32(rows)
            row_of[innovation[e]] = row
            rows += 1
            for s in range(LANES):
                table[row, s] = ABSENT
        table[row, lane] = weight[e]
    return rows


def count_above(limit, begin, end, values):
    """How many of the ascending ``values[begin:end]`` exceed ``limit``."""
    low, high = begin, end
    while low < high:
        middle = (low + high) // 2
        if values[middle] <= limit:
            low = middle + 1
        else:
            high = middle
    return end - low


def count_excess(begin, end, innovation, other_begin, other_end, other_innovation):
    """Genes of either genome beyond the other's last innovation number."""
    last = innovation[end - 1] if end > begin else np.int32(-1)
    other_last = other_innovation[other_end - 1] if other_end > other_begin else np.int32(-1)
    if last > other_last:
        return count_above(other_last, begin, end, innovation)
    return count_above(last, other_begin, other_end, other_innovation)


def accumulate(begin, end, innovation, weight, row_of, table, lanes, matching, difference):
    """Matching genes and summed weight differences of one genome to every lane.

    Four genes at a time: a lane's sums are read and written once for all four.
    """
    for s in range(lanes):
        matching[s] = ZERO
        difference[s] = ZERO
    for e in range(begin, end, 4):
        row_0, row_1, row_2, row_3 = row_of[innovation[e]], NO_ROW, NO_ROW, NO_ROW
        weight_0, weight_1, weight_2, weight_3 = weight[e], ZERO, ZERO, ZERO
        if e + 1 < end:
            row_1, weight_1 = row_of[innovation[e + 1]], weight[e + 1]
        if e + 2 < end:
            row_2, weight_2 = row_of[innovation[e + 2]], weight[e + 2]
        if e + 3 < end:
            row_3, weight_3 = row_of[innovation[e + 3]], weight[e + 3]
        for s in range(lanes):
            d0, d1 = abs(weight_0 - table[row_0, s]), abs(weight_1 - table[row_1, s])
            d2, d3 = abs(weight_2 - table[row_2, s]), abs(weight_3 - table[row_3, s])
            m0, m1 = ONE if d0 < ABSENT else ZERO, ONE if d1 < ABSENT else ZERO
            m2, m3 = ONE if d2 < ABSENT else ZERO, ONE if d3 < ABSENT else ZERO
            d0, d1 = d0 if d0 < ABSENT else ZERO, d1 if d1 < ABSENT else ZERO
            d2, d3 = d2 if d2 < ABSENT else ZERO, d3 if d3 < ABSENT else ZERO
            matching[s] += (m0 + m1) + (m2 + m3)
            difference[s] += (d0 + d1) + (d2 + d3)


def first_fit(
    begin, end, innovation, weight, representatives, rep_start, rep_innovation, row_of, table, coefficients,
    small_genome, threshold, matching, difference
):  # fmt: skip
    """The first lane whose representative is nearer than the threshold, or NO_SPECIES.

    delta = c1 E / N + c2 D / N + c3 W (paper, equation 1); here c2 (E + D) / N + (c1 - c2) E / N + c3 W, so that
    excess genes need be counted only where the coefficients differ.
    """
    lanes = len(representatives)
    accumulate(
        begin, end, innovation, weight, row_of, table, (lanes + VECTOR - 1) // VECTOR * VECTOR, matching, difference
    )
    c1, c2, c3 = coefficients
    for s in range(lanes):
        rep_begin, rep_end = rep_start[representatives[s]], rep_start[representatives[s] + 1]
        genes, rep_genes = end - begin, rep_end - rep_begin
        larger = max(genes, rep_genes)
        scale = ONE / np.float32(larger) if larger >= small_genome else ONE
        delta = times(c2, np.float32(genes + rep_genes) - times(TWO, matching[s]))
        if c1 != c2:
            excess = count_excess(begin, end, innovation, rep_begin, rep_end, rep_innovation)
            delta += times(c1 - c2, np.float32(excess))
        delta = times(delta, scale)
        if matching[s] > ZERO:
            delta += times(c3, difference[s] / matching[s])
        if delta < threshold:
            return np.int32(s)
    return NO_SPECIES


@kernel
def distance_scratch():
    """Sums for each lane."""
    nothing = np.empty((1, 1), np.int32)
    return np.empty((2, LANES), np.float32), nothing, nothing, nothing, nothing


@borrowing
def join(
    p, scratch, conn_start, innovation, weight, representatives, rep_start, rep_innovation, row_of, table, coefficients,
    small_genome, threshold, first_species, species
):  # fmt: skip
    """Genome ``p``, if no species has taken it yet, joins that of the first representative that is near enough."""
    if species[p] == NO_SPECIES:
        sums = scratch[0]
        lane = first_fit(
            conn_start[p], conn_start[p + 1], innovation, weight, representatives, rep_start, rep_innovation, row_of,
            table, coefficients, small_genome, threshold, sums[0], sums[1],
        )  # fmt: skip
        if lane != NO_SPECIES:
            species[p] = first_species + lane


@kernel
def fill_table(representatives, rep_start, rep_innovation, rep_weight, row_of, table):
    """Write the representatives, one a lane, into an empty table."""
    rows = 1
    for s in range(LANES):
        table[0, s] = ABSENT
    for s in range(len(representatives)):
        rows = add_representative(representatives[s], s, rep_start, rep_innovation, rep_weight, row_of, table, rows)


@kernel
def assign(
    begin, end, pending, conn_start, innovation, weight, representatives, rep_start, rep_innovation, row_of, table,
    coefficients, small_genome, threshold, lane
):  # fmt: skip
    """For each pending genome: the lane of the first representative that is near enough, or NO_SPECIES."""
    matching = np.empty(LANES, np.float32)
    difference = np.empty(LANES, np.float32)
    for i in range(begin, end):
        p = pending[i]
        lane[i] = first_fit(
            conn_start[p], conn_start[p + 1], innovation, weight, representatives, rep_start, rep_innovation, row_of,
            table, coefficients, small_genome, threshold, matching, difference,
        )  # fmt: skip


@kernel
def found(
    candidates, conn_start, innovation, weight, row_of, table, coefficients, small_genome, threshold, lane, founders
):
    """Walk through genomes that no species takes, in order: each joins the first founder that is near enough, or founds
    a species itself. Ends when all lanes are founders'.

    Returns the number of candidates that were placed, and of founders.
    """
    matching = np.empty(LANES, np.float32)
    difference = np.empty(LANES, np.float32)
    for s in range(LANES):
        table[0, s] = ABSENT
    rows, count = 1, 0
    for i in range(len(candidates)):
        p = candidates[i]
        lane[i] = first_fit(
            conn_start[p], conn_start[p + 1], innovation, weight, founders[:count], conn_start, innovation, row_of,
            table, coefficients, small_genome, threshold, matching, difference,
        )  # fmt: skip
        if lane[i] == NO_SPECIES:
            if count == LANES:
                return i, count
            founders[count] = p
            lane[i] = np.int32(count)
            rows = add_representative(p, count, conn_start, innovation, weight, row_of, table, rows)
            count += 1
    return len(candidates), count
