"""XOR, the smallest task that needs a hidden node (Stanley & Miikkulainen 2002, section 4.1)."""

from __future__ import annotations

import numpy as np

from envs.task import Key, Task
from genomes.evaluation import Evaluation
from genomes.forward import forward
from genomes.networks import Networks

__all__ = ["XOR"]

INPUTS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)  # [R, I]
ANSWERS = np.array([0, 1, 1, 0], np.float32)  # [R]


class XOR(Task):
    """Fitness (4 - sum of |error|)², from 0; solved when all four outputs are on the right side of 0.5."""

    num_inputs = 2
    num_outputs = 1
    target: float | None = 1.0

    def evaluate(self, networks: Networks, key: Key) -> Evaluation:
        """Fitness, at most 16."""
        outputs = forward(networks, INPUTS)[:, :, 0].astype(np.float64)
        # An output beyond [0, 1] can err by more than the paper's sigmoid can: worse than all wrong is no better.
        closeness = np.maximum(len(ANSWERS) - np.abs(outputs - ANSWERS).sum(axis=1), 0.0)
        return Evaluation.of(closeness**2, len(ANSWERS))

    def validate(self, networks: Networks, key: Key) -> Evaluation:
        """1 where a network solves XOR, else 0."""
        outputs = forward(networks, INPUTS)[:, :, 0]
        solved = np.all((outputs > 0.5) == (ANSWERS > 0.5), axis=1)
        return Evaluation.of(np.where(np.isfinite(outputs).all(axis=1), solved, np.nan), len(ANSWERS))
