"""Extreme learning machines (Huang, Zhu & Siew 2006; receptive fields: McDonnell et al. 2015, PLoS ONE 10(8))."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neat.weights import noise
from neat.weights.method import MethodParams, parameter

__all__ = ["ELMParams", "ExtremeLearningMachine", "ridge"]

BLOCK = 2048  # rows whose hidden layer is in memory at once


@dataclass(frozen=True)
class ELMParams(MethodParams):
    """Parameters of `ExtremeLearningMachine`."""

    units: int = parameter(1000, "hidden units", "own", low=1)
    scale: float = parameter(1.0, "deviation of what a unit sums up, and of its bias", "own: tanh's bend", low=1e-12)
    ridge: float = parameter(1e-3, "λ in units of the mean square of a hidden unit's values", "own", low=0.0)
    image: tuple[int, ...] = parameter(
        (), "(height, width): each unit sees a random rectangle of such an image, of 10 pixels or more; empty: all",
        "McDonnell et al.", low=1,
    )  # fmt: skip


class ExtremeLearningMachine:
    """A hidden layer of random weights, and a readout in closed form: β = (HᵀH + λI)⁻¹HᵀT.

    H = tanh(XW + b) with inputs centred and divided by their overall deviation; HᵀH and HᵀT are summed over blocks of
    rows, so memory is units² whatever the number of rows.

    Parameters
    ----------
    seed : decides W and b.
    """

    needs = "outputs"  # inputs and targets, once: `fit`
    weight: NDArray[np.float32]  # [I, U] W, the inputs' scaling included
    bias: NDArray[np.float32]  # [U]
    readout: NDArray[np.float64]  # [U + 1, O] β; the last row belongs to a constant 1

    def __init__(self, params: ELMParams | None = None, *, seed: int = 1) -> None:
        self.params, self.seed = params or ELMParams(), seed
        if len(self.params.image) not in (0, 2):
            raise ValueError(f"image = {self.params.image}: must be (height, width), or empty")

    def fit(self, inputs: ArrayLike, targets: ArrayLike) -> ExtremeLearningMachine:
        """Draw the hidden layer, solve the readout.

        Parameters
        ----------
        inputs : [R, I] finite.
        targets : [R, O] or [R] finite; for classes one-hot.

        Raises
        ------
        ValueError : shapes that don't match, values that are not finite, an image of another size than I.
        """
        x, t = _rows("inputs", inputs, np.float32), _rows("targets", targets, np.float64)
        if len(x) != len(t):
            raise ValueError(f"inputs have {len(x)} rows, targets {len(t)}")
        self._draw(x)
        self._flat = np.ndim(targets) == 1
        size = self.params.units + 1
        normal, moment = np.zeros((size, size)), np.zeros((size, t.shape[1]))
        for begin in range(0, len(x), BLOCK):
            hidden = self.hidden(x[begin : begin + BLOCK])
            normal += (hidden.T @ hidden).astype(np.float64)
            moment += hidden.T.astype(np.float64) @ t[begin : begin + BLOCK]
        self.readout = ridge(normal, moment, self.params.ridge)
        return self

    def predict(self, inputs: ArrayLike) -> NDArray[np.float64]:
        """Outputs [R, O], or [R] where the targets were; RuntimeError before `fit`."""
        if not hasattr(self, "readout"):
            raise RuntimeError("predict() was called before fit()")
        x = _rows("inputs", inputs, np.float32)
        if x.shape[1] != len(self.weight):
            raise ValueError(f"inputs have {x.shape[1]} columns, fitted were {len(self.weight)}")
        parts = [self.hidden(x[i : i + BLOCK]) @ self.readout for i in range(0, len(x), BLOCK)]
        outputs = np.concatenate(parts) if parts else np.zeros((0, self.readout.shape[1]))
        return outputs[:, 0] if self._flat else outputs

    def hidden(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """H [R, U + 1], the last column 1."""
        result = np.ones((len(inputs), self.params.units + 1), np.float32)
        np.tanh(inputs @ self.weight + self.bias, out=result[:, :-1])
        return result

    def _draw(self, x: NDArray[np.float32]) -> None:
        params, inputs, rows = self.params, x.shape[1], np.arange(self.params.units)
        mean = x.mean(axis=0, dtype=np.float64)
        deviation = float(np.sqrt(((x - mean.astype(np.float32)) ** 2).mean(dtype=np.float64))) or 1.0
        weight = noise.normals((self.seed, 0), noise.NOISE, rows, inputs, np.float64)
        if params.image:
            weight *= self._fields(inputs)
        weight *= params.scale / (deviation * np.sqrt((weight != 0).sum(axis=1, keepdims=True)))
        bias = params.scale * noise.normals((self.seed, 1), noise.NOISE, rows, 1, np.float64)[:, 0]
        self.weight, self.bias = weight.T.astype(np.float32), (bias - weight @ mean).astype(np.float32)

    def _fields(self, inputs: int) -> NDArray[np.bool_]:
        """[U, I] The pixels of each unit: rectangles between two random corners."""
        height, width = self.params.image
        if height * width != inputs:
            raise ValueError(f"image = {self.params.image}: {height * width} pixels, but inputs have {inputs} columns")
        fields = np.zeros((self.params.units, height, width), np.bool_)
        for unit in range(self.params.units):
            draws = noise.uniforms((self.seed, unit), noise.CHOICES, np.arange(64), 4, np.float64)
            for u in draws:  # until one is large enough
                top, bottom = sorted((u[:2] * height).astype(int))
                left, right = sorted((u[2:] * width).astype(int))
                if (bottom - top + 1) * (right - left + 1) >= min(10, inputs):
                    break
            fields[unit, top : bottom + 1, left : right + 1] = True
        return fields.reshape(self.params.units, inputs)


def ridge(normal: NDArray[np.float64], moment: NDArray[np.float64], strength: float) -> NDArray[np.float64]:
    """β = (HᵀH + λI)⁻¹HᵀT from HᵀH [U, U] and HᵀT [U, O], with λ = ``strength`` times the mean of HᵀH's diagonal."""
    size = len(normal)
    damped = normal + (strength * float(np.trace(normal)) / size) * np.eye(size)
    try:
        return np.asarray(np.linalg.solve(damped, moment), np.float64)
    except np.linalg.LinAlgError:  # strength 0 and dependent columns
        return np.asarray(np.linalg.lstsq(damped, moment, rcond=None)[0], np.float64)


def _rows(name: str, values: ArrayLike, dtype: type[np.floating]) -> NDArray[np.floating]:
    rows = np.asarray(values, dtype)
    if rows.ndim == 1 and name == "targets":
        rows = rows[:, None]
    if rows.ndim != 2:
        raise ValueError(f"{name} must have shape [R, columns], got {rows.shape}")
    if not np.isfinite(rows).all():
        row, column = np.argwhere(~np.isfinite(rows))[0]
        raise ValueError(f"{name}[{row}, {column}] = {rows[row, column]}: must be finite")
    return rows
