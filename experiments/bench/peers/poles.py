"""Double pole balancing by methods that train a fixed network: the protocol of Gomez et al. 2008.

With velocities (DPV) the network is feed-forward: six inputs, one hidden unit, one output, tanh, no biases; 7 weights.
Without (DPNV, damping fitness) it is one unit that reads the three inputs and itself, with a bias; 5 weights; a search
begins anew after 4,000 evaluations (CoSyNE: 2,500), which all count. Solved is a network that balances 100,000 steps.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from envs.control.poles import LONG_TRIAL, double_pole_2008
from envs.control.task import NativeTask
from genomes.dense import Dense
from genomes.functions import activation_code
from genomes.kernels.parallel import set_threads
from genomes.population import Genome
from genomes.topology import Topology
from neat.weights.registry import method_class, method_params

__all__ = [
    "HIDDEN_METHODS",
    "HIDDEN_PUBLISHED",
    "METHODS",
    "PUBLISHED",
    "RESTART",
    "balance",
    "self_reading_unit",
    "solve",
    "solve_hidden",
]

BUDGET = 20_000  # evaluations
LIMIT = 10.0  # weights begin uniform within it (CoSyNE)
METHODS: dict[str, dict[str, Any]] = {"cma-es": {"sigma": 3.0, "population": 12}, "cosyne": {"population": 20}}
PUBLISHED = {"cma-es": 895, "cosyne": 954}  # Gomez et al. 2008, table 3
HIDDEN_METHODS: dict[str, dict[str, Any]] = {
    "cma-es": {"sigma": 1.0, "population": 60},
    "cosyne": {"population": 16, "spread": 2.0, "offspring": 0.5, "permute_all": False},  # algorithm 1
}
HIDDEN_PUBLISHED = {"cma-es": 6_061, "cosyne": 3_416}
HIDDEN_BUDGET, RESTART = 60_000, 4_000
HIDDEN_RESTARTS = {"cma-es": RESTART, "cosyne": 2_500}


def graph(inputs: int, links: list[tuple[int, int]]) -> Genome:
    """A genome of one output, tanh units and these links; nodes from ``inputs`` on are the output, then hidden ones."""
    nodes = 1 + max(max(link) for link in links)
    kinds = np.where(np.arange(nodes) < inputs, 0, activation_code("tanh"))
    return Genome(
        num_inputs=inputs,
        num_outputs=1,
        node_id=np.arange(nodes, dtype=np.int32),
        bias=np.zeros(nodes, np.float32),
        activation=kinds.astype(np.uint8),
        aggregation=np.zeros(nodes, np.uint8),
        innovation=np.arange(len(links), dtype=np.int32),
        source=np.array([link[0] for link in links], np.int32),
        target=np.array([link[1] for link in links], np.int32),
        weight=np.ones(len(links), np.float32),
        enabled=np.ones(len(links), np.bool_),
    )


def solve(name: str, seed: int) -> int | None:
    """Evaluations of one run until solved, on one thread; None when it fails."""
    set_threads(1)
    task, kind = NativeTask(double_pole_2008(velocities=True), episodes=1), method_class(name)
    topology = Topology(graph(6, [*((i, 7) for i in range(6)), (7, 6)]), bias_limits=(0.0, 0.0))
    weights = topology.edges
    start, bounds = np.zeros(weights), (-LIMIT, LIMIT) if name == "cosyne" else None
    if name == "cma-es":  # a hidden unit without weights has no gradient: begin beside it
        start = np.random.default_rng(seed).uniform(-1, 1, weights)
    method = kind(start, method_params(kind, METHODS[name]), seed=seed, bounds=bounds)
    evaluations = 0
    while evaluations < BUDGET:
        candidates = method.ask()
        networks = topology.networks(np.pad(candidates, [(0, 0), (0, topology.size - weights)]))
        steps = task.evaluate(networks, (seed, method.generation)).fitness
        if (steps >= task.env.max_steps).any():
            return evaluations + int(np.argmax(steps >= task.env.max_steps)) + 1
        evaluations += len(steps)
        method.tell(steps)
    return None


def solve_hidden(name: str, seed: int) -> int | None:
    """As `solve`, velocities hidden."""
    return balance(self_reading_unit(), name, HIDDEN_METHODS[name], seed, HIDDEN_BUDGET, HIDDEN_RESTARTS[name])


def self_reading_unit() -> Topology:
    """The smallest network with a memory: one unit reads the three inputs and itself."""
    return Topology(graph(3, [(i, 3) for i in range(4)]), "synchronous")


def balance(
    net: Topology | Dense, name: str, settings: dict[str, Any], seed: int, budget: int, restart: int
) -> int | None:
    """Evaluations until a fixed network balances without velocities, on one thread; None when none of the budget does.

    The best of every generation is tried for 100,000 steps, which is no evaluation (as in Gruau et al. 1996). A search
    begins anew after ``restart`` evaluations, which all count.
    """
    set_threads(1)
    task, kind = NativeTask(double_pole_2008(velocities=False, damping=True), episodes=1), method_class(name)
    evaluations, attempt = 0, 0
    while evaluations < budget:
        start = np.random.default_rng([seed, attempt]).uniform(-1, 1, net.size)
        method = kind(start, method_params(kind, settings), seed=seed + 1000 * attempt)
        end, attempt = min(evaluations + restart, budget), attempt + 1
        while evaluations < end:
            candidates = method.ask()
            fitness = task.evaluate(net.networks(candidates), (seed, method.generation)).fitness
            evaluations += len(fitness)
            leader = int(np.nanargmax(fitness))
            steps = task.validate(net.networks(candidates[leader : leader + 1]), (seed, 0)).fitness[0]
            if steps >= LONG_TRIAL:
                return evaluations
            method.tell(fitness)
    return None
