"""What the networks of a generation learn before they are judged: by gradient descent, or a readout in closed form.

Lamarckian: the genomes keep what their networks have learnt. Baldwinian: only their fitness shows it (Whitley, Gordon &
Mathias 1994). Whichever it is, a champion is kept as its network was judged.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from envs.task import Key
from genomes.networks import Networks

__all__ = ["Descent", "Learning", "LeastSquares", "Readout"]


class Learning(Protocol):
    """Teaches the networks of a generation."""

    @property
    def lamarckian(self) -> bool:
        """Whether the genomes keep it."""
        ...

    def __call__(self, networks: Networks, task: Any, key: Key) -> Networks:
        """The same networks with other weights, given a `SupervisedTask`."""
        ...


@dataclass(frozen=True)
class Descent:
    """Steps down the gradient of the task's objective; see `experiments.refine`."""

    steps: int
    learning_rate: float = 0.01
    method: str = "adam"
    lamarckian: bool = True
    weight_decay: float = 0.0

    def __call__(self, networks: Networks, task: Any, key: Key) -> Networks:
        from experiments.refine import refine

        return refine(networks, task, key, self.steps, self.learning_rate, self.method, weight_decay=self.weight_decay)


@dataclass(frozen=True)
class LeastSquares:
    """Trials of the Levenberg-Marquardt method on the train rows, network by network: for numbers, and small networks;
    see `experiments.refine`."""

    steps: int
    lamarckian: bool = True

    def __call__(self, networks: Networks, task: Any, key: Key) -> Networks:
        from experiments.refine import fit_least_squares

        learnt = [fit_least_squares(networks.part(p, p + 1), task.train, self.steps) for p in range(len(networks))]
        weight, bias = (np.concatenate([getattr(one, name) for one in learnt]) for name in ("weight", "bias"))
        return dataclasses.replace(networks, weight=weight, bias=bias)


@dataclass(frozen=True)
class Readout:
    """Output weights by ridge regression on the train rows; see `envs.readout`."""

    penalty: float = 1.0
    lamarckian: bool = True

    def __call__(self, networks: Networks, task: Any, key: Key) -> Networks:
        from envs.readout import ridge_readout

        return ridge_readout(networks, task.train, task.num_classes, self.penalty)
