"""A fixed graph whose weights are a vector [D]: what methods of `neat.weights` train."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genomes.networks import Networks, compile_population, write_back
from genomes.population import Genome, Population

__all__ = ["Topology"]

Limits = tuple[float, float]


class Topology:
    """The network of one genome, with other weights.

    The vector has the weights of the E edges of the compiled network (in their order there), then the biases of its N
    evaluated nodes; not the biases where the genome has a constant input, whose links they are.

    Parameters
    ----------
    genome : its enabled connections that matter make the graph.
    mode : see `compile_population`.
    weight_limits, bias_limits : values beyond are taken as the nearest one within.
    computing : further settings of `compile_population`.

    Raises
    ------
    ValueError : the genome's network has no weights: no output reads anything, and it has a constant input.
    """

    def __init__(
        self,
        genome: Genome,
        mode: str = "feedforward",
        weight_limits: Limits = (-np.inf, np.inf),
        bias_limits: Limits = (-np.inf, np.inf),
        **computing: Any,
    ) -> None:
        self._population = Population.of([genome])
        self.base = compile_population(self._population, mode, genes=True, **computing)
        self.edges, self.nodes = len(self.base.weight), len(self.base.bias)
        self.trains_biases = genome.bias_input is None
        self.size = self.edges + self.nodes * self.trains_biases  # D
        if self.size == 0:
            raise ValueError("the network has no weights to train: no enabled connection leads to an output")
        limits = np.repeat([weight_limits, bias_limits], [self.edges, self.nodes], axis=0)[: self.size]
        self._low, self._high = limits.T.astype(np.float32)
        self._copies: Networks | None = None

    @property
    def vector(self) -> NDArray[np.float32]:
        """[D] The genome's own weights."""
        return np.concatenate([self.base.weight, self.base.bias])[: self.size]

    def limited(self, weights: NDArray[Any]) -> NDArray[np.float32]:
        """Vectors [..., D] within the limits."""
        return np.clip(weights.astype(np.float32, copy=False), self._low, self._high)

    def networks(self, weights: NDArray[Any]) -> Networks:
        """Networks with these weights [P, D], limited."""
        if weights.ndim != 2 or weights.shape[1] != self.size:
            raise ValueError(f"weights must have shape [P, {self.size}], got {list(weights.shape)}")
        count, values = len(weights), self.limited(weights)
        if self._copies is None or len(self._copies) != count:
            self._copies = copies(self.base, count)
        weight = np.ascontiguousarray(values[:, : self.edges]).reshape(-1)
        bias = np.ascontiguousarray(values[:, self.edges :]).reshape(-1) if self.trains_biases else self._copies.bias
        return dataclasses.replace(self._copies, weight=weight, bias=bias)

    def gradient(self, by_weight: NDArray[Any], by_bias: NDArray[Any]) -> NDArray[Any]:
        """[P, D] from what `envs.measuring.gradients` gives of P such networks: [P·E] and [P·N]."""
        parts = [by_weight.reshape(-1, self.edges), by_bias.reshape(-1, self.nodes)]
        return np.concatenate(parts[: 1 + self.trains_biases], axis=1)

    def genome(self, weights: NDArray[Any]) -> Genome:
        """The genome with these weights [D], limited; all else is as it was."""
        return write_back(self._population, dataclasses.replace(
            self.networks(weights[None]), edge_gene=self.base.edge_gene, node_gene=self.base.node_gene
        )).genome(0)  # fmt: skip


def copies(base: Networks, count: int) -> Networks:
    """A single network, ``count`` times."""
    edge_start = base.edge_start[:-1] + np.arange(count)[:, None] * len(base.weight)
    return dataclasses.replace(
        base,
        node_start=np.arange(count + 1, dtype=np.int64) * len(base.bias),
        edge_start=np.append(edge_start.reshape(-1), count * len(base.weight)),
        bias=np.tile(base.bias, count),
        activation=np.tile(base.activation, count),
        aggregation=np.tile(base.aggregation, count),
        rate=np.tile(base.rate, count),
        source=np.tile(base.source, count),
        weight=np.tile(base.weight, count),
        output_slot=np.tile(base.output_slot, (count, 1)),
        edge_gene=None,
        node_gene=None,
    )
