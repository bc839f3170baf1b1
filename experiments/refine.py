"""Gradients inside the loop: every network of a generation learns for a few steps before it is judged.

Lamarckian evolution writes the weights back to the genomes (`genomes.networks.write_back`, `NEAT.tell`); Baldwinian
evolution leaves them as they were and only judges what they can learn (Whitley, Gordon & Mathias 1994).
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.supervised import SupervisedTask
from envs.task import Key
from genomes.networks import Networks
from neat.weights.steps import Adam, adam_step, sgd_step

__all__ = ["METHODS", "refine"]

METHODS = ("adam", "sgd")


def refine(
    networks: Networks,
    task: SupervisedTask,
    key: Key,
    steps: int = 1,
    learning_rate: float = 0.01,
    method: str = "adam",
    limit: float = 30.0,
) -> Networks:
    """The networks after some gradient steps on the task's objective, all of the population at once.

    Where the task has mini-batches, each step has one of its own. A network whose gradient is not finite keeps its
    weights of that step. Biases are left alone where the networks have a bias input: its links are the biases.

    Parameters
    ----------
    key : (seed, generation): decides the mini-batches, and so the result.
    method : ``"adam"`` (moments start at 0 in every generation) or ``"sgd"``.
    limit : weights and biases stay within ±limit.
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    if steps < 0 or learning_rate <= 0 or limit <= 0:
        raise ValueError(
            f"steps must be 0 or more, learning_rate and limit above 0, got {steps}, {learning_rate} and {limit}"
        )
    weight, bias = networks.weight.copy(), networks.bias.copy()
    learning = dataclasses.replace(networks, weight=weight, bias=bias)
    trained = [weight] if networks.bias_input is not None else [weight, bias]
    states = [Adam.of(values) for values in trained]
    for step in range(1, steps + 1):
        for values, gradient, state in zip(trained, task.gradients(learning, key, step), states, strict=False):
            _step(values, gradient, state, learning_rate, method)
            np.clip(values, -limit, limit, out=values)
    return learning


def _step(values: NDArray[np.float32], gradient: NDArray[Any], state: Adam, learning_rate: float, method: str) -> None:
    if method == "adam":
        adam_step(values, gradient, state, learning_rate)
    else:
        sgd_step(values, gradient, learning_rate)
