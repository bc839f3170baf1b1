"""Networks in slices on the GPU, for threads that each evaluate another one."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from genomes.backend import arrays, multiprocessors, numbers
from genomes.each import ready
from genomes.forward_cuda import device_arguments, resident
from genomes.kernels.slices_cuda import WIDTH, fill_slices
from genomes.networks import Networks

__all__ = ["Slices", "slices_of"]

_THREADS, _BLOCKS = 128, 16  # of a block; blocks of a multiprocessor


@dataclass(frozen=True, eq=False)
class Slices:
    """P networks in slices of WIDTH, from the largest to the smallest: neighbours are alike, and the longest work
    begins first. See `genomes.kernels.slices_cuda`."""

    members: Any  # int64 [P] which network
    nodes: Any  # int64 [P] how many evaluated nodes
    node_base: Any  # int64 [slices + 1]
    edge_base: Any  # int64 [slices + 1]
    degree: Any  # by node: number of incoming edges
    bias: Any  # float32
    activation: Any  # uint8
    aggregation: Any  # uint8
    rate: Any  # float32, or [0]
    source: Any  # by edge: slot
    weight: Any  # float32
    output_slot: Any  # int32 [P, O]

    @cached_property
    def arguments(self) -> tuple[Any, ...]:
        """In this order, ready for more than one launch."""
        return tuple(ready("cuda", tuple(getattr(self, field.name) for field in dataclasses.fields(self))))


def slices_of(networks: Networks) -> Slices:
    """Lay networks out, on the device."""
    xp, size = arrays(), len(networks)
    node_start, edge_start, bias, activation, aggregation, source, weight, output_slot = device_arguments(networks)[:8]
    rate = resident(networks.rate)
    nodes, edges = xp.diff(node_start), xp.diff(edge_start[node_start])
    members = xp.argsort(-edges, kind="stable")
    node_base, edge_base = (_bases(xp, counts[members]) for counts in (nodes, edges))
    num_nodes, num_edges = numbers(node_base[-1], edge_base[-1])
    slot = np.uint16 if networks.max_slots < 1 << 16 else np.int32  # half the bytes, for nearly all
    made = Slices(
        members,
        nodes[members],
        node_base,
        edge_base,
        degree=xp.empty(num_nodes, slot),
        bias=xp.empty(num_nodes, np.float32),
        activation=xp.empty(num_nodes, np.uint8),
        aggregation=xp.empty(num_nodes, np.uint8),
        rate=xp.empty(num_nodes if len(rate) else 0, np.float32),
        source=xp.empty(num_edges, slot),
        weight=xp.empty(num_edges, np.float32),
        output_slot=output_slot[members],
    )
    threads = min(_THREADS, size)
    fill_slices.launch(
        min(-(-size // threads), _BLOCKS * multiprocessors()), threads, 0,
        made.arguments[0], *made.arguments[2:4], node_start, edge_start, bias, activation, aggregation, rate, source,
        weight, *made.arguments[4:11],
    )  # fmt: skip
    return made


def _bases(xp: Any, counts: Any) -> Any:
    """Where slices begin whose members have so many entries [P]."""
    padded = xp.zeros(-(-len(counts) // WIDTH) * WIDTH, np.int64)
    padded[: len(counts)] = counts
    start = xp.zeros(len(padded) // WIDTH + 1, np.int64)
    start[1:] = xp.cumsum(padded.reshape(-1, WIDTH).max(axis=1) * WIDTH)
    return start
