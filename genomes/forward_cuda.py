"""Networks on data, on the GPU: what `genomes.forward` does there."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from genomes.backend import arrays, multiprocessors, to_device, to_host
from genomes.functions import activation_rows_switch
from genomes.kernels.columns_cuda import ONE_ROW, column_bindings, room
from genomes.kernels.forward_cuda import forward_columns
from genomes.networks import Networks

__all__ = ["device_arguments", "forward_on_device", "forward_on_gpu", "group_for"]

_GROUP = 16
_ARRAYS = ("node_start", "edge_start", "bias", "activation", "aggregation", "source", "weight", "output_slot", "rate")
_uploaded: WeakKeyDictionary[Networks, tuple[Any, ...]] = WeakKeyDictionary()


def forward_on_gpu(networks: Networks, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Outputs [P, R, O] of all networks on the rows X [R, task_inputs], both on the host."""
    return to_host(forward_on_device(networks, to_device(rows.T)))


def forward_on_device(networks: Networks, columns: Any) -> Any:
    """The same on the device; ``columns`` float32 [task_inputs, R]."""
    size, rows = len(networks), columns.shape[1]
    out = arrays().empty((size, rows, networks.num_outputs), np.float32)
    plan = room(networks.max_slots, rows)
    tiles = -(-rows // plan.threads)
    group = group_for(size, tiles)
    driver = forward_columns.bind(**ONE_ROW, **column_bindings(plan.in_shared), activate_rows=activation_rows_switch(1))
    blocks = min(plan.blocks, -(-size // group) * tiles)
    arguments = (*device_arguments(networks), columns, group, plan.size, plan.scratch, out)
    driver.launch(blocks, plan.threads, plan.shared, *arguments)
    return out


def device_arguments(networks: Networks) -> tuple[Any, ...]:
    """`genomes.forward.network_arguments` in the memory of the device, but for the buffer's size; the arrays cross
    once."""
    if networks not in _uploaded:
        _uploaded[networks] = tuple(to_device(getattr(networks, name)) for name in _ARRAYS)
    bias_input = np.float32(networks.bias_input or 0.0)
    *genes, rate = _uploaded[networks]
    shape = (networks.num_inputs, bias_input, networks.recurrent, rate, networks.activations_per_step)
    return *genes, *shape


def group_for(size: int, tiles: int) -> int:
    """How many networks share a tile's inputs: few enough that every multiprocessor has work."""
    return max(min(_GROUP, size * tiles // (8 * multiprocessors())), 1)
