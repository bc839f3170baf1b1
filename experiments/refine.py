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

    Where the task has mini-batches, each step has one of its own. A gradient that is not finite counts as 0. Biases
    are left alone where the networks have a bias input: its links are the biases.

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
        gradient = task.gradients(learning, key, step)
        _forget_failures(learning, *gradient)
        for values, own, state in zip(trained, gradient, states, strict=False):
            _step(values, own, state, learning_rate, method)
            np.clip(values, -limit, limit, out=values)
    return learning


def _forget_failures(networks: Networks, by_weight: NDArray[np.float32], by_bias: NDArray[np.float32]) -> None:
    """Set the gradient of a network to 0 where any part of it is not finite."""
    nodes = np.repeat(np.arange(len(networks)), np.diff(networks.node_start))  # [N] network
    edges = np.repeat(nodes, np.diff(networks.edge_start))  # [E] network
    failed = np.zeros(len(networks), np.bool_)
    for gradient, owner in ((by_weight, edges), (by_bias, nodes)):
        failed[owner[~np.isfinite(gradient)]] = True
    if failed.any():
        by_weight[failed[edges]] = 0
        by_bias[failed[nodes]] = 0


def _step(values: NDArray[np.float32], gradient: NDArray[Any], state: Adam, learning_rate: float, method: str) -> None:
    if method == "adam":
        adam_step(values, gradient, state, learning_rate)
    else:
        sgd_step(values, gradient, learning_rate)
