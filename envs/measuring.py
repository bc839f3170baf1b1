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
from genomes.forward import as_rows, forward, network_arguments, networks_work
from genomes.functions import activation_rows_switch, activation_slopes_switch, without_derivative
from genomes.kernels.parallel import parallel_for
from genomes.networks import Networks

__all__ = ["gradients", "measure"]

_SUMS = 1 << 22  # float64 sums of tiles that are held at a time
_OUTPUTS = 1 << 23  # float32 outputs that are held at a time, where a score needs all rows at once
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
    totals = _own_totals(networks, rows, chosen, index) if index is not None else _totals(networks, rows, chosen)
    if chosen.kind == "bins":
        return from_bins(chosen.name, totals, _class_weights(rows, networks.num_outputs, index))
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
    from envs.kernels import losses, own_rows
    from genomes.kernels.backward import gradient_blocks
    from genomes.kernels.forward import GROUP, TILE
    from genomes.kernels.vector import BLOCK

    chosen = _fitting(networks, rows, name, num_classes)
    if not chosen.gradient:
        raise ValueError(f"{chosen.name} has no gradient")
    if networks.recurrent:
        raise ValueError("gradients are for feed-forward networks: rows of data have no time for recurrent links")
    unknown = without_derivative(networks.activation)
    if unknown:
        raise ValueError(f"activation {unknown[0]!r} has no derivative: register_activation(..., derivative=...)")
    bindings = _bindings(rows, activation_slopes_switch(BLOCK))
    size, arguments = len(networks), _arguments(networks, losses.SCRATCH)
    num_edges, num_nodes = len(networks.weight), len(networks.bias)
    if index is not None:
        own = own_rows.own_gradients.bind(**bindings)
        weight_sums, bias_sums = np.zeros(num_edges), np.zeros(num_nodes)
        data = (as_rows(rows.X, networks.task_inputs), _targets(rows), _weights(rows), losses.CODES[chosen.name], index)
        grain = _grain(networks, index.shape[1], size)
        parallel_for(own, size, *arguments, *data, _most_sums(networks, 1), weight_sums, bias_sums, grain=grain)
        total = _total_weight(rows, index)
        weight_sums /= np.repeat(total, np.diff(networks.edge_start[networks.node_start]))
        bias_sums /= np.repeat(total, np.diff(networks.node_start))
        return weight_sums.astype(np.float32), bias_sums.astype(np.float32)
    driver = gradient_blocks.bind(**bindings)
    groups, total_sums = -(-size // GROUP), np.zeros(num_edges + num_nodes)
    for X, targets, tiles in _chunks(networks, rows, num_edges + num_nodes, TILE, BLOCK):
        sums = np.zeros((tiles, num_edges + num_nodes))
        split = (sums[:, :num_edges], sums[:, num_edges:])
        grain = _grain(networks, len(X), groups * tiles)
        work = (*arguments, X, (*targets, losses.CODES[chosen.name]), _most_sums(networks, GROUP), *split)
        parallel_for(driver, groups * tiles, *work, grain=grain)
        for tile in sums:
            total_sums += tile
    total_sums /= _total_weight(rows, None)
    gradient = total_sums.astype(np.float32)
    return gradient[:num_edges], gradient[num_edges:]


def _fitting(networks: Networks, rows: Rows, name: str | Measure, num_classes: int) -> Measure:
    chosen = find_measure(name)
    chosen.check(networks.num_outputs, num_classes, 1 if rows.classes else rows.y.shape[1])
    if bool(num_classes) != rows.classes:
        raise ValueError(f"num_classes is {num_classes}, the targets are {'classes' if rows.classes else 'numbers'}")
    if len(rows) == 0:
        raise ValueError(f"{chosen.name} needs at least one row")
    return chosen


def _arguments(networks: Networks, scratch: int) -> tuple[Any, ...]:
    """What the kernels take of the networks, with so many more rows in the buffer."""
    return (*network_arguments(networks)[:-1], networks.max_slots + scratch)


def _grain(networks: Networks, rows: int, items: int) -> int:
    return int(_EDGE_ROWS * items / (networks_work(networks) * max(rows, 1))) + 1


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
    from genomes.kernels.forward import GROUP, TILE, forward_blocks
    from genomes.kernels.vector import BLOCK

    size, width = len(networks), chosen.width(networks.num_outputs)
    driver = forward_blocks.bind(**_bindings(rows, activation_rows_switch(BLOCK)))
    arguments = _arguments(networks, SCRATCH)
    groups, totals = -(-size // GROUP), np.zeros((size, width))
    for X, targets, tiles in _chunks(networks, rows, size * width, TILE, BLOCK):
        sums = np.zeros((size, tiles, width))
        grain = _grain(networks, len(X), groups * tiles)
        parallel_for(driver, groups * tiles, *arguments, X, (*targets, CODES[chosen.name], sums), grain=grain)
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
    step = min(max(_SUMS // max(sums, 1), 1), _MOST_TILES) * tile_rows
    for begin in range(0, len(rows), step):
        end = min(begin + step, len(rows))
        short = -(end - begin) % block
        padded = np.pad(y[..., begin:end], [(0, 0)] * (y.ndim - 1) + [(0, short)])
        yield X[begin:end], (padded, np.pad(weight[begin:end], (0, short))), -(-(end - begin) // tile_rows)


def _by_outputs(
    networks: Networks, rows: Rows, chosen: Measure, index: NDArray[np.int64] | None
) -> NDArray[np.float64]:
    """A score that needs a network's outputs on all rows at once."""
    function = chosen.function
    values = np.full(len(networks), np.nan)
    step = 1 if index is not None else max(_OUTPUTS // (len(rows) * networks.num_outputs), 1)
    for first in range(0, len(networks), step):
        part = networks.part(first, min(first + step, len(networks)))
        chosen_rows = rows if index is None else rows.select(index[first])
        outputs, weight = forward(part, chosen_rows.X), _weights(chosen_rows)

        def score(begin: int, end: int, outputs: Any = outputs, r: Rows = chosen_rows, w: Any = weight) -> None:
            for p in range(begin, end):
                if np.isfinite(outputs[p]).all():
                    own = outputs[p]
                    value = area_under_curve(own, r.y, w) if function is None else function(own, r.y)
                    values[first + p] = value  # noqa: B023

        if function is None:
            parallel_for(score, len(part))  # NumPy's sorts release the GIL
        else:
            score(0, len(part))
    return values


def _targets(rows: Rows) -> NDArray[Any]:
    """Numbers float32 [O, R], or classes int32 [R]."""
    return np.ascontiguousarray(rows.y.T)


def _weights(rows: Rows) -> NDArray[np.float32]:
    return np.ones(len(rows), np.float32) if rows.weight is None else rows.weight


def _total_weight(rows: Rows, index: NDArray[np.int64] | None) -> Any:
    """float64, or [P] where each network has its own rows."""
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
