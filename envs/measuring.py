"""Losses, scores and gradients of whole populations on rows of data.

Forward and loss are one pass over blocks of rows: predictions are not stored, and memory does not grow with the
rows. Sums are taken tile by tile in float64 and added in the order of the rows: threads cannot change them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.losses import Measure, area_under_curve, find_measure, from_bins
from envs.rows import Rows
from genomes.backend import on_gpu, to_host
from genomes.forward import as_blocks, as_rows, forward, group_size, network_arguments, networks_work
from genomes.functions import activation_rows_switch, activation_slopes_switch, without_derivative
from genomes.kernels.parallel import parallel_for
from genomes.networks import Networks

__all__ = ["gradients", "jacobian", "measure"]

_SUMS = 1 << 22  # float64 sums of tiles that are held at a time
_OUTPUTS = 1 << 23  # float32 outputs that are held at a time, where a score needs all rows at once
_INPUTS = 1 << 24  # float32 inputs that are rearranged at a time
_MOST_TILES = 64
_EDGE_ROWS = 1_000_000  # work that is worth a thread: about 100 µs


def measure(
    networks: Networks,
    rows: Rows,
    name: str | Measure,
    num_classes: int = 0,
    index: NDArray[np.int64] | None = None,
) -> NDArray[np.float64]:
    """A loss or score of every network on rows of data.

    Parameters
    ----------
    num_classes : C; 0 where the targets are numbers.
    index : [P, B] the rows that each network is judged on; None: all of them.

    Returns
    -------
    float64 [P]; not finite where a network's outputs were not.

    Raises
    ------
    ValueError : the measure does not fit the targets or the networks.
    """
    chosen = _fitting(networks, rows, name, num_classes)
    if chosen.kind == "outputs":
        return _by_outputs(networks, rows, chosen, index)
    if _on_gpu(networks, rows, index, 1):
        from envs.measuring_cuda import totals_on_gpu

        totals = totals_on_gpu(networks, rows, chosen, index)
    else:
        totals = _own_totals(networks, rows, chosen, index) if index is not None else _totals(networks, rows, chosen)
    if chosen.kind == "bins":
        return from_bins(chosen.name, totals, _class_weights(rows, networks.num_outputs, index))
    with np.errstate(invalid="ignore"):  # 0 / 0 where a network's own rows are all of weight 0
        return totals[:, 0] / _total_weight(rows, index)  # type: ignore[no-any-return]


def gradients(
    networks: Networks,
    rows: Rows,
    name: str | Measure,
    num_classes: int = 0,
    index: NDArray[np.int64] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Gradient of a loss with respect to every weight and bias, by reverse-mode differentiation.

    Parameters
    ----------
    num_classes, index : as for `measure`.

    Returns
    -------
    float32 [E] by the weights, float32 [N] by the biases

    Raises
    ------
    ValueError : the measure has no gradient or does not fit the targets or the networks; the networks are recurrent
        (rows have no time for recurrent links to matter in); an activation of the user's own has no derivative.
    """
    chosen = _fitting(networks, rows, name, num_classes)
    if not chosen.gradient:
        raise ValueError(f"{chosen.name} has no gradient")
    _differentiable(networks)
    if _on_gpu(networks, rows, index, 3):
        from envs.measuring_cuda import gradient_sums_on_gpu

        by_weight, by_bias = gradient_sums_on_gpu(networks, rows, chosen, index)
    elif index is None:
        by_weight, by_bias = _gradient_sums(networks, rows, chosen)
    else:
        by_weight, by_bias = _own_gradient_sums(networks, rows, chosen, index)
    total = np.broadcast_to(_total_weight(rows, index), len(networks))
    nodes, edges = (np.diff(to_host(start)) for start in (networks.node_start, networks.edge_start))
    of_nodes = np.repeat(total, nodes)
    with np.errstate(invalid="ignore"):  # 0 / 0 where a network's own rows are all of weight 0
        by_weight, by_bias = by_weight / np.repeat(of_nodes, edges), by_bias / of_nodes
    return by_weight.astype(np.float32), by_bias.astype(np.float32)


def _gradient_sums(networks: Networks, rows: Rows, chosen: Measure) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Gradients [E] and [N] summed over all rows."""
    from envs.kernels.losses import CODES, SCRATCH
    from genomes.kernels.backward import gradient_blocks
    from genomes.kernels.forward import TILE
    from genomes.kernels.vector import BLOCK

    driver = gradient_blocks.bind(**_bindings(rows, activation_slopes_switch(BLOCK)))
    arguments, group = _arguments(networks, SCRATCH), group_size(networks)
    groups, edges = -(-len(networks) // group), len(networks.weight)
    total = np.zeros(edges + len(networks.bias))
    for X, targets, tiles in _chunks(networks, rows, len(total), TILE, BLOCK):
        sums = np.zeros((tiles, len(total)))
        data = (as_blocks(X), len(X), group, (*targets, CODES[chosen.name]), _most_sums(networks, group))
        grain = _grain(networks, len(X), groups * tiles)
        parallel_for(driver, groups * tiles, *arguments, *data, sums[:, :edges], sums[:, edges:], grain=grain)
        for tile in sums:
            total += tile
    return total[:edges], total[edges:]


def _own_gradient_sums(
    networks: Networks, rows: Rows, chosen: Measure, index: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Gradients [E] and [N] summed over each network's own rows."""
    from envs.kernels.losses import CODES, SCRATCH
    from envs.kernels.own_rows import own_gradients
    from genomes.kernels.vector import BLOCK

    driver = own_gradients.bind(**_bindings(rows, activation_slopes_switch(BLOCK)))
    sums = np.zeros(len(networks.weight)), np.zeros(len(networks.bias))
    data = (as_rows(rows.X, networks.task_inputs), _targets(rows), _weights(rows), CODES[chosen.name], index)
    grain = _grain(networks, index.shape[1], len(networks))
    arguments = (*_arguments(networks, SCRATCH), *data, _most_sums(networks, 1), *sums)
    parallel_for(driver, len(networks), *arguments, grain=grain)
    return sums


