"""The registry's hash table: (first, second) -> entry, and the numbering of a generation's structural mutations."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

import numpy as np

from genomes.kernels.binding import borrowing, kernel

__all__ = ["fill_table", "look_up", "lookup", "number_changes"]

# Columns of the table of changes: what `structure` proposes for a genome, -1 for nothing, ...
SPLIT_AT, SPLIT_INNOVATION, SPLIT_COPY, SPLIT_SOURCE, SPLIT_TARGET, NEW_ACTIVATION, NEW_AGGREGATION = range(7)
LINK_SOURCE, LINK_TARGET = range(7, 9)
# ... and the numbers that the registry gives it
NODE, IN_LINK, OUT_LINK, LINK = range(9, 13)
COLUMNS = 13

_EMPTY = -1
_MIX_1 = np.uint64(0x9E3779B97F4A7C15)
_MIX_2 = np.uint64(0xBF58476D1CE4E5B9)
_SHIFT = np.uint64(32)


def first_slot(first, second, mask):
    """Where in the table the search for the entry (first, second) begins."""
    key = np.uint64(first) * _MIX_1 + np.uint64(second) * _MIX_2
    return np.int64((key ^ (key >> _SHIFT)) * _MIX_1 >> _SHIFT) & mask


def slot_of(first, second, firsts, seconds, table):
    """The slot of the table that holds the entry (first, second), or the empty slot where it belongs."""
    mask = len(table) - 1
    slot = first_slot(first, second, mask)
    while table[slot] != _EMPTY and (firsts[table[slot]] != first or seconds[table[slot]] != second):
        slot = (slot + 1) & mask
    return slot


def lookup(first, second, firsts, seconds, numbers, table):
    """The number of (first, second), or -1."""
    entry = table[slot_of(first, second, firsts, seconds, table)]
    return numbers[entry] if entry != _EMPTY else np.int32(-1)


def number_of(first, second, firsts, seconds, numbers, table, tally):
    """The number of (first, second): a new one if it has none. ``tally`` holds the entries and the next number."""
    slot = slot_of(first, second, firsts, seconds, table)
    if table[slot] == _EMPTY:
        entry = tally[0]
        table[slot] = entry
        firsts[entry] = first
        seconds[entry] = second
        numbers[entry] = tally[1]
        tally[0] += 1
        tally[1] += 1
    return numbers[table[slot]]


@kernel
def fill_table(begin, end, firsts, seconds, table):
    """Enter the entries begin..end-1 into the table."""
    for entry in range(begin, end):
        table[slot_of(firsts[entry], seconds[entry], firsts, seconds, table)] = entry


@borrowing
def look_up(i, scratch, first, second, wanted, columns, found):
    """The number of the i-th key, or -1: it has none, or is not wanted."""
    found[i] = lookup(first[i], second[i], *columns) if wanted[i] else np.int32(-1)


@kernel
def number_changes(begin, end, changes, splits, links):
    """Number the proposed changes in their order: the split's node, its in-link and out-link, then the new link."""
    split_innovation, copy, node, split_table, split_tally = splits
    source, target, innovation, link_table, link_tally = links
    for j in range(begin, end):
        change = changes[j]
        if change[SPLIT_INNOVATION] >= 0:
            key = change[SPLIT_INNOVATION], change[SPLIT_COPY]
            new = number_of(key[0], key[1], split_innovation, copy, node, split_table, split_tally)
            change[NODE] = new
            a, b = change[SPLIT_SOURCE], change[SPLIT_TARGET]
            change[IN_LINK] = number_of(a, new, source, target, innovation, link_table, link_tally)
            change[OUT_LINK] = number_of(new, b, source, target, innovation, link_table, link_tally)
        if change[LINK_SOURCE] >= 0:
            a, b = change[LINK_SOURCE], change[LINK_TARGET]
            change[LINK] = number_of(a, b, source, target, innovation, link_table, link_tally)
