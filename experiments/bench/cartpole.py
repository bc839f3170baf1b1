"""CartPole in closed loop: environment steps a second of whole populations, policy included."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from envs.control.cartpole import CARTPOLE
from envs.native import NativeEnv
from envs.rollout import Episodes, play_alone, rollout, starting_states
from experiments.bench.control import (
    CONNECTIONS,
    GENOMES,
    Links,
    endless,
    gymnasium_vector,
    networks_of,
    random_links,
    steps_per_second,
)
from experiments.bench.harness import Benchmark, rate, seconds
from genomes.networks import Networks

__all__ = ["bench"]

SCALAR_GENOMES = 1_000
EPISODES = 90  # purpose of random numbers

SAME: Links = [(i, h) for h in (5, 6) for i in range(4)] + [(5, 4), (6, 4), (2, 4), (3, 4)]


def bench(progress: Callable[[str], None]) -> Benchmark:
    """10,000 genomes of 12 connections, all tanh, one episode each."""
    rng = np.random.default_rng(1)
    topologies = [random_links(rng, 4, 1) for _ in range(GENOMES)]
    distinct = len({tuple(sorted(links)) for links in topologies})
    same, mixed = networks_of([SAME] * GENOMES, 4, 1, rng), networks_of(topologies, 4, 1, rng)
    starts = starting_states(CARTPOLE, (1, 0), EPISODES, 1)
    forever = replace(CARTPOLE, id="CartPole without end", step=endless(CARTPOLE.step))

    work = {
        "genomes": GENOMES,
        "connections": CONNECTIONS,
        "steps": CARTPOLE.max_steps,
        "distinct_topologies": distinct,
    }
    result = Benchmark("cartpole", work)
    progress("same shape")
    result.figures["steps_per_s_same_shape"] = steps_per_second(forever, same, starts)
    progress("mixed shapes")
    result.figures["steps_per_s_mixed"] = steps_per_second(forever, mixed, starts)
    progress("true termination")
    result.figures["useful_steps_per_s"] = steps_per_second(CARTPOLE, mixed, starts)
    progress("one genome at a time")
    alone = _alone(forever, mixed, starts)
    progress("Gymnasium's vector CartPole")
    result.figures["gymnasium_vector_steps_per_s"] = gymnasium_vector("CartPole-v1")

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


def _alone(env: NativeEnv, networks: Networks, starts: Any) -> float:
    result = Episodes.empty(env, len(networks), 1)
    members = np.arange(SCALAR_GENOMES)
    samples = seconds(lambda: play_alone(env, networks, starts, members, result), repeats=3)
    return rate(SCALAR_GENOMES * env.max_steps, samples, "steps/s").median
