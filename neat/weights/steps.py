"""Gradient steps on flat arrays of any shape, in place: whole populations at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Adam", "adam_step", "sgd_step"]

Values = NDArray[np.float32]


@dataclass
class Adam:
    """What `adam_step` remembers of an array of parameters."""

    mean: Values  # first moment, m of the paper
    square: Values  # second raw moment, v
    steps: int = 0

    @classmethod
    def of(cls, values: Values) -> Adam:
        """Before the first step."""
        return cls(np.zeros_like(values), np.zeros_like(values))


def sgd_step(values: Values, gradient: Values, learning_rate: float) -> None:
    """``values`` -= learning_rate * gradient."""
    values -= np.float32(learning_rate) * gradient


def adam_step(
    values: Values,
    gradient: Values,
    state: Adam,
    learning_rate: float = 1e-3,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-8,
) -> None:
    """One step of Adam (Kingma & Ba 2015, algorithm 1; in the order of section 2's last paragraph).

    Parameters
    ----------
    values : changed in place.
    state : of this array, updated in place.
    """
    state.steps += 1
    state.mean += np.float32(1.0 - beta_1) * (gradient - state.mean)
    state.square += np.float32(1.0 - beta_2) * (gradient * gradient - state.square)
    unbias = np.sqrt(1.0 - beta_2**state.steps)
    rate = np.float32(learning_rate * unbias / (1.0 - beta_1**state.steps))
    values -= rate * state.mean / (np.sqrt(state.square) + np.float32(epsilon * unbias))
