"""Dense nets on the GPU: products by CuPy, activations by the functions of the table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genomes.backend import arrays, multiprocessors, to_device, to_host
from genomes.functions import activation_rows_switch
from genomes.kernels.dense_cuda import activate_values

if TYPE_CHECKING:
    from genomes.dense import Dense

__all__ = ["outputs_on_gpu"]

_VALUES = 1 << 28  # float32 values of a layer that are on the device at once
_THREADS, _BLOCKS = 128, 16  # of a block; blocks of a multiprocessor


def outputs_on_gpu(net: Dense, weights: NDArray[np.float32], X: NDArray[np.float32], own: bool) -> NDArray[np.float32]:
    """Outputs [P, R, O] of nets with weights [P, D], each on its ``own`` rows or all on the same; on the host."""

    def activate(layer: int, sums: Any) -> Any:
        values = arrays().ascontiguousarray(sums).reshape(-1)
        threads = min(_THREADS, len(values))
        blocks = min(-(-len(values) // threads), _BLOCKS * multiprocessors())
        driver = activate_values.bind(activate_rows=activation_rows_switch(1))
        driver.launch(blocks, threads, 0, net.codes[layer], values)
        return values.reshape(sums.shape)

    values, rows = to_device(weights), to_device(X)
    step = max(1, _VALUES // (X.shape[own] * max(net.sizes)))
    parts = [
        to_host(net.forward(values[a : a + step], rows[a : a + step] if own else rows, activate)[-1])
        for a in range(0, len(weights), step)
    ]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
