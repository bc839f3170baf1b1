"""CartPole in closed loop: environment steps a second of whole populations, policy included."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from envs.control.cartpole import CARTPOLE, step
from envs.native import NativeEnv
from envs.rollout import Episodes, play_alone, rollout, starting_states
from experiments.bench.harness import Benchmark, Figure, rate, seconds
from genomes.functions import activation_code
from genomes.networks import Networks, compile_population
from genomes.population import Population

__all__ = ["bench"]

GENOMES = 10_000
CONNECTIONS = 12
SCALAR_GENOMES = 1_000
EPISODES = 90  # purpose of random numbers
Links = list[tuple[int, int]]  # (source, target) node ids: inputs 0..3, output 4, hidden from 5

SAME: Links = [(i, h) for h in (5, 6) for i in range(4)] + [(5, 4), (6, 4), (2, 4), (3, 4)]


def endless(state, action):  # type: ignore[no-untyped-def]
    """CartPole that goes on whatever happens."""
    state, reward, _ = step(state, action)  # type: ignore[no-untyped-call]
    return state, reward, False


def bench(progress: Callable[[str], None]) -> Benchmark:
    """10,000 genomes of 12 connections, all tanh, one episode each."""
    rng = np.random.default_rng(1)
    topologies = [random_links(rng) for _ in range(GENOMES)]
    distinct = len({tuple(sorted(links)) for links in topologies})
    same, mixed = networks_of([SAME] * GENOMES, rng), networks_of(topologies, rng)
    starts = starting_states(CARTPOLE, (1, 0), EPISODES, 1)
    forever = replace(CARTPOLE, id="CartPole without end", step=endless)

    work = {
        "genomes": GENOMES,
        "connections": CONNECTIONS,
        "steps": CARTPOLE.max_steps,
        "distinct_topologies": distinct,
    }
    result = Benchmark("cartpole", work)
    progress("same shape")
    result.figures["steps_per_s_same_shape"] = _steps_per_second(forever, same, starts)
    progress("mixed shapes")
    result.figures["steps_per_s_mixed"] = _steps_per_second(forever, mixed, starts)
    progress("true termination")
    result.figures["useful_steps_per_s"] = _steps_per_second(CARTPOLE, mixed, starts)
    progress("one genome at a time")
    alone = _alone(forever, mixed, starts)
    progress("Gymnasium's vector CartPole")
    result.figures["gymnasium_vector_steps_per_s"] = _gymnasium()

    lengths = rollout(CARTPOLE, mixed, starts).steps
    low, middle, high = np.percentile(lengths, [10, 50, 90]).astype(int)
    result.notes = [
        f"mixed: 2 to 6 hidden nodes, {distinct} distinct topologies of {GENOMES} genomes",
        f"true termination: episodes of {lengths.min()} to {lengths.max()} steps, mean {lengths.mean():.1f}, "
        f"10/50/90 % {low}/{middle}/{high}",
        f"one genome at a time, without vector lanes: {alone / 1e6:.1f} million steps/s",
        "each figure is of a whole evaluation, the grouping of genomes included, the compilation of genomes not",
        f"Gymnasium: {GENOMES} environments, random actions, no policy, one thread",
    ]
    return result


def random_links(rng: np.random.Generator) -> Links:
    """CONNECTIONS distinct links among 4 inputs, 2 to 6 hidden nodes and the output; every hidden node has an input
    and leads to the output, so every link matters."""
    hidden = int(rng.integers(2, 7))
    order = [*range(4), *range(5, 5 + hidden), 4]
    links = set()
    for place in range(4, 4 + hidden):
        links.add((order[place], order[int(rng.integers(place + 1, len(order)))]))
        links.add((order[int(rng.integers(0, place))], order[place]))
    while len(links) < CONNECTIONS:
        place = int(rng.integers(4, len(order)))
        links.add((order[int(rng.integers(0, place))], order[place]))
    return sorted(links)


def networks_of(topologies: list[Links], rng: np.random.Generator) -> Networks:
    """Networks of these links, all nodes tanh, no biases. Weights are normal; three of four are positive, so that many
    genomes push where the pole leans, as in a population that is half-way to the solution."""
    hidden = np.array([max(max(link) for link in links) - 4 for links in topologies])
    node_start = np.concatenate([[0], np.cumsum(5 + hidden)]).astype(np.int64)
    node_id = np.arange(node_start[-1]) - np.repeat(node_start[:-1], 5 + hidden)
    links = np.array(topologies, np.int32).reshape(-1, 2)
    weight = np.abs(rng.standard_normal(len(links), np.float32))
    weight[rng.random(len(links)) < 0.25] *= -1
    code = np.full(len(node_id), activation_code("tanh"), np.uint8)
    code[node_id < 4] = 0
    population = Population(
        4,
        1,
        node_start,
        node_id.astype(np.int32),
        np.zeros(len(node_id), np.float32),
        code,
        np.zeros(len(node_id), np.uint8),
        np.arange(len(topologies) + 1, dtype=np.int64) * CONNECTIONS,
        np.tile(np.arange(CONNECTIONS, dtype=np.int32), len(topologies)),
        links[:, 0].copy(),
        links[:, 1].copy(),
        weight,
        np.ones(len(links), np.bool_),
    )
    return compile_population(population)


def _steps_per_second(env: NativeEnv, networks: Networks, starts: Any) -> Figure:
    steps = int(rollout(env, networks, starts).steps.sum())
    return rate(steps, seconds(lambda: rollout(env, networks, starts), repeats=15), "steps/s")


def _alone(env: NativeEnv, networks: Networks, starts: Any) -> float:
    result = Episodes.empty(env, len(networks), 1)
    members = np.arange(SCALAR_GENOMES)
    samples = seconds(lambda: play_alone(env, networks, starts, members, result), repeats=3)
    return rate(SCALAR_GENOMES * env.max_steps, samples, "steps/s").median


def _gymnasium(steps: int = 50, repeats: int = 5) -> Figure:
    import gymnasium

    envs = gymnasium.make_vec("CartPole-v1", num_envs=GENOMES, vectorization_mode="vector_entry_point")
    envs.reset(seed=1)
    envs.action_space.seed(1)
    actions = [envs.action_space.sample() for _ in range(steps)]
    samples = []
    for _ in range(repeats):
        begin = time.perf_counter()
        for action in actions:
            envs.step(action)
        samples.append(time.perf_counter() - begin)
    envs.close()
    return rate(GENOMES * steps, samples, "steps/s")
