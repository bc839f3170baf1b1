"""Dense networks of any size as populations: multi-layer perceptrons and Elman nets, by matrix products.

Weights are a vector [D]: the matrices of the layers [to, from] row by row, then the biases of the layers. It is that of
`genomes.topology.Topology`: `Dense.networks` gives the same nets as compiled graphs, for every task of the project.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genomes.backend import DeviceError, check_device, on_gpu, products_problem
from genomes.forward import forward
from genomes.functions import (
    activation_code,
    activation_rows_switch,
    activation_slopes_switch,
    require_functions,
    without_derivative,
)
from genomes.kernels.parallel import parallel_for
from genomes.networks import Networks
from genomes.topology import copies

__all__ = ["MLP", "Dense", "Elman"]

Array = NDArray[Any]
Activate = Callable[[int, Array], Array]  # (layer, sums [P, R, size]) -> values
MEMORY = 1 << 24  # float32 values of a layer that are in memory at once: 64 MB
PRODUCTS_FROM = 1 << 14  # weights of the largest layer; below it the compiled graph is faster (1.4 to 2.7 times)
GRAIN = 256  # blocks of values that are worth a thread


class Dense:
    """What both kinds share.

    Parameters
    ----------
    sizes : inputs, hidden layers, outputs; at least (inputs, outputs).
    activation, output_activation : names in `genomes.functions`; its "tanh" is steep, tanh(2.5 x).
    device : where outputs of whole populations are computed: ``"cpu"``, ``"cuda"`` or ``"auto"``; what is done to a
        single net (`MLP.pull_back`, `MLP.jacobian`) stays on the CPU.

    Raises
    ------
    ValueError : a size below 1, too few sizes, no such activation.
    DeviceError : ``"cuda"`` without a usable GPU.
    """

    recurrent = False

    def __init__(
        self,
        sizes: Sequence[int],
        activation: str = "tanh",
        output_activation: str = "identity",
        device: str = "cpu",
    ) -> None:
        check_device(device)
        self.device = device
        self.sizes = tuple(int(size) for size in sizes)
        if len(self.sizes) < 2 or min(self.sizes) < 1:
            raise ValueError(f"sizes must be inputs, hidden layers, outputs, each 1 or more, got {list(sizes)}")
        hidden = len(self.sizes) - 2
        self.codes = np.array([activation_code(activation)] * hidden + [activation_code(output_activation)], np.uint8)
        require_functions(self.codes)
        self.shapes = self._shapes()
        bounds = np.cumsum([0, *(to * of for to, of in self.shapes), *self.sizes[1:]])
        self._cuts = [slice(int(a), int(b)) for a, b in pairwise(bounds)]
        self.size = int(bounds[-1])  # D
        self._base: Networks | None = None

    def _shapes(self) -> list[tuple[int, int]]:
        return [(to, of) for of, to in pairwise(self.sizes)]

    def first(self, seed: int = 1, scale: float = 1.0) -> NDArray[np.float32]:
        """[D] Weights of deviation scale / √inputs of their unit, biases 0."""
        rng = np.random.default_rng(seed)
        weights = np.zeros(self.size, np.float32)
        for (to, of), cut in zip(self.shapes, self._cuts, strict=False):
            weights[cut] = scale / np.sqrt(of) * rng.standard_normal(to * of)
        return weights

    def layers(self, weights: Array) -> tuple[list[Array], list[Array]]:
        """Matrices [P, to, from] and biases [P, to] of weights [P, D], as views."""
        count = len(self.shapes)
        matrices = [weights[:, c].reshape(len(weights), *s) for c, s in zip(self._cuts, self.shapes, strict=False)]
        return matrices, [weights[:, cut] for cut in self._cuts[count:]]

    def outputs(self, weights: Array, X: Array) -> NDArray[np.float32]:
        """Outputs [P, R, O] of nets with weights [P, D] on rows.

        Parameters
        ----------
        X : [R, I], or of each net its own [P, R, I]; of an Elman net sequences [R, T, I] or [P, R, T, I], of which the
            outputs are the last step's.
        """
        X, own = self._rows(X, len(weights))
        if not own and not self.recurrent and max(to * of for to, of in self.shapes) < PRODUCTS_FROM:
            return forward(self.networks(weights), X)
        values = np.asarray(weights, np.float32)
        if self._on_gpu(len(values), X.shape[own:-1]):
            from genomes.dense_cuda import outputs_on_gpu

            return outputs_on_gpu(self, values, X, own)
        step = max(1, MEMORY // (X.shape[own] * max(self.sizes)))
        parts = [
            self.forward(values[a : a + step], X[a : a + step] if own else X, self.activate)[-1]
            for a in range(0, len(values), step)
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _on_gpu(self, count: int, rows: tuple[int, ...]) -> bool:
        """Whether so many nets are computed there on rows [R], or [R, T]."""
        every = count * math.prod(rows)
        if not on_gpu(self.device, every * sum(to * of for to, of in self.shapes), every):
            return False
        problem = products_problem()
        if problem is not None and self.device == "cuda":
            raise DeviceError(f"device 'cuda': {problem}")
        return problem is None

    def _rows(self, X: Array, count: int) -> tuple[NDArray[np.float32], bool]:
        rows = np.asarray(X, np.float32)
        usual = 3 if self.recurrent else 2
        own = rows.ndim == usual + 1
        if rows.ndim - own != usual or rows.shape[-1] != self.sizes[0] or (own and len(rows) != count):
            shape = f"[R, {'T, ' if self.recurrent else ''}{self.sizes[0]}]"
            raise ValueError(f"X must have shape {shape} (or one such array a net), got {list(rows.shape)}")
        return rows, own

    def forward(self, weights: Array, X: Array, activate: Activate) -> list[Array]:
        """Values [P, R, size] of every layer but the inputs, where the arrays are.

        Parameters
        ----------
        activate : what computes a layer's values, as `activate` does on the CPU.
        """
        raise NotImplementedError

    def activate(self, layer: int, sums: Array) -> NDArray[np.float32]:
        """Values of a layer (0: the first behind the inputs), given what it sums up."""
        from genomes.kernels.dense import activate_array
        from genomes.kernels.vector import BLOCK

        values = np.ascontiguousarray(sums, np.float32)
        driver = activate_array.bind(activate_rows=activation_rows_switch(BLOCK))
        flat = values.reshape(-1)
        parallel_for(driver, -(-len(flat) // BLOCK), self.codes[layer], flat, grain=GRAIN)
        return values

    def slopes(self, layer: int, sums: Array) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Values of a layer and their derivatives; ValueError where its activation has none."""
        from genomes.kernels.dense import slopes_array
        from genomes.kernels.vector import BLOCK

        if unknown := without_derivative(self.codes):
            raise ValueError(f"activation {unknown[0]!r} has no derivative: register_activation(..., derivative=...)")
        values, slopes = np.array(sums, np.float32, order="C"), np.empty(sums.shape, np.float32)
        driver = slopes_array.bind(activate_rows=activation_slopes_switch(BLOCK))
        flat = values.reshape(-1)
        parallel_for(driver, -(-len(flat) // BLOCK), self.codes[layer], flat, slopes.reshape(-1), grain=GRAIN)
        return values, slopes

    def networks(self, weights: Array) -> Networks:
        """The same nets as compiled graphs, for any task: a step of an episode is an activation."""
        if self._base is None:
            self._base = self._graph()
        made, edges = copies(self._base, len(weights)), sum(to * of for to, of in self.shapes)
        values = np.asarray(weights, np.float32)
        return dataclasses.replace(
            made,
            weight=np.ascontiguousarray(values[:, :edges]).reshape(-1),
            bias=np.ascontiguousarray(values[:, edges:]).reshape(-1),
        )

    def _graph(self) -> Networks:
        """A single net without weights. Slots: inputs, layers; of recurrent nets the layers' previous values."""
        nodes, first = sum(self.sizes[1:]), np.cumsum([0, *self.sizes])  # slots of each layer
        sources: list[Array] = []
        for layer, (to, of) in enumerate(self.shapes):
            read = np.arange(first[layer], first[layer] + self.sizes[layer])
            if of > len(read):  # the layer's own previous values, too
                read = np.append(read, nodes + np.arange(first[layer + 1], first[layer + 2]))
            sources += [read] * to
        counts = [len(read) for read in sources]
        return Networks(
            self.sizes[0],
            self.sizes[-1],
            None,
            self.recurrent,
            node_start=np.array([0, nodes], np.int64),
            edge_start=np.cumsum([0, *counts]).astype(np.int64),
            bias=np.zeros(nodes, np.float32),
            activation=np.repeat(self.codes, self.sizes[1:]),
            aggregation=np.zeros(nodes, np.uint8),
            source=np.concatenate(sources).astype(np.int32),
            weight=np.zeros(sum(counts), np.float32),
            output_slot=np.arange(first[-2], first[-1], dtype=np.int32)[None],
            device=self.device,
        )


class MLP(Dense):
    """A multi-layer perceptron."""

    def forward(self, weights: Array, X: Array, activate: Activate) -> list[Array]:
        matrices, biases = self.layers(weights)
        values: list[Array] = []
        for layer, (matrix, bias) in enumerate(zip(matrices, biases, strict=True)):
            below = values[-1] if values else X
            values.append(activate(layer, _products(below, matrix) + bias[:, None]))
        return values

    def features(self, weights: Array, X: Array) -> NDArray[np.float32]:
        """[R, H] What the output layer of the net of weights [D] reads on rows [R, I]."""
        rows = np.asarray(X, np.float32)
        if len(self.sizes) == 2:
            return rows
        hidden: NDArray[np.float32] = self.forward(np.asarray(weights, np.float32)[None], rows, self.activate)[-2][0]
        return hidden

    def with_readout(self, weights: Array, readout: Array) -> NDArray[np.float32]:
        """[D] The weights with another output layer: [H + 1, O], the biases last."""
        changed = np.array(weights, np.float32)
        changed[self._cuts[len(self.shapes) - 1]] = readout[:-1].T.reshape(-1)
        changed[self._cuts[-1]] = readout[-1]
        return changed

    def pull_back(self, weights: Array, X: Array, slope: Array) -> NDArray[np.float64]:
        """[D] Gradient by the weights [D] of a loss on rows [R, I], given its slopes by the outputs [R, O]."""
        values, slopes, matrices = self._with_slopes(weights, X)
        gradient, count = np.zeros(self.size), len(self.shapes)
        error = np.asarray(slope, np.float32) * slopes[-1]
        for layer in range(count - 1, -1, -1):
            gradient[self._cuts[layer]] = (error.T @ values[layer]).reshape(-1)
            gradient[self._cuts[count + layer]] = error.sum(axis=0, dtype=np.float64)
            if layer:
                error = (error @ matrices[layer]) * slopes[layer - 1]
        return gradient

    def jacobian(self, weights: Array, X: Array) -> NDArray[np.float32]:
        """[R, O, D] Slopes of the outputs by the weights [D] on rows [R, I]."""
        values, slopes, matrices = self._with_slopes(weights, X)
        count, outputs = len(self.shapes), self.sizes[-1]
        result = np.empty((len(values[0]), outputs, self.size), np.float32)
        error = np.eye(outputs, dtype=np.float32) * slopes[-1][:, None]  # [R, O, to]
        for layer in range(count - 1, -1, -1):
            products = error[..., None] * values[layer][:, None, None]
            result[..., self._cuts[layer]] = products.reshape(*error.shape[:2], -1)
            result[..., self._cuts[count + layer]] = error
            if layer:
                error = (error @ matrices[layer]) * slopes[layer - 1][:, None]
        return result

    def _with_slopes(self, weights: Array, X: Array) -> tuple[list[Array], list[Array], list[Array]]:
        """Of a single net: values of all layers, inputs first, derivatives of all but those, and matrices."""
        (matrices, biases), values, slopes = (
            self.layers(np.asarray(weights, np.float32)[None]),
            [self._rows(X, 1)[0]],
            [],
        )
        for layer, (matrix, bias) in enumerate(zip(matrices, biases, strict=True)):
            value, slope = self.slopes(layer, values[-1] @ matrix[0].T + bias)
            values.append(value)
            slopes.append(slope)
        return values, slopes, [matrix[0] for matrix in matrices]


class Elman(Dense):
    """A recurrent net: its one hidden layer also reads its own values of the step before, 0 at first (Elman 1990).

    ``sizes`` are (inputs, hidden, outputs); the hidden layer's matrix is [hidden, inputs + hidden].
    """

    recurrent = True

    def _shapes(self) -> list[tuple[int, int]]:
        if len(self.sizes) != 3:
            raise ValueError(f"an Elman net has sizes (inputs, hidden, outputs), got {list(self.sizes)}")
        inputs, hidden, outputs = self.sizes
        return [(hidden, inputs + hidden), (outputs, hidden)]

    def forward(self, weights: Array, X: Array, activate: Activate) -> list[Array]:
        (inner, outer), (bias, last_bias) = self.layers(weights)
        inputs, forward = self.sizes[0], inner[..., : self.sizes[0]]
        hidden = np.zeros_like(weights, shape=(len(weights), X.shape[-3], self.sizes[1]))
        for t in range(X.shape[-2]):
            seen = _products(X[..., t, :], forward) + _products(hidden, inner[..., inputs:])
            hidden = activate(0, seen + bias[:, None])
        return [hidden, activate(1, _products(hidden, outer) + last_bias[:, None])]


def _products(below: Array, matrix: Array) -> Array:
    """[P, R, to] of rows [R, from] or [P, R, from] with matrices [P, to, from]."""
    products: Array = below @ matrix.transpose(0, 2, 1)
    return products
