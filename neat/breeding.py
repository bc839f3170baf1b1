"""From matings to children: crossover, then mutation, of a whole population at once.

A child whose structure is that of its fitter parent is written straight to its place. The others, few as a rule, are
built aside: their structure changes, the registry numbers the additions of all of them in their order, and they are
copied to their place when all sizes are known.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genomes.functions import activation_code, aggregation_code
from genomes.kernels.parallel import parallel_for
from genomes.population import CONNECTION_GENES, NODE_GENES, Population
from neat.innovations import Innovations
from neat.kernels import breeding as kernels
from neat.kernels.innovations import COLUMNS, LINK_SOURCE, SPLIT_INNOVATION
from neat.kernels.mutation import RULES
from neat.params import NEATParams

if TYPE_CHECKING:
    from neat.reproduction import Matings

__all__ = ["breed"]

_GENES_PER_TASK = 20_000  # work that is worth a thread


def breed(
    population: Population,
    matings: Matings,
    params: NEATParams,
    innovations: Innovations,
    seed: int,
    generation: int,
) -> Population:
    """The children of these matings, in their order.

    Parameters
    ----------
    population : the parents, P genomes; unchanged.
    matings : kind and parents of each of the P' children.
    innovations : registry of the run; learns the new connections and nodes.
    seed, generation : key of all random numbers.
    """
    inputs, outputs = population.num_inputs, population.num_outputs
    rules = _rules(params, inputs - 1 if population.bias_input is not None else -1)
    functions = _codes(params)
    random = np.uint64(seed), np.uint32(generation)
    count = len(matings.kind)
    plans, parents, sizes = np.empty(count, np.uint8), np.empty((count, 2), np.int64), np.empty((count, 2), np.int64)
    mates = (matings.kind, matings.first, matings.second, matings.equal, matings.average)
    starts = (population.node_start, population.conn_start)
    parallel_for(kernels.plan, count, mates, *starts, plans, parents, sizes, rules, *random, grain=2000)

    olds = (
        population.node_start,
        *(getattr(population, name) for name in NODE_GENES),
        population.conn_start,
        *(getattr(population, name) for name in CONNECTION_GENES),
    )
    bounds = innovations.next_innovation, innovations.next_node
    grain = 1 + _GENES_PER_TASK * len(population) // (len(population.innovation) + len(population.node_id))

    def build(children: NDArray[np.int64], news: tuple[NDArray[Any], ...], *at: NDArray[np.int64]) -> None:
        parallel_for(
            kernels.build, len(children), children, plans, parents, sizes, matings.average, olds, news, *at,
            inputs, outputs, *functions, *bounds, rules, *random, grain=grain,
        )  # fmt: skip

    is_staged = plans & kernels.STAGED != 0
    staged, direct = np.flatnonzero(is_staged), np.flatnonzero(~is_staged)
    added = np.zeros((count, 2), np.int64)
    if len(staged):
        staged_at = _offsets(sizes[staged])
        aside = _gene_arrays(*staged_at[-1])
        places = staged_at[:-1, 0].copy(), staged_at[:-1, 1].copy()
        build(staged, aside, *places)
        changes = np.empty((len(staged), COLUMNS), np.int32)
        parallel_for(
            kernels.change_structure, len(staged), staged, plans, sizes, aside, *places, inputs, outputs,
            innovations.splits.columns, changes, rules, *random, grain=grain,
        )  # fmt: skip
        innovations.number(changes)
        split, link = changes[:, SPLIT_INNOVATION] >= 0, changes[:, LINK_SOURCE] >= 0
        added[staged, 0] = split
        added[staged, 1] = 2 * split + link
    at = _offsets(sizes + added)
    node_start, conn_start = at[:, 0].copy(), at[:, 1].copy()
    news = _gene_arrays(*at[-1])
    build(direct, news, node_start[direct], conn_start[direct])
    if len(staged):
        parallel_for(
            kernels.place, len(staged), staged, sizes, changes, aside, *places, news, node_start, conn_start,
            *functions, rules, *random, grain=grain,
        )  # fmt: skip
    nodes = len(NODE_GENES)
    return Population(
        inputs, outputs, node_start, *news[:nodes], conn_start, *news[nodes:], bias_input=population.bias_input
    )


def _offsets(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    at = np.zeros((len(sizes) + 1, 2), np.int64)
    np.cumsum(sizes, axis=0, out=at[1:])
    return at


def _gene_arrays(nodes: int, connections: int) -> tuple[NDArray[Any], ...]:
    return (
        *(np.empty(nodes, dtype) for dtype in NODE_GENES.values()),
        *(np.empty(connections, dtype) for dtype in CONNECTION_GENES.values()),
    )


@lru_cache(maxsize=16)
def _rules(params: NEATParams, constant_input: int) -> NDArray[Any]:
    """What the parameters say, in the form that kernels read [1]."""
    rules = np.zeros(1, RULES)
    row = rules[0]
    for name in ("weight", "bias"):
        value = row[name]
        for field in ("mutation", "perturb", "replace", "power", "scale"):
            value[field] = getattr(params, f"{name}_{field}")
        value["low"], value["high"] = getattr(params, f"{name}_min"), getattr(params, f"{name}_max")
        value["gaussian_perturbation"] = getattr(params, f"{name}_perturbation") == "gaussian"
        value["gaussian_new"] = getattr(params, f"{name}_init") == "gaussian"
    row["weight"]["replacement_scale"] = params.weight_replacement_scale
    row["bias"]["replacement_scale"] = params.bias_scale
    if constant_input >= 0:
        row["bias"]["mutation"] = 0.0
    for field in (
        "activation_mutation", "aggregation_mutation", "toggle_enabled", "reenable", "keep_disabled", "add_node",
        "add_connection", "add_connection_tries", "delete_node", "delete_connection", "prune_dangling",
    ):  # fmt: skip
        row[field] = getattr(params, field)
    row["severe_or_mild"] = params.weight_mutation_rule == "severe-or-mild"
    row["output_activation_fixed"] = params.output_activation != ""
    row["unite_equals"] = params.equal_fitness_genes == "random"
    row["exclusive"] = params.exclusive_mutation
    row["feed_forward"] = params.mode == "feedforward"
    row["constant_input"] = constant_input
    return rules


def _codes(params: NEATParams) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Codes of the activations and aggregations that nodes may have."""
    return (
        np.array([activation_code(name) for name in params.activations], np.uint8),
        np.array([aggregation_code(name) for name in params.aggregations], np.uint8),
    )
