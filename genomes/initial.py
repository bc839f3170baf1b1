"""Starting populations.

Stanley & Miikkulainen (2002, section 3.4) start from inputs fully connected to outputs and no hidden nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from genomes.kernels.initial import GAUSSIAN, UNIFORM, draw_uniforms, draw_values
from genomes.kernels.parallel import parallel_for
from genomes.population import Genome, Population, no_genes

__all__ = ["TOPOLOGIES", "initial_population", "population_around"]

TOPOLOGIES = ("full", "unconnected", "fraction", "fs-neat", "layers")
DISTRIBUTIONS = {"gaussian": GAUSSIAN, "uniform": UNIFORM}

# Purposes of random numbers
LINKS, WEIGHTS, BIASES, ACTIVATIONS, AGGREGATIONS, PERTURBATIONS, TIME_CONSTANTS = 1, 2, 3, 4, 5, 6, 7


def initial_population(
    count: int,
    num_inputs: int,
    num_outputs: int,
    *,
    topology: str = "full",
    fraction: float = 0.5,
    layers: Sequence[int] = (),
    bias_input: float | None = None,
    activations: Sequence[int] = (0,),
    output_activation: int | None = None,
    aggregations: Sequence[int] = (0,),
    weight_init: str = "gaussian",
    weight_scale: float = 1.0,
    weight_bounds: tuple[float, float] = (-30.0, 30.0),
    bias_init: str = "gaussian",
    bias_scale: float = 0.0,
    bias_bounds: tuple[float, float] = (-30.0, 30.0),
    time_constants: tuple[float, float, tuple[float, float]] | None = None,
    seed: int = 1,
) -> Population:
    """``count`` genomes whose equal links have equal innovation numbers.

    Parameters
    ----------
    num_inputs : inputs of the task; a constant input is appended where ``bias_input`` is given, and then no node has
        a bias of its own.
    topology : ``"full"`` (every input to every output), ``"unconnected"``, ``"fraction"`` (that share of the links of
        ``"full"``, other ones in each genome), ``"fs-neat"`` (one random link from an input to an output; Whiteson et
        al., GECCO 2005), ``"layers"`` (hidden layers of the given sizes, each fully connected to the next).
    fraction : share of links, in [0, 1].
    layers : sizes of the hidden layers, each 1 or more. With ``"fraction"`` the share is of the links between these.
    activations, aggregations : codes in `genomes.functions`; each node draws one.
    output_activation : code that every output has instead.
    time_constants : of the nodes of continuous-time networks: mean, standard deviation, (lowest, highest); None: nodes
        have none.
    weight_init, bias_init : ``"gaussian"`` (mean 0, standard deviation scale) or ``"uniform"`` (within +-scale).
    """
    if topology not in TOPOLOGIES:
        raise ValueError(f"topology must be one of {', '.join(TOPOLOGIES)}, got {topology!r}")
    inputs = num_inputs + (bias_input is not None)
    hidden = tuple(layers) if topology in ("layers", "fraction") else ()
    nodes = inputs + num_outputs + sum(hidden)
    source, target = _layered_links(inputs, num_outputs, hidden)
    present = _chosen_links(count, num_inputs, num_outputs, len(source), topology, fraction, seed)
    genome_of, link = np.nonzero(present)
    node_start = np.arange(count + 1, dtype=np.int64) * nodes
    conn_start = np.searchsorted(genome_of, np.arange(count + 1)).astype(np.int64)
    weight = np.empty(len(link), np.float32)
    bias = np.zeros(count * nodes, np.float32)
    _draw(weight, conn_start, WEIGHTS, weight_init, weight_scale, weight_bounds, seed)
    if bias_input is None:
        _draw(bias, node_start, BIASES, bias_init, bias_scale, bias_bounds, seed)
        bias.reshape(count, nodes)[:, :inputs] = 0.0
    activation = _choices(count, nodes, activations, ACTIVATIONS, seed)
    aggregation = _choices(count, nodes, aggregations, AGGREGATIONS, seed)
    activation[:, :inputs] = aggregation[:, :inputs] = 0
    if output_activation is not None:
        activation[:, inputs : inputs + num_outputs] = output_activation
    return Population(
        inputs,
        num_outputs,
        node_start,
        np.tile(np.arange(nodes, dtype=np.int32), count),
        bias,
        activation.ravel(),
        aggregation.ravel(),
        conn_start,
        link.astype(np.int32),
        source[link],
        target[link],
        weight,
        np.ones(len(link), np.bool_),
        bias_input=bias_input,
        time_constant=_time_constants(node_start, inputs, time_constants, seed),
    )


def population_around(
    genome: Genome, count: int, *, weight_power: float, weight_bounds: tuple[float, float], seed: int = 1
) -> Population:
    """``count`` copies of a genome: the first exact, the others with Gaussian noise (standard deviation
    ``weight_power``) on every weight."""
    population = Population.of([genome] * count)
    noise = np.empty_like(population.weight)
    _draw(noise, population.conn_start, PERTURBATIONS, "gaussian", weight_power, (-np.inf, np.inf), seed)
    noise[: len(genome.weight)] = 0.0
    np.clip(population.weight + noise, *weight_bounds, out=noise)
    noise[: len(genome.weight)] = genome.weight
    population.weight[:] = noise
    return population


def _layered_links(inputs: int, outputs: int, hidden: tuple[int, ...]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Links between successive layers, in the order of their innovation numbers."""
    if any(size < 1 for size in hidden):
        raise ValueError(f"layers must have 1 or more nodes each, got {hidden}")
    first_hidden = inputs + outputs
    ends = first_hidden + np.cumsum((0, *hidden))
    steps = [np.arange(inputs), *(np.arange(a, b) for a, b in pairwise(ends))]
    steps.append(np.arange(inputs, first_hidden))
    pairs = [np.meshgrid(a, b, indexing="ij") for a, b in pairwise(steps)]
    source = np.concatenate([a.ravel() for a, _ in pairs]).astype(np.int32)
    target = np.concatenate([b.ravel() for _, b in pairs]).astype(np.int32)
    return source, target


