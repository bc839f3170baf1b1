"""The readout in closed form: output weights by ridge regression on the nodes that the outputs read.

As in extreme learning machines (Huang, Zhu & Siew, Neurocomputing 70, 2006, section 3) with the penalty of Hoerl &
Kennard (Technometrics 12, 1970); here evolution finds the hidden nodes and which of them an output reads.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.supervised import Rows
from genomes.forward import forward
from genomes.functions import aggregation_code
from genomes.networks import Networks

__all__ = ["ridge_readout"]


def ridge_readout(networks: Networks, rows: Rows, num_classes: int = 0, penalty: float = 1.0) -> Networks:
    """The networks with the output weights and biases of least squared error on these rows.

    Parameters
    ----------
    networks : feed-forward. Outputs that do not aggregate by sum, or that another node reads, keep their weights; so
        does a network whose hidden nodes give numbers that are not finite.
    rows : targets that are classes become -1 and 1.
    penalty : of the squared weights, biases excepted; 0 or more.
    """
    if networks.recurrent:
        raise ValueError("a readout is for feed-forward networks")
    if penalty < 0:
        raise ValueError(f"penalty must be 0 or more, got {penalty}")
    targets = _signs(rows.y, networks.num_outputs) if num_classes else rows.y.astype(np.float64)
    weight, bias = networks.weight.copy(), networks.bias.copy()
    for p in range(len(networks)):
        _solve(networks, p, rows, targets, penalty, weight, bias)
    return dataclasses.replace(networks, weight=weight, bias=bias)


def _signs(labels: NDArray[np.int32], outputs: int) -> NDArray[np.float64]:
    """+1 where a row is of the output's class (of one output: the second), else -1; [R, O]."""
    own = labels[:, None] == (np.arange(outputs) if outputs > 1 else 1)
    return np.where(own, 1.0, -1.0).astype(np.float64)


def _solve(
    networks: Networks,
    p: int,
    rows: Rows,
    targets: NDArray[np.float64],
    penalty: float,
    weight: NDArray[np.float32],
    bias: NDArray[np.float32],
) -> None:
    """Write the output weights and biases of network ``p``."""
    first, last = networks.node_start[p], networks.node_start[p + 1]
    node = first + networks.output_slot[p].astype(np.int64) - networks.num_inputs  # of each output
    edges = [slice(networks.edge_start[n], networks.edge_start[n + 1]) for n in node]
    inner = networks.source[networks.edge_start[first] : networks.edge_start[last]]
    summed = networks.aggregation[node] == aggregation_code("sum")
    if np.isin(networks.output_slot[p], inner).any() or not summed.all():
        return
    read = np.unique(np.concatenate([networks.source[e] for e in edges]))
    values = np.ones((len(rows), len(read) + 1))  # the last column is the bias's
    if len(read):
        values[:, :-1] = forward(_reading(networks, p, read), rows.X)[0]
    if not np.isfinite(values).all():
        return
    weighted = values if rows.weight is None else values * rows.weight[:, None]
    gram, moments = values.T @ weighted, weighted.T @ targets
    gram[np.arange(len(read)), np.arange(len(read))] += penalty
    groups: dict[bytes, list[int]] = {}  # outputs that read the same nodes are solved together
    for k, e in enumerate(edges):
        groups.setdefault(networks.source[e].tobytes(), []).append(k)
    for outputs in groups.values():
        chosen = np.append(np.searchsorted(read, networks.source[edges[outputs[0]]]), len(read))
        square, right = gram[chosen][:, chosen], moments[chosen][:, outputs]
        solution = _least_squares(square, right, penalty)
        for column, k in enumerate(outputs):
            weight[edges[k]], bias[node[k]] = solution[:-1, column], solution[-1, column]


def _least_squares(square: NDArray[np.float64], right: NDArray[np.float64], penalty: float) -> NDArray[Any]:
    """The solution of normal equations, and where it is not unique the smallest one."""
    if penalty > 0:
        try:
            return np.linalg.solve(square, right)
        except np.linalg.LinAlgError:  # values so large that the penalty is lost in rounding
            pass
    return np.linalg.lstsq(square, right, rcond=None)[0]


def _reading(networks: Networks, p: int, slots: NDArray[np.int32]) -> Networks:
    """Network ``p`` alone, its outputs being these slots."""
    first, last = networks.node_start[p], networks.node_start[p + 1]
    begin, end = networks.edge_start[first], networks.edge_start[last]
    return dataclasses.replace(
        networks,
        num_outputs=len(slots),
        node_start=np.array([0, last - first]),
        edge_start=networks.edge_start[first : last + 1] - begin,
        bias=networks.bias[first:last],
        activation=networks.activation[first:last],
        aggregation=networks.aggregation[first:last],
        source=networks.source[begin:end],
        weight=networks.weight[begin:end],
        output_slot=slots[None].astype(np.int32),
        edge_gene=None,
        node_gene=None,
    )