def jacobian(networks: Networks, X: NDArray[np.float32]) -> NDArray[np.float32]:
    """Derivatives of a single network's outputs on R rows, as least-squares methods need them.

    On the CPU, whatever the network's device: it writes 4 bytes for every two or three operations, so that their way
    back from a GPU would take longer than computing them.

    Returns
    -------
    float32 [R, O, E + N] by the weights, then by the biases

    Raises
    ------
    ValueError : more than one network; or see `gradients`.
    """
    from genomes.kernels.jacobian import ROW_BY_ROW, jacobian_rows
    from genomes.kernels.vector import BLOCK, fused_multiply_add

    if len(networks) != 1:
        raise ValueError(f"a Jacobian is of a single network, got {len(networks)}")
    _differentiable(networks)
    rows = as_rows(X, networks.task_inputs)
    out = np.empty((len(rows), networks.num_outputs, len(networks.weight) + len(networks.bias)), np.float32)
    switch = {"activate_rows": activation_slopes_switch(BLOCK), "multiply_add": fused_multiply_add}
    driver, blocks = jacobian_rows.bind(**switch, **ROW_BY_ROW), as_blocks(rows)
    parallel_for(driver, len(blocks), *_arguments(networks, 0), blocks, len(rows), out)
    return out


def _differentiable(networks: Networks) -> None:
    if networks.recurrent:
        raise ValueError("gradients are for feed-forward networks: rows of data have no time for recurrent links")
    unknown = without_derivative(to_host(networks.activation))
    if unknown:
        raise ValueError(f"activation {unknown[0]!r} has no derivative: register_activation(..., derivative=...)")


def _fitting(networks: Networks, rows: Rows, name: str | Measure, num_classes: int) -> Measure:
    chosen = find_measure(name)
    chosen.check(networks.num_outputs, num_classes, 1 if rows.classes else rows.y.shape[1])
    if bool(num_classes) != rows.classes:
        raise ValueError(f"num_classes is {num_classes}, the targets are {'classes' if rows.classes else 'numbers'}")
    if len(rows) == 0:
        raise ValueError(f"{chosen.name} needs at least one row")
    if num_classes and not 0 <= rows.y.min() <= rows.y.max() < num_classes:
        bad = rows.y.min() if rows.y.min() < 0 else rows.y.max()
        raise ValueError(f"class {bad} is not below num_classes = {num_classes}")
    return chosen


def _arguments(networks: Networks, scratch: int) -> tuple[Any, ...]:
    """What the kernels take of the networks, with so many more rows in the buffer."""
    return (*network_arguments(networks)[:-1], networks.max_slots + scratch)


def _grain(networks: Networks, rows: int, items: int) -> int:
    return int(_EDGE_ROWS * items / (networks_work(networks) * max(rows, 1))) + 1


def _on_gpu(networks: Networks, rows: Rows, index: NDArray[np.int64] | None, passes: int) -> bool:
    """Whether so many passes over the rows are done there."""
    count = len(rows) if index is None else index.shape[1]
    work, threads = passes * networks_work(networks) * count, len(networks) * count
    return threads > 0 and on_gpu(networks.device, work, threads)


def _bindings(rows: Rows, activate_rows: Any) -> dict[str, Any]:
    """What the drivers are bound to, the same for all measures: one kernel for numbers, one for classes."""
    from envs.kernels import losses, own_rows
    from genomes.kernels.vector import fused_multiply_add

    shared = {"activate_rows": activate_rows, "multiply_add": fused_multiply_add}
    own = own_rows.CLASSES if rows.classes else own_rows.NUMBERS
    return shared | own | (losses.CLASSES if rows.classes else losses.NUMBERS)


