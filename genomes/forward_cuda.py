"""Networks on data, on the GPU: what `genomes.forward` does there.

Networks cross once, array by array; CuPy copies each to page-locked memory and goes on, so that one is on its way while
the next is copied. To let the crossing overlap with more than that would not pay: 10,000 networks of 100 connections
are 12 MB, 0.3 ms at 50 GB/s, and 100,000 are 3 ms, beside 250 ms in which two cores evolve as many; genomes that evolve
on the GPU do not cross at all.
"""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genomes.backend import arrays, multiprocessors, to_device, to_host
from genomes.functions import activation_rows_switch
from genomes.kernels.columns_cuda import ONE_ROW, column_bindings, room
from genomes.kernels.forward_cuda import each_columns, forward_columns
from genomes.networks import Networks

__all__ = [
    "device_arguments",
    "forward_each_on_gpu",
    "forward_on_device",
    "forward_on_gpu",
    "group_for",
    "resident",
]

_GROUP = 16
_OUTPUTS = 1 << 30  # float32 outputs that are on the device at a time
_ARRAYS = ("node_start", "edge_start", "bias", "activation", "aggregation", "source", "weight", "output_slot", "rate")
_resident: dict[int, Any] = {}  # by the id of the host's array


def forward_on_gpu(networks: Networks, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Outputs [P, R, O] of all networks on the rows X [R, task_inputs], both on the host."""
    columns, size = to_device(rows.T), len(networks)
    step = max(_OUTPUTS // (len(rows) * networks.num_outputs), 1)
    if step >= size:
        return to_host(forward_on_device(networks, columns))
    parts = (networks.part(first, min(first + step, size)) for first in range(0, size, step))
    return np.concatenate([to_host(forward_on_device(part, columns)) for part in parts])


def forward_on_device(networks: Networks, columns: Any) -> Any:
    """The same on the device; ``columns`` float32 [task_inputs, R]."""
    size, rows = len(networks), columns.shape[1]
    out = arrays().empty((size, rows, networks.num_outputs), np.float32)
    plan = room(networks.max_slots, rows)
    tiles = -(-rows // plan.threads)
    group = group_for(size, tiles)
    bindings = ONE_ROW | column_bindings(plan.in_shared)
    driver = forward_columns.bind(**bindings, activate_rows=activation_rows_switch(1))
    blocks = min(plan.blocks, -(-size // group) * tiles)
    arguments = (*device_arguments(networks), columns, group, plan.size, plan.scratch, out)
    driver.launch(blocks, plan.threads, plan.shared, *arguments)
    return out


def forward_each_on_gpu(
    networks: Networks, rows: NDArray[np.float32], state: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Outputs [P, O] of each network on a row of its own; ``state`` [N] is updated. All are on the host."""
    xp, size = arrays(), len(networks)
    plan = room(networks.max_slots, size)
    out, on_device = xp.empty((size, networks.num_outputs), np.float32), xp.array(state)
    bindings = ONE_ROW | column_bindings(plan.in_shared)
    driver = each_columns.bind(**bindings, activate_rows=activation_rows_switch(1))
    arguments = (*device_arguments(networks), to_device(rows), plan.size, plan.scratch, on_device, out)
    driver.launch(min(plan.blocks, -(-size // plan.threads)), plan.threads, plan.shared, *arguments)
    state[...] = to_host(on_device)
    return to_host(out)


def device_arguments(networks: Networks) -> tuple[Any, ...]:
    """`genomes.forward.network_arguments` in the memory of the device, but for the buffer's size."""
    *genes, rate = (resident(getattr(networks, name)) for name in _ARRAYS)
    bias_input = np.float32(networks.bias_input or 0.0)
    shape = (networks.num_inputs, bias_input, networks.recurrent, rate, networks.activations_per_step)
    return *genes, *shape


def resident(array: Any) -> Any:
    """A copy of a host's array in the memory of the device, for as long as the host's lives: it crosses once.

    So networks that share arrays (the same graphs with other weights) send only the others. Nobody may write to an
    array that has crossed.
    """
    if not isinstance(array, np.ndarray):
        return array
    key = id(array)
    if key not in _resident:
        _resident[key] = arrays().array(np.ascontiguousarray(array))
        weakref.finalize(array, _resident.pop, key, None)
    return _resident[key]


def group_for(size: int, tiles: int) -> int:
    """How many networks share a tile's inputs: few enough that every multiprocessor has work."""
    return max(min(_GROUP, size * tiles // (8 * multiprocessors())), 1)