def _chosen_links(
    count: int, num_inputs: int, num_outputs: int, links: int, topology: str, fraction: float, seed: int
) -> NDArray[np.bool_]:
    """Which genome has which link, [count, links]."""
    if topology == "unconnected":
        return np.zeros((count, links), np.bool_)
    if topology in ("full", "layers"):
        return np.ones((count, links), np.bool_)
    if topology == "fraction" and not 0.0 <= fraction <= 1.0:
        raise ValueError(f"fraction must be in [0, 1], got {fraction}")
    # A constant input's links come last: one chosen link is never the constant's.
    eligible, chosen = (num_inputs * num_outputs, 1) if topology == "fs-neat" else (links, round(fraction * links))
    order = np.argsort(_uniforms(count, eligible, LINKS, seed), axis=1, kind="stable")
    present = np.zeros((count, links), np.bool_)
    np.put_along_axis(present, order[:, :chosen], True, axis=1)
    return present


def _uniforms(rows: int, columns: int, purpose: int, seed: int) -> NDArray[np.float32]:
    values = np.empty((rows, columns), np.float32)
    parallel_for(draw_uniforms, rows, values, np.uint64(seed), purpose)
    return values


def _choices(count: int, nodes: int, codes: Sequence[int], purpose: int, seed: int) -> NDArray[np.uint8]:
    """One of the codes for each node, [count, nodes]."""
    options = np.asarray(codes, np.uint8)
    if len(options) == 1:
        return np.full((count, nodes), options[0])
    return options[(_uniforms(count, nodes, purpose, seed) * len(options)).astype(np.int64)]


def _time_constants(
    node_start: NDArray[np.int64], inputs: int, rule: tuple[float, float, tuple[float, float]] | None, seed: int
) -> NDArray[np.float32]:
    """A time constant for each node, 0 for inputs; or none."""
    if rule is None:
        return no_genes()
    mean, scale, bounds = rule
    values = np.empty(node_start[-1], np.float32)
    _draw(values, node_start, TIME_CONSTANTS, "gaussian", scale, (-np.inf, np.inf), seed)
    values = np.clip(values + np.float32(mean), *np.asarray(bounds, np.float32))
    values.reshape(len(node_start) - 1, -1)[:, :inputs] = 0.0
    return values


def _draw(
    values: NDArray[np.float32],
    start: NDArray[np.int64],
    purpose: int,
    distribution: str,
    scale: float,
    bounds: tuple[float, float],
    seed: int,
) -> None:
    """Fill the ragged ``values`` at random."""
    if distribution not in DISTRIBUTIONS:
        raise ValueError(f"distribution must be one of {', '.join(DISTRIBUTIONS)}, got {distribution!r}")
    low, high = np.float32(bounds[0]), np.float32(bounds[1])
    arguments = (start, values, np.uint64(seed), purpose, DISTRIBUTIONS[distribution], np.float32(scale), low, high)
    parallel_for(draw_values, len(start) - 1, *arguments)
