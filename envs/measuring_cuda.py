"""Losses, scores and gradients on the GPU: what `envs.measuring` sums up there."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from envs.kernels import losses_cuda
from envs.kernels.losses import CODES, SCRATCH
from envs.losses import Measure
from envs.rows import Rows
from genomes.backend import arrays, to_device, to_host
from genomes.forward import as_rows
from genomes.forward_cuda import device_arguments, group_for
from genomes.functions import activation_rows_switch, activation_slopes_switch
from genomes.kernels.backward import SCRATCH as ADJOINTS
from genomes.kernels.columns_cuda import ONE_ROW, Columns, column_bindings, room
from genomes.networks import Networks

__all__ = ["Data", "gradient_sums_on_device", "gradient_sums_on_gpu", "totals_on_device", "totals_on_gpu"]

_PASSES = 16  # rows that a thread takes before threads are added up, or more, so that tiles are at most _MOST_TILES
_MOST_TILES = 64
_SUMS = 1 << 28  # float64 sums of tiles that are on the device at a time
_resident: WeakKeyDictionary[Rows, tuple[Any, ...]] = WeakKeyDictionary()


class Data:
    """Rows of data in the memory of the device, to which they cross once.

    Parameters
    ----------
    index : [P, B] the rows of each network; None: all rows for all.
    """

    def __init__(self, rows: Rows, inputs: int, index: NDArray[np.int64] | None = None) -> None:
        self.classes, self.own = rows.classes, index is not None
        X = as_rows(rows.X, inputs)  # kernels read no further than these columns, also of rows that are there already
        if rows not in _resident:
            weight = np.ones(len(rows), np.float32) if rows.weight is None else rows.weight
            _resident[rows] = to_device(X.T), to_device(rows.y.T), to_device(weight)
        self.X, self.y, self.weight = _resident[rows]  # X [task_inputs, R]
        self.index = to_device(np.zeros((1, 1), np.int64) if index is None else index)
        self.count = len(rows) if index is None else index.shape[1]

    def arguments(self, name: str) -> tuple[Any, ...]:
        """What the kernels take of the data."""
        return self.X, self.y, self.weight, CODES[name], self.index, self.count


def totals_on_gpu(
    networks: Networks, rows: Rows, chosen: Measure, index: NDArray[np.int64] | None = None
) -> NDArray[np.float64]:
    """Sums [P, K] of a measure over the rows."""
    return to_host(totals_on_device(networks, Data(rows, networks.task_inputs, index), chosen))


def totals_on_device(networks: Networks, data: Data, chosen: Measure) -> Any:
    """The same, of data that is on the device, and left there."""
    size, width, slots = len(networks), chosen.width(networks.num_outputs), networks.max_slots + SCRATCH
    group = 1 if data.own or width > 1 else group_for(size, -(-data.count // 2048))
    plan = room(slots + group * width, data.count)
    tiles, tile_rows = _tiles(plan, data.count)
    totals = arrays().empty((size, tiles, width), np.float64)
    driver = losses_cuda.loss_columns.bind(
        **_bindings(data, plan),
        activate_rows=activation_rows_switch(1),
        add_row=losses_cuda.ADD_ROW[data.classes],
    )
    driver.launch(
        min(plan.blocks, -(-size // group) * tiles), plan.threads, plan.shared,
        *device_arguments(networks), slots, *data.arguments(chosen.name), tile_rows, group, plan.size, plan.scratch,
        totals,
    )  # fmt: skip
    return totals.sum(axis=1)


def gradient_sums_on_gpu(
    networks: Networks, rows: Rows, chosen: Measure, index: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Gradients [E] and [N] summed over the rows."""
    size = len(networks)
    step = max(_SUMS * size // (_MOST_TILES * (len(networks.weight) + len(networks.bias) + 1)), 1)
    sums = []
    for first in range(0, size, step):
        last = min(first + step, size)
        part = networks if step >= size else networks.part(first, last)
        own = index if index is None else index[first:last]
        by_weight, by_bias = gradient_sums_on_device(part, Data(rows, networks.task_inputs, own), chosen)
        sums.append((to_host(by_weight), to_host(by_bias)))
    return sums[0] if step >= size else tuple(map(np.concatenate, zip(*sums, strict=True)))  # type: ignore[return-value]


def gradient_sums_on_device(networks: Networks, data: Data, chosen: Measure) -> tuple[Any, Any]:
    """The same, of data that is on the device, and left there."""
    edges, nodes = np.diff(networks.edge_start[networks.node_start]), np.diff(networks.node_start)
    slots = networks.max_slots + SCRATCH
    plan = room(3 * slots + ADJOINTS + int((edges + nodes).max()), data.count)
    tiles, tile_rows = _tiles(plan, data.count)
    sums = (
        arrays().empty((tiles, len(networks.weight)), np.float64),
        arrays().empty((tiles, len(networks.bias)), np.float64),
    )
    driver = losses_cuda.gradient_columns.bind(
        **_bindings(data, plan),
        activate_rows=activation_slopes_switch(1),
        put_adjoints=losses_cuda.PUT_ADJOINTS[data.classes],
    )
    driver.launch(
        min(plan.blocks, len(networks) * tiles), plan.threads, plan.shared,
        *device_arguments(networks), slots, *data.arguments(chosen.name), tile_rows, plan.size, plan.scratch, *sums,
    )  # fmt: skip
    return sums[0].sum(axis=0), sums[1].sum(axis=0)


def _tiles(plan: Columns, rows: int) -> tuple[int, int]:
    """Number of tiles, and rows of each: a function of the data and the networks, so that sums are, too."""
    passes = max(_PASSES, -(-rows // (plan.threads * _MOST_TILES)))
    tile_rows = passes * plan.threads
    return -(-rows // tile_rows), tile_rows


def _bindings(data: Data, plan: Columns) -> dict[str, Any]:
    pick = losses_cuda.own_row if data.own else losses_cuda.same_row
    return {**ONE_ROW, **column_bindings(plan.in_shared), "pick_row": pick}
