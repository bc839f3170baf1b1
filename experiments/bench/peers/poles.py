"""Double pole balancing with velocities by methods that train a fixed network: the protocol of Gomez et al. 2008.

The network is feed-forward: six inputs, one hidden unit, one output, tanh, no biases; 7 weights. Solved is a network
that balances 100,000 steps; evaluations count up to it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.control.poles import double_pole_2008
from envs.control.task import NativeTask
from genomes.functions import activation_code
from genomes.kernels.parallel import set_threads
from genomes.networks import Networks, compile_population
from genomes.population import Population
from neat.weights.registry import method_class, method_params

__all__ = ["METHODS", "PUBLISHED", "solve"]

INPUTS, WEIGHTS = 6, 7
BUDGET = 20_000  # evaluations
LIMIT = 10.0  # weights begin uniform within it (CoSyNE)
METHODS: dict[str, dict[str, Any]] = {"cma-es": {"sigma": 3.0, "population": 12}, "cosyne": {"population": 20}}
PUBLISHED = {"cma-es": 895, "cosyne": 954}  # Gomez et al. 2008, table 3


def networks(weights: NDArray[np.float32]) -> Networks:
    """Networks of weights [P, 7]: six into the hidden unit, one out of it."""
    count = len(weights)
    source, target = [*range(INPUTS), INPUTS + 1], [INPUTS + 1] * INPUTS + [INPUTS]
    nodes = INPUTS + 2
    kinds = np.where(np.arange(nodes) < INPUTS, 0, activation_code("tanh"))
    population = Population(
        num_inputs=INPUTS,
        num_outputs=1,
        bias_input=None,
        node_start=np.arange(count + 1, dtype=np.int64) * nodes,
        node_id=np.tile(np.arange(nodes, dtype=np.int32), count),
        bias=np.zeros(count * nodes, np.float32),
        activation=np.tile(kinds.astype(np.uint8), count),
        aggregation=np.zeros(count * nodes, np.uint8),
        conn_start=np.arange(count + 1, dtype=np.int64) * WEIGHTS,
        innovation=np.tile(np.arange(WEIGHTS, dtype=np.int32), count),
        source=np.tile(np.array(source, np.int32), count),
        target=np.tile(np.array(target, np.int32), count),
        weight=np.ascontiguousarray(weights, np.float32).reshape(-1),
        enabled=np.ones(count * WEIGHTS, np.bool_),
    )
    return compile_population(population)


def solve(name: str, seed: int) -> int | None:
    """Evaluations of one run until solved, on one thread; None when it fails."""
    set_threads(1)
    task, kind = NativeTask(double_pole_2008(velocities=True), episodes=1), method_class(name)
    start, bounds = np.zeros(WEIGHTS), (-LIMIT, LIMIT) if name == "cosyne" else None
    if name == "cma-es":  # a hidden unit without weights has no gradient: begin beside it
        start = np.random.default_rng(seed).uniform(-1, 1, WEIGHTS)
    method = kind(start, method_params(kind, METHODS[name]), seed=seed, bounds=bounds)
    evaluations = 0
    while evaluations < BUDGET:
        steps = task.evaluate(networks(method.ask()), (seed, method.generation)).fitness
        if (steps >= task.env.max_steps).any():
            return evaluations + int(np.argmax(steps >= task.env.max_steps)) + 1
        evaluations += len(steps)
        method.tell(steps)
    return None
