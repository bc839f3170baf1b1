"""Populations and matings for the tests of breeding."""

import dataclasses

import numpy as np

from genomes.initial import initial_population
from genomes.population import Genome, Population
from neat.breeding import breed
from neat.innovations import Innovations
from neat.params import NEATParams
from neat.reproduction import CLONE, MATE, Matings

STILL = NEATParams(
    weight_mutation=0.0, bias_mutation=0.0, add_node=0.0, add_connection=0.0, activations=("tanh", "sin", "relu")
)
RESTLESS = NEATParams(
    activations=("tanh", "sin", "relu"),
    aggregations=("sum", "max"),
    activation_mutation=0.2,
    aggregation_mutation=0.2,
    add_node=0.4,
    add_connection=0.5,
    delete_node=0.1,
    delete_connection=0.2,
    toggle_enabled=0.2,
    reenable=0.2,
)
CONTINUOUS = dataclasses.replace(RESTLESS, mode="ctrnn")


def changed(params, **values):
    return dataclasses.replace(params, **values)


def matings(kind, first, second=None, equal=False, average=False):
    first = np.atleast_1d(np.asarray(first, np.int64))
    count = len(first)
    return Matings(
        np.broadcast_to(np.asarray(kind, np.uint8), count).copy(),
        first,
        first.copy() if second is None else np.atleast_1d(np.asarray(second, np.int64)),
        np.broadcast_to(np.asarray(equal, np.bool_), count).copy(),
        np.broadcast_to(np.asarray(average, np.bool_), count).copy(),
    )


def random_matings(rng, parents, children):
    kind = rng.integers(0, 4, children)
    first, second = rng.integers(0, parents, (2, children))
    alone = kind <= CLONE
    return matings(kind, first, np.where(alone, first, second), rng.random(children) < 0.4, rng.random(children) < 0.4)


def varied_population(count=40, generations=12, seed=0, params=RESTLESS, inputs=3, outputs=2, **initial):
    """A population of different genomes, and its registry."""
    rng = np.random.default_rng(seed)
    bias_input = params.bias_input or None
    if params.mode == "ctrnn":
        initial |= {"time_constants": (1.0, 0.5, (params.time_constant_min, params.time_constant_max))}
    population = initial_population(count, inputs, outputs, seed=seed, bias_scale=1.0, bias_input=bias_input, **initial)
    innovations = Innovations.of(population)
    for generation in range(generations):
        first, second = rng.integers(0, count, (2, count))
        pairs = matings(MATE, first, second, rng.random(count) < 0.3)
        population = breed(population, pairs, params, innovations, seed, generation)
    return population, innovations


def contrary_population(count=60, hidden=8, links=30, seed=0):
    """Acyclic genomes of 3 inputs and 2 outputs, each of another order of the same hidden nodes; and their registry."""
    rng = np.random.default_rng(seed)
    genomes = []
    total = 5 + hidden
    node_id = np.arange(total, dtype=np.int32)
    for _ in range(count):
        order = np.concatenate([[0, 1, 2], rng.permutation(np.arange(5, total)), [3, 4]])
        pairs = [(a, b) for i, a in enumerate(order) for b in order[max(i + 1, 3) :] if a not in (3, 4)]
        ends = np.array(pairs)[rng.permutation(len(pairs))[:links]]
        ends = ends[np.argsort(ends @ [total, 1])]
        genomes.append(
            Genome(
                *(3, 2, node_id, np.zeros(total), *np.zeros((2, total)), ends @ [total, 1], ends[:, 0], ends[:, 1]),
                weight=rng.normal(size=len(ends)),
                enabled=rng.random(len(ends)) < 0.8,
            )
        )
    population = Population.of(genomes)
    return population, Innovations.of(population)
