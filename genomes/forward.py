"""Networks on data: all networks on all rows, or each on a row of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genomes.backend import on_gpu
from genomes.functions import activation_rows_switch, activation_switch
from genomes.kernels.parallel import parallel_for
from genomes.networks import Networks

__all__ = ["forward", "forward_each", "initial_state"]

_GROUP, _MOST_GROUP = 16, 128
_EDGE_ROWS = 1_000_000  # work that is worth a thread: about 100 µs


def forward(networks: Networks, X: ArrayLike) -> NDArray[np.float32]:
    """Outputs of all networks on all rows.

    Recurrent networks start each row from state 0 and are activated ``networks.activations_per_step`` times on it.

    Parameters
    ----------
    X : float32 [R, task_inputs] (converted if need be).

    Returns
    -------
    float32 [P, R, O]

    Raises
    ------
    ValueError : the shape of ``X`` does not fit.
    """
    from genomes.kernels import forward as kernels
    from genomes.kernels.vector import BLOCK, fused_multiply_add

    rows = as_rows(X, networks.task_inputs)
    out = np.empty((len(networks), len(rows), networks.num_outputs), np.float32)
    if out.size == 0:
        return out
    if on_gpu(networks.device, networks_work(networks) * len(rows), len(networks) * len(rows)):
        from genomes.forward_cuda import forward_on_gpu

        return forward_on_gpu(networks, rows)
    group = group_size(networks)
    groups, tiles = -(-len(networks) // group), -(-len(rows) // kernels.TILE)
    work = networks_work(networks) * len(rows) / (groups * tiles)
    driver = kernels.forward_blocks.bind(activate_rows=activation_rows_switch(BLOCK), multiply_add=fused_multiply_add)
    grain = int(_EDGE_ROWS / work) + 1
    parallel_for(
        driver, groups * tiles, *network_arguments(networks), as_blocks(rows), len(rows), group, out, grain=grain
    )
    return out


def forward_each(networks: Networks, X: ArrayLike, state: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    """Outputs of each network on a row of its own.

    Parameters
    ----------
    X : float32 [P, task_inputs] (converted if need be).
    state : float32 [N], recurrent networks only: the nodes' values of the previous step, updated in place; see
        `initial_state`. None: all 0.

    Returns
    -------
    float32 [P, O]

    Raises
    ------
    ValueError : the shape of ``X`` or ``state`` does not fit.
    """
    rows = as_rows(X, networks.task_inputs)
    if len(rows) != len(networks):
        raise ValueError(f"X must have a row for each of {len(networks)} networks, got {len(rows)}")
    if state is None:
        state = initial_state(networks)
    elif state.shape != networks.bias.shape or state.dtype != np.float32:
        raise ValueError(f"state must be float32 {networks.bias.shape}, got {state.dtype} {state.shape}")
    if len(networks) and on_gpu(networks.device, networks_work(networks), len(networks)):
        from genomes.forward_cuda import forward_each_on_gpu

        return forward_each_on_gpu(networks, rows, state)
    out = np.empty((len(networks), networks.num_outputs), np.float32)
    grain = int(_EDGE_ROWS / 20 * len(networks) / networks_work(networks)) + 1
    parallel_for(step_driver(), len(networks), *network_arguments(networks), rows, state, out, grain=grain)
    return out


def initial_state(networks: Networks) -> NDArray[np.float32]:
    """The state [N] of recurrent networks before their first step: all 0."""
    return np.zeros(len(networks.bias), np.float32)


def step_driver() -> Any:
    """The kernel of `forward_each`, bound to the current table of functions."""
    from genomes.kernels.forward_each import forward_each as driver
    from genomes.kernels.vector import fused_multiply_add

    return driver.bind(activate=activation_switch(), multiply_add=fused_multiply_add)


def network_arguments(networks: Networks) -> tuple[Any, ...]:
    """What the forward kernels take of the networks, in their order."""
    return (
        networks.node_start,
        networks.edge_start,
        networks.bias,
        networks.activation,
        networks.aggregation,
        networks.source,
        networks.weight,
        networks.output_slot,
        networks.num_inputs,
        np.float32(networks.bias_input or 0.0),
        networks.recurrent,
        networks.rate,
        networks.activations_per_step,
        networks.max_slots,
    )


def group_size(networks: Networks) -> int:
    """How many networks share the inputs of a block: so many that it costs little to load them."""
    work = networks_work(networks) // max(len(networks), 1)
    return min(max(_GROUP, _GROUP * networks.num_inputs // work), _MOST_GROUP)


def as_blocks(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows [R, I] as the forward kernels read them: [blocks, I, BLOCK]."""
    from genomes.kernels.forward import transpose_blocks
    from genomes.kernels.vector import BLOCK

    count = -(-len(rows) // BLOCK)
    blocks = np.empty((count, rows.shape[1], BLOCK), np.float32)
    parallel_for(transpose_blocks, count, rows, blocks, grain=_EDGE_ROWS // (BLOCK * rows.shape[1]) + 1)
    return blocks


def networks_work(networks: Networks) -> int:
    """A measure of one row's work on all networks: an activation counts as two edges."""
    return len(networks.weight) + 2 * len(networks.bias) + 1


def as_rows(X: ArrayLike, columns: int) -> NDArray[np.float32]:
    """``X`` as a contiguous float32 array of rows with this many columns."""
    rows = np.ascontiguousarray(X, dtype=np.float32)
    if rows.ndim != 2 or rows.shape[1] != columns:
        raise ValueError(f"X must have shape [rows, {columns}], got {list(rows.shape)}")
    return rows
