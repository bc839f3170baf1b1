"""The registry of historical markings."""

import numpy as np
import pytest

from genomes.initial import initial_population
from neat.innovations import Innovations
from neat.kernels.innovations import (
    COLUMNS,
    IN_LINK,
    LINK,
    LINK_SOURCE,
    LINK_TARGET,
    NODE,
    OUT_LINK,
    SPLIT_COPY,
    SPLIT_INNOVATION,
    SPLIT_SOURCE,
    SPLIT_TARGET,
)


def changes(*rows):
    table = np.full((len(rows), COLUMNS), -1, np.int32)
    for row, entries in zip(table, rows, strict=True):
        for column, value in entries.items():
            row[column] = value
    return table


def split(innovation, copy, source, target):
    return {SPLIT_INNOVATION: innovation, SPLIT_COPY: copy, SPLIT_SOURCE: source, SPLIT_TARGET: target}


def link(source, target):
    return {LINK_SOURCE: source, LINK_TARGET: target}


@pytest.fixture
def registry():
    """Of inputs 0, 1 fully connected to outputs 2, 3: innovations 0 to 3."""
    return Innovations.of(initial_population(5, 2, 2))


def test_equal_changes_get_equal_numbers_in_order_of_appearance(registry):
    first = changes(
        split(1, 0, 0, 3), {**link(3, 2), **split(0, 0, 0, 2)}, split(1, 0, 0, 3), link(1, 3), split(1, 1, 0, 3)
    )
    registry.number(first)
    assert first[:, NODE].tolist() == [4, 5, 4, -1, 6]
    assert first[:, IN_LINK].tolist() == [4, 6, 4, -1, 9]
    assert first[:, OUT_LINK].tolist() == [5, 7, 5, -1, 10]
    assert first[:, LINK].tolist() == [-1, 8, -1, 3, -1]  # 1 -> 3 is as old as the population
    again = changes(split(1, 0, 0, 3), link(0, 4), link(4, 3), link(3, 2))
    registry.number(again)
    assert again[0, NODE] == 4
    assert again[1:, LINK].tolist() == [4, 5, 8]
    assert len(registry) == 11
    assert (registry.next_innovation, registry.next_node) == (11, 7)


def test_a_registry_agrees_with_a_dictionary_through_many_generations(registry):
    rng = np.random.default_rng(0)
    known = {(0, 2): 0, (0, 3): 1, (1, 2): 2, (1, 3): 3}
    for _ in range(30):
        table = changes(*(link(*rng.integers(0, 60, 2)) for _ in range(50)))
        registry.number(table)
        for row in table:
            assert row[LINK] == known.setdefault((row[LINK_SOURCE], row[LINK_TARGET]), len(known))
    assert len(registry) == len(known)


def test_a_restored_registry_goes_on_alike(registry):
    rng = np.random.default_rng(1)
    registry.number(changes(*(link(*rng.integers(0, 20, 2)) for _ in range(80))))
    registry.number(changes(split(1, 0, 0, 3), split(2, 0, 1, 2)))
    restored = Innovations.from_arrays(registry.arrays())
    tables = [changes(*(link(*np.random.default_rng(2).integers(0, 40, 2)) for _ in range(99)), split(2, 0, 1, 2))] * 2
    tables[1] = tables[0].copy()
    registry.number(tables[0])
    restored.number(tables[1])
    assert np.array_equal(*tables)
    mine, theirs = registry.arrays(), restored.arrays()
    assert all(np.array_equal(mine[name], theirs[name]) and mine[name].dtype == theirs[name].dtype for name in mine)


def test_numbers_may_have_gaps():
    population = initial_population(6, 4, 3, topology="fs-neat")
    registry = Innovations.of(population)
    assert registry.next_innovation == population.innovation.max() + 1
    assert len(registry) == len(set(population.innovation.tolist()))


def test_contradictory_genes_are_refused():
    population = initial_population(3, 2, 2)
    population.target[0] = 3
    with pytest.raises(ValueError, match="same innovation number"):
        Innovations.of(population)
    population = initial_population(3, 2, 2)
    population.innovation[3] = 9
    with pytest.raises(ValueError, match="same source and target"):
        Innovations.of(population)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("source", np.zeros(4, np.int64)),
        ("target", np.zeros(3, np.int32)),
        ("innovation", np.array([0, 1, 2, -3], np.int32)),
        ("next", np.array([3, 4])),
        ("next", np.array([5, 4])),
        ("next", np.array([4.0, 4.0])),
        ("target", np.array([2, 2, 2, 2], np.int32)),
        ("innovation", np.array([0, 2, 1, 3], np.int32)),
        ("split_node", np.array([2], np.int32)),
        ("more", np.array([2], np.int32)),
    ],
)
def test_damaged_arrays_are_refused(registry, name, value):
    with pytest.raises(ValueError, match="registry"):
        Innovations.from_arrays(registry.arrays() | {name: value})


def test_numbers_run_out_loudly(registry):
    arrays = registry.arrays()
    arrays["innovation"][-1] = 2**31 - 3
    arrays["next"][0] = 2**31 - 2
    with pytest.raises(OverflowError):
        Innovations.from_arrays(arrays).number(changes(link(0, 9)))
