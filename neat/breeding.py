"""From matings to children: crossover, then mutation, of a whole population at once.

A child whose structure is that of its fitter parent is written straight to its place. The others, few as a rule, are
built aside: their structure changes, the registry numbers the additions of all of them in their order, and they are
copied to their place when all sizes are known.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from genomes.backend import arrays_of, numbers, records_to_device
from genomes.each import each
from genomes.functions import activation_code, aggregation_code
from genomes.kernels.binding import Kernel
from genomes.population import CONNECTION_GENES, NODE_GENES, Population, offsets
from neat.innovations import Innovations
from neat.kernels import breeding as kernels
from neat.kernels.forms import GPU_FORMS
from neat.kernels.innovations import COLUMNS, LINK_SOURCE, SPLIT_INNOVATION
from neat.kernels.mutation import RULES
from neat.params import NEATParams

if TYPE_CHECKING:
    from neat.reproduction import Matings

__all__ = ["breed"]

# node_start, node genes, conn_start, connection genes, as kernels take them
Genes: TypeAlias = tuple[Any, tuple[Any, ...], Any, tuple[Any, ...]]

RARE_MUTATIONS = ("activation_mutation", "aggregation_mutation", "toggle_enabled", "reenable")
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
    population : the parents, P genomes; unchanged. Where they are, on the CPU or the GPU, the children are bred.
    matings : kind and parents of each of the P' children, in the same memory.
    innovations : registry of the run; learns the new connections and nodes.
    seed, generation : key of all random numbers.
    """
    inputs, outputs, device = population.num_inputs, population.num_outputs, population.device
    xp, count, timed = arrays_of(device), len(matings), len(population.time_constant) > 0
    rules = _rules(params, inputs - 1 if population.bias_input is not None else -1, device)
    functions = _codes(params, device)
    key = np.uint64(seed), np.uint32(generation)
    mates = (matings.kind, matings.first, matings.second, matings.equal, matings.average)
    parents = (
        population.node_start,
        tuple(getattr(population, name) for name in NODE_GENES),
        population.conn_start,
        tuple(getattr(population, name) for name in CONNECTION_GENES),
    )
    plans, sizes = xp.empty(count, np.uint8), xp.empty((count, 2), np.int64)
    starts = population.node_start, population.conn_start
    each(device, kernels.plan, count, mates, *starts, plans, sizes, rules, *key, grain=2000)

    unite, deletes, *most = numbers((plans & kernels.UNITE).max(), (plans & kernels.DELETE).max(), *sizes.max(axis=0))
    bounds = max(innovations.next_innovation, innovations.next_node) if device == "cpu" else 1
    grain = 1 + _GENES_PER_TASK * len(population) // (len(population.innovation) + len(population.node_id))

    def run(item: Kernel, count: int, *arguments: Any) -> None:
        scratch: dict[str, Any] = {"scratch": kernels.breeding_scratch, "sizes": (*most, bounds)}
        each(device, item, count, *arguments, grain=grain, bindings=GPU_FORMS, **scratch)

    def build(who: Any, children: Genes) -> None:
        run(kernels.build, len(who), who, plans, sizes, mates, parents, children, inputs, rules, *key)

    staged = xp.flatnonzero(plans & kernels.STAGED)
    final_sizes = sizes
    if len(staged):
        aside = _room(sizes[staged], timed, xp)
        work = len(staged), staged, plans, sizes
        if unite:
            run(kernels.unite_parents, *work, mates, parents, aside, inputs + outputs, rules, *key)
        build(staged, aside)
        if deletes:
            run(kernels.delete_genes, *work, aside, inputs + outputs, rules, *key)
        changes, new_values = xp.empty((len(staged), COLUMNS), np.int32), xp.empty((len(staged), 2), np.float32)
        known = innovations.splits.columns
        run(kernels.propose, *work, aside, inputs, outputs, *functions, known, changes, new_values, rules, *key)
        innovations.number(changes)
        split, link = changes[:, SPLIT_INNOVATION] >= 0, changes[:, LINK_SOURCE] >= 0
        final_sizes = sizes.copy()
        final_sizes[staged, 0] += split
        final_sizes[staged, 1] += 2 * split + link
    children = _room(final_sizes, timed, xp)
    node_start, nodes, conn_start, links = children
    if len(staged) == 0:
        build(xp.arange(count), children)
    else:
        direct = xp.flatnonzero((plans & kernels.STAGED) == 0)
        build(direct, (node_start[direct], nodes, conn_start[direct], links))
        run(kernels.place, len(staged), staged, sizes, changes, new_values, aside, children, rules)
    if timed or any(getattr(params, name) > 0 for name in RARE_MUTATIONS):
        run(kernels.mutate_rarely, count, plans, children, inputs, outputs, *functions, rules, *key)
    return Population(
        num_inputs=inputs,
        num_outputs=outputs,
        bias_input=population.bias_input,
        device=device,
        node_start=node_start,
        conn_start=conn_start,
        **dict(zip(NODE_GENES, nodes, strict=True)),
        **dict(zip(CONNECTION_GENES, links, strict=True)),
    )


def _room(sizes: Any, timed: bool, xp: Any) -> Genes:
    """Offsets and empty gene arrays for genomes of these numbers of nodes and connections [P, 2]; ``timed``: nodes have
    time constants."""
    node_start, conn_start = offsets(sizes[:, 0], xp), offsets(sizes[:, 1], xp)
    num_nodes, num_links = numbers(node_start[-1], conn_start[-1])
    nodes = tuple(
        xp.empty(num_nodes if timed or name != "time_constant" else 0, dtype) for name, dtype in NODE_GENES.items()
    )
    links = tuple(xp.empty(num_links, dtype) for dtype in CONNECTION_GENES.values())
    return node_start, nodes, conn_start, links


@lru_cache(maxsize=16)
def _rules(params: NEATParams, constant_input: int, device: str) -> Any:
    """What the parameters say, in the form that kernels read [1], in the memory of the device."""
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
    for field in ("perturb", "replace", "power", "scale"):
        row["time_constant"][field] = getattr(params, f"time_constant_{field}")
    row["time_constant"]["centre"] = params.time_constant_mean
    row["time_constant"]["low"], row["time_constant"]["high"] = params.time_constant_min, params.time_constant_max
    row["severe_or_mild"] = params.weight_mutation_rule == "severe-or-mild"
    row["output_activation_fixed"] = params.output_activation != ""
    row["unite_equals"] = params.equal_fitness_genes == "random"
    row["exclusive"] = params.exclusive_mutation
    row["feed_forward"] = params.mode == "feedforward"
    row["constant_input"] = constant_input
    return records_to_device(rules) if device == "cuda" else rules


@lru_cache(maxsize=16)
def _codes(params: NEATParams, device: str) -> tuple[Any, Any]:
    """Codes of the activations and aggregations that nodes may have, in the memory of the device."""
    xp = arrays_of(device)
    return (
        xp.asarray([activation_code(name) for name in params.activations], np.uint8),
        xp.asarray([aggregation_code(name) for name in params.aggregations], np.uint8),
    )
