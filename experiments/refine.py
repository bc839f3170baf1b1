"""Gradients inside the loop: every network of a generation learns for a few steps before it is judged.

Lamarckian evolution writes the weights back to the genomes (`genomes.networks.write_back`, `NEAT.tell`); Baldwinian
evolution leaves them as they were and only judges what they can learn (Whitley, Gordon & Mathias 1994).
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from envs.measuring import jacobian
from envs.rows import Rows
from envs.supervised import SupervisedTask
from envs.task import Key
from genomes.forward import forward
from genomes.networks import Networks
from neat.weights.adam import Moments, adam_step
from neat.weights.levenberg_marquardt import LevenbergMarquardt

__all__ = ["METHODS", "fit_least_squares", "refine"]

METHODS = ("adam", "sgd")


def refine(
    networks: Networks,
    task: SupervisedTask,
    key: Key,
    steps: int = 1,
    learning_rate: float = 0.01,
    method: str = "adam",
    limit: float = 30.0,
    weight_decay: float = 0.0,
) -> Networks:
    """The networks after some gradient steps on the task's objective, all of the population at once.

    Where the task has mini-batches, each step has one of its own. A gradient that is not finite counts as 0. Biases
    are left alone where the networks have a bias input: its links are the biases.

    Parameters
    ----------
    key : (seed, generation): decides the mini-batches, and so the result.
    method : ``"adam"`` (moments start at 0 in every generation) or ``"sgd"``.
    limit : weights and biases stay within ±limit.
    weight_decay : with each step weights (not biases) shrink by this share of themselves times the learning rate,
        apart from the gradient (AdamW; Loshchilov & Hutter 2019, algorithm 2).
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    if steps < 0 or learning_rate <= 0 or limit <= 0 or weight_decay < 0:
        raise ValueError(
            f"steps and weight_decay must be 0 or more, learning_rate and limit above 0, got {steps}, {weight_decay}, "
            f"{learning_rate} and {limit}"
        )
    weight, bias = networks.weight.copy(), networks.bias.copy()
    trained = [weight] if networks.bias_input is not None else [weight, bias]
    moments = [Moments(np.zeros_like(values), np.zeros_like(values), 0) for values in trained]
    learning = networks
    for step in range(1, steps + 1):
        gradient = task.gradients(learning, key, step)
        _forget_failures(learning, *gradient)
        weight *= np.float32(1.0 - learning_rate * weight_decay)
        for values, own, state in zip(trained, gradient, moments, strict=False):
            _step(values, own, state, learning_rate, method)
            np.clip(values, -limit, limit, out=values)
        # Networks of their own for each step: arrays that a GPU has been sent must not change.
        learning = dataclasses.replace(networks, weight=weight.copy(), bias=bias.copy())
    return learning


def fit_least_squares(network: Networks, rows: Rows, steps: int = 50, limit: float = 30.0) -> Networks:
    """A single network fitted to numbers by the Levenberg-Marquardt method, for champions of up to some thousand
    weights.

    Parameters
    ----------
    steps : trials, of which each that lowers the weighted mean squared error is kept.
    limit : weights and biases stay within ±limit.

    Raises
    ------
    ValueError : the targets are classes; or see `envs.measuring.jacobian`.
    """
    if rows.classes:
        raise ValueError("least squares are for numbers, the targets are classes")
    weight = np.ones(len(rows)) if rows.weight is None else rows.weight
    scale = np.sqrt(weight / (weight.sum() * rows.y.shape[1]))[:, None]
    edges, trained = len(network.weight), len(network.weight) + len(network.bias)
    if network.bias_input is not None:
        trained = edges
    start = np.clip(np.concatenate([network.weight, network.bias])[:trained], -limit, limit)
    method = LevenbergMarquardt(start, bounds=(-limit, limit), maximize=False)

    def moved(values: NDArray[np.float32]) -> Networks:
        bias = values[edges:] if trained > edges else network.bias
        return dataclasses.replace(network, weight=values[:edges], bias=bias)

    for _ in range(steps):
        trial = moved(method.ask()[0])
        residuals = scale * (forward(trial, rows.X)[0] - rows.y.astype(np.float64))
        derivatives = scale[:, :, None] * jacobian(trial, rows.X)[:, :, :trained]
        squares = np.array([(residuals**2).sum()])
        method.tell(squares, residuals.reshape(1, -1), derivatives.reshape(1, -1, trained))
    return moved(method.solution)


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


def _step(
    values: NDArray[np.float32], gradient: NDArray[np.float32], moments: Moments, rate: float, method: str
) -> None:
    if method == "adam":
        values -= adam_step(moments, gradient, rate)
        moments.steps += 1
    else:
        values -= np.float32(rate) * gradient
