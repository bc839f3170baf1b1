"""Networks that take turns in a fixed number of lanes: one batched step of all lanes, whatever networks are in them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from genomes.forward import network_arguments
from genomes.functions import activation_switch
from genomes.networks import Networks

__all__ = ["Lanes"]


class Lanes:
    """L lanes, each with a network, an input row and a state of its own.

    They compute on the CPU, whatever the networks' device: they serve environments that are stepped there, a few at a
    time, and 16 networks of 100 connections take 2 µs, a launch on a GPU 10 and the way there and back as much again.

    Parameters
    ----------
    networks : P compiled networks.
    lanes : L, 1 or more.
    """

    def __init__(self, networks: Networks, lanes: int) -> None:
        from genomes.kernels.forward_lanes import forward_lanes
        from genomes.kernels.vector import fused_multiply_add

        self.networks = networks
        self.inputs = np.zeros((lanes, networks.task_inputs), np.float32)  # written by the caller
        self._member = np.zeros(lanes, np.int64)
        nodes = int(np.diff(networks.node_start).max(initial=0)) if networks.recurrent else 0
        self._state = np.zeros((lanes, nodes), np.float32)
        self._out = np.empty((lanes, networks.num_outputs), np.float32)
        bound = forward_lanes.bind(activate=activation_switch(), multiply_add=fused_multiply_add)
        self._driver = bound.compiled
        self._arguments = (*network_arguments(networks), self._member, self.inputs, self._state, self._out)

    def begin(self, lane: int, network: int) -> None:
        """Put a network into a lane, its state 0."""
        self._member[lane] = network
        self._state[lane] = 0.0

    def move(self, source: int, target: int) -> None:
        """Move the network of one lane, its inputs and its state, to another."""
        for rows in (self._member, self.inputs, self._state):
            rows[target] = rows[source]

    def forward(self, lanes: int) -> NDArray[np.float32]:
        """Outputs float32 [lanes, O] of the first ``lanes`` lanes on their inputs; valid until the next call."""
        self._driver(0, lanes, *self._arguments)
        return self._out[:lanes]