def _totals(networks: Networks, rows: Rows, chosen: Measure) -> NDArray[np.float64]:
    """Sums [P, K] over all rows."""
    from envs.kernels.losses import CODES, SCRATCH
    from genomes.kernels.forward import TILE, forward_blocks
    from genomes.kernels.vector import BLOCK

    size, width = len(networks), chosen.width(networks.num_outputs)
    driver = forward_blocks.bind(**_bindings(rows, activation_rows_switch(BLOCK)))
    arguments = _arguments(networks, SCRATCH)
    group, totals = group_size(networks), np.zeros((size, width))
    groups = -(-size // group)
    for X, targets, tiles in _chunks(networks, rows, size * width, TILE, BLOCK):
        sums = np.zeros((size, tiles, width))
        grain = _grain(networks, len(X), groups * tiles)
        data = (as_blocks(X), len(X), group, (*targets, CODES[chosen.name], sums))
        parallel_for(driver, groups * tiles, *arguments, *data, grain=grain)
        for tile in range(tiles):
            totals += sums[:, tile]
    return totals


def _own_totals(networks: Networks, rows: Rows, chosen: Measure, index: NDArray[np.int64]) -> NDArray[np.float64]:
    """Sums [P, K] over each network's own rows."""
    from envs.kernels import own_rows
    from envs.kernels.losses import CODES, SCRATCH
    from genomes.kernels.vector import BLOCK

    driver = own_rows.own_losses.bind(**_bindings(rows, activation_rows_switch(BLOCK)))
    totals = np.zeros((len(networks), 1, chosen.width(networks.num_outputs)))
    data = (as_rows(rows.X, networks.task_inputs), _targets(rows), _weights(rows), CODES[chosen.name], index)
    grain = _grain(networks, index.shape[1], len(networks))
    parallel_for(driver, len(networks), *_arguments(networks, SCRATCH), *data, totals, grain=grain)
    return totals[:, 0]


def _chunks(
    networks: Networks, rows: Rows, sums: int, tile_rows: int, block: int
) -> Iterator[tuple[NDArray[np.float32], tuple[NDArray[Any], NDArray[np.float32]], int]]:
    """Inputs, targets padded to whole blocks, and number of tiles of as many rows as can be summed at a time."""
    X, y, weight = as_rows(rows.X, networks.task_inputs), _targets(rows), _weights(rows)
    tiles = min(_SUMS // max(sums, 1), _INPUTS // (tile_rows * max(X.shape[1], 1)), _MOST_TILES)
    step = max(tiles, 1) * tile_rows
    for begin in range(0, len(rows), step):
        end = min(begin + step, len(rows))
        short = -(end - begin) % block
        padded = np.pad(y[..., begin:end], [(0, 0)] * (y.ndim - 1) + [(0, short)])
        yield X[begin:end], (padded, np.pad(weight[begin:end], (0, short))), -(-(end - begin) // tile_rows)


def _by_outputs(
    networks: Networks, rows: Rows, chosen: Measure, index: NDArray[np.int64] | None
) -> NDArray[np.float64]:
    """A score that needs a network's outputs on all rows at once."""
    values = np.full(len(networks), np.nan)
    step = 1 if index is not None else max(_OUTPUTS // (len(rows) * networks.num_outputs), 1)
    for first in range(0, len(networks), step):
        part = networks.part(first, min(first + step, len(networks)))
        own = rows if index is None else rows.select(index[first])
        arguments = (chosen, forward(part, own.X), own, values[first : first + step])
        if chosen.function is None:
            parallel_for(_score_some, len(part), *arguments)  # NumPy's sorts release the GIL
        else:
            _score_some(0, len(part), *arguments)
    return values


def _score_some(
    begin: int, end: int, chosen: Measure, outputs: NDArray[np.float32], rows: Rows, values: NDArray[np.float64]
) -> None:
    """Scores of networks begin..end-1, given outputs [P, R, O]; left as they are where an output is not finite."""
    for p in range(begin, end):
        if not np.isfinite(outputs[p]).all():
            continue
        if chosen.function is None:
            values[p] = area_under_curve(outputs[p], rows.y, _weights(rows))
        else:
            values[p] = chosen.function(outputs[p], rows.y)


def _targets(rows: Rows) -> NDArray[Any]:
    """Numbers float32 [O, R], or classes int32 [R]."""
    return np.ascontiguousarray(rows.y.T)


def _weights(rows: Rows) -> NDArray[np.float32]:
    return np.ones(len(rows), np.float32) if rows.weight is None else rows.weight


def _total_weight(rows: Rows, index: NDArray[np.int64] | None) -> Any:
    """float64, or [P] where each network has its own rows."""
    if rows.weight is None:
        return np.float64(len(rows) if index is None else index.shape[1])
    weight = _weights(rows).astype(np.float64)
    return weight.sum() if index is None else weight[index].sum(axis=1)


def _class_weights(rows: Rows, outputs: int, index: NDArray[np.int64] | None) -> NDArray[np.float64]:
    """Total weight [C], or [P, C], of the rows of each class."""
    y, weight = rows.y, _weights(rows).astype(np.float64)
    if index is not None:
        y, weight = y[index], weight[index]
    return np.stack([(weight * (y == c)).sum(axis=-1) for c in range(max(outputs, 2))], axis=-1)


def _most_sums(networks: Networks, group: int) -> int:
    """Greatest number of edges and nodes of ``group`` neighbours."""
    bounds = np.append(np.arange(0, len(networks), group), len(networks))
    nodes = networks.node_start[bounds]
    return int(np.diff(nodes + networks.edge_start[nodes]).max(initial=0))
