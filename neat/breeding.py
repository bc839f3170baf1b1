"""From matings to children: crossover, then mutation, of a whole population at once.

A child whose structure is that of its fitter parent is written straight to its place. The others, few as a rule, are
built aside: their structure changes, the registry numbers the additions of all of them in their order, and they are
copied to their place when all sizes are known.
"""

from __future__ import annotations

import dataclasses
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from genomes.backend import arrays_of, numbers, records_to_device
from genomes.each import each, ready
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
    brood = _Brood(population, matings, params, innovations, (np.uint64(seed), np.uint32(generation)))
    xp, device = brood.xp, population.device
    is_staged = (brood.plans & kernels.STAGED) != 0
    staged, sizes = xp.flatnonzero(is_staged), brood.sizes
    if len(staged):
        aside, additions, sizes = brood.stage(staged)
    node_start, nodes, conn_start, links = brood.room(sizes)
    genes = ready(device, (nodes, links))
    children = (node_start, genes[0], conn_start, genes[1])
    if len(staged) == 0:
        brood.build(xp.arange(len(matings)), children)
    else:
        direct = xp.flatnonzero(~is_staged)
        brood.build(direct, (node_start[direct], genes[0], conn_start[direct], genes[1]))
        brood.run(kernels.place, len(staged), staged, brood.sizes, *additions, aside, children, brood.rules)
    if brood.timed or any(getattr(params, name) > 0 for name in RARE_MUTATIONS):
        shape = (population.num_inputs, population.num_outputs)
        rules = (*brood.functions, brood.rules, *brood.key)
        brood.run(kernels.mutate_rarely, len(matings), brood.plans, children, *shape, *rules)
    genes = dict(zip(NODE_GENES, nodes, strict=True)) | dict(zip(CONNECTION_GENES, links, strict=True))
    return dataclasses.replace(population, node_start=node_start, conn_start=conn_start, **genes)


class _Brood:
    """What the steps of breeding share: the parents, what becomes of each child, and its size."""

    def __init__(
        self,
        population: Population,
        matings: Matings,
        params: NEATParams,
        innovations: Innovations,
        key: tuple[np.uint64, np.uint32],
    ) -> None:
        self.population, self.innovations, self.key, device = population, innovations, key, population.device
        self.xp, count = arrays_of(device), len(matings)
        self.timed = len(population.time_constant) > 0  # nodes have time constants
        self.rules = _rules(params, population.num_inputs - 1 if population.bias_input is not None else -1, device)
        self.functions = _codes(params, device)
        self.mates = ready(device, tuple(getattr(matings, f.name) for f in dataclasses.fields(matings)))
        nodes, links = (tuple(getattr(population, name) for name in names) for names in (NODE_GENES, CONNECTION_GENES))
        self.parents: Genes = ready(device, (population.node_start, nodes, population.conn_start, links))
        self.plans, self.sizes = self.xp.empty(count, np.uint8), self.xp.empty((count, 2), np.int64)
        starts = self.parents[0], self.parents[2]
        each(
            device, kernels.plan, count, self.mates, *starts, self.plans, self.sizes, self.rules, *key, grain=2000
        )  # fmt: skip
        some = ((self.plans & bit).max() for bit in (kernels.UNITE, kernels.DELETE))
        self.unite, self.deletes, *most = numbers(*some, *self.sizes.max(axis=0))
        # Tables by node id and innovation number are the CPU's only.
        bounds = max(innovations.next_innovation, innovations.next_node) if device == "cpu" else 1
        self.scratch = (*most, bounds)
        self.grain = 1 + _GENES_PER_TASK * len(population) // (len(population.innovation) + len(population.node_id))

    def run(self, item: Kernel, count: int, *arguments: Any) -> None:
        """A step for each of so many children."""
        scratch: dict[str, Any] = {"scratch": kernels.breeding_scratch, "sizes": self.scratch}
        device = self.population.device
        each(device, item, count, *arguments, grain=self.grain, bindings=GPU_FORMS, **scratch)

    def build(self, who: Any, children: Genes) -> None:
        """Cross or copy the parents of the children ``who``, and mutate values."""
        numbers_of = (self.plans, self.sizes, self.mates, self.parents)
        inputs = self.population.num_inputs
        self.run(kernels.build, len(who), who, *numbers_of, children, inputs, self.rules, *self.key)

    def stage(self, staged: Any) -> tuple[Genes, tuple[Any, Any], Any]:
        """Build the children ``staged`` aside, delete, and propose additions, which the registry numbers.

        Returns these children, their additions, and the final sizes of all.
        """
        inputs, outputs, xp = self.population.num_inputs, self.population.num_outputs, self.xp
        aside = ready(self.population.device, self.room(self.sizes[staged]))
        work, rules = (len(staged), staged, self.plans, self.sizes), (self.rules, *self.key)
        if self.unite:
            self.run(kernels.unite_parents, *work, self.mates, self.parents, aside, inputs + outputs, *rules)
        self.build(staged, aside)
        if self.deletes:
            self.run(kernels.delete_genes, *work, aside, inputs + outputs, *rules)
        changes, new_values = xp.empty((len(staged), COLUMNS), np.int32), xp.empty((len(staged), 2), np.float32)
        known = self.innovations.splits.columns
        self.run(
            kernels.propose, *work, aside, inputs, outputs, *self.functions, known, changes, new_values, *rules
        )  # fmt: skip
        self.innovations.number(changes)
        split, link = changes[:, SPLIT_INNOVATION] >= 0, changes[:, LINK_SOURCE] >= 0
        sizes = self.sizes.copy()
        sizes[staged, 0] += split
        sizes[staged, 1] += 2 * split + link
        return aside, (changes, new_values), sizes

    def room(self, sizes: Any) -> Genes:
        """Offsets and empty gene arrays for genomes of these numbers of nodes and connections [P, 2]."""
        xp = self.xp
        node_start, conn_start = offsets(sizes[:, 0], xp), offsets(sizes[:, 1], xp)
        num_nodes, num_links = numbers(node_start[-1], conn_start[-1])
        without = () if self.timed else ("time_constant",)
        nodes = tuple(xp.empty(0 if name in without else num_nodes, dtype) for name, dtype in NODE_GENES.items())
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
