"""Native environments in closed loop: steps a second of whole populations, policy included, and Gymnasium's own."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.native import NativeEnv, native_env
from envs.rollout import rollout, starting_states
from experiments.bench.harness import Benchmark, Figure, rate, seconds
from genomes.functions import activation_code
from genomes.networks import Networks, compile_population
from genomes.population import Population

__all__ = ["bench", "endless", "gymnasium_vector", "networks_of", "random_links", "steps_per_second"]

ENVS = ("CartPole-v1", "MountainCar-v0", "Pendulum-v1", "Acrobot-v1", "DoublePole2002-v0")
GENOMES = 10_000
CONNECTIONS = 12
STEPS = 500
EPISODES = 90  # purpose of random numbers
VECTOR_ENVS = 16  # of Gymnasium's, where it has no vectorised form
Links = list[tuple[int, int]]  # (source, target) node ids: inputs, outputs, hidden nodes


def bench(progress: Callable[[str], None]) -> Benchmark:
    """10,000 genomes of 12 connections and different topologies, all tanh, one episode each."""
    result = Benchmark("control", {"genomes": GENOMES, "connections": CONNECTIONS, "steps": STEPS})
    result.notes = [
        f"steps_per_s: every episode lasts {STEPS} steps; useful_steps_per_s: it ends where the environment ends it, "
        "which random genomes make soon",
        "each figure is of a whole evaluation, the grouping of genomes included, the compilation of genomes not",
        "Gymnasium: random actions, no policy, one thread; single: one environment; vector: its vectorised form of "
        f"{GENOMES} environments, or {VECTOR_ENVS} in a SyncVectorEnv where it has none",
    ]
    for env_id in ENVS:
        env, name = native_env(env_id), env_id.rsplit("-", 1)[0].lower().replace("2002", "")
        progress(env_id)
        rng = np.random.default_rng(1)
        topologies = [random_links(rng, env.num_inputs, env.num_outputs) for _ in range(GENOMES)]
        networks = networks_of(topologies, env.num_inputs, env.num_outputs, rng)
        starts = starting_states(env, (1, 0), EPISODES, 1)
        forever = replace(env, id=f"{env_id} without end", step=endless(env.step), max_steps=STEPS)
        result.figures[f"{name}_steps_per_s"] = steps_per_second(forever, networks, starts)
        result.figures[f"{name}_useful_steps_per_s"] = steps_per_second(env, networks, starts)
        if env.gymnasium_id is not None:
            progress(f"Gymnasium's {env_id}")
            result.figures[f"{name}_gymnasium_steps_per_s"] = _gymnasium_single(env_id)
            result.figures[f"{name}_gymnasium_vector_steps_per_s"] = gymnasium_vector(env_id)
        distinct = len({tuple(links) for links in topologies})
        result.notes.append(f"{env_id}: {distinct} distinct topologies of {GENOMES} genomes")
    return result


def endless(step: Callable[..., Any]) -> Callable[..., Any]:
    """The same environment, that goes on whatever happens."""

    def go(state, action):  # type: ignore[no-untyped-def]
        state, reward, _ = step(state, action)
        return state, reward, False

    return go


def random_links(rng: np.random.Generator, inputs: int, outputs: int) -> Links:
    """CONNECTIONS distinct links among the inputs, 2 to 6 hidden nodes and the outputs; every hidden node has an input
    and leads on, every output has an input, so every link matters."""
    most = min(6, (CONNECTIONS - outputs) // 2)
    hidden = int(rng.integers(2, most + 1))
    first_output = inputs + hidden  # places in order of evaluation; ids are inputs, outputs, hidden nodes
    ids = [*range(inputs), *range(inputs + outputs, inputs + outputs + hidden), *range(inputs, inputs + outputs)]
    links = set()
    for place in range(inputs, len(ids)):
        links.add((int(rng.integers(0, min(place, first_output))), place))
        if place < first_output:
            links.add((place, int(rng.integers(place + 1, len(ids)))))
    while len(links) < CONNECTIONS:
        place = int(rng.integers(inputs, len(ids)))
        links.add((int(rng.integers(0, min(place, first_output))), place))
    return sorted((ids[source], ids[target]) for source, target in links)


def networks_of(topologies: list[Links], inputs: int, outputs: int, rng: np.random.Generator) -> Networks:
    """Networks of these links, all nodes tanh, no biases. Weights are normal; three of four are positive, so that many
    genomes push where a pole leans, as in a population that is half-way to the solution."""
    nodes = np.array([max(inputs + outputs - 1, *(max(link) for link in links)) + 1 for links in topologies])
    node_start = np.concatenate([[0], np.cumsum(nodes)]).astype(np.int64)
    node_id = np.arange(node_start[-1]) - np.repeat(node_start[:-1], nodes)
    links = np.array(topologies, np.int32).reshape(-1, 2)
    weight = np.abs(rng.standard_normal(len(links), np.float32))
    weight[rng.random(len(links)) < 0.25] *= -1
    code = np.full(len(node_id), activation_code("tanh"), np.uint8)
    code[node_id < inputs] = 0
    population = Population(
        inputs,
        outputs,
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


def steps_per_second(env: NativeEnv, networks: Networks, starts: NDArray[Any]) -> Figure:
    """Of all networks, each of which plays from all starts."""
    steps = int(rollout(env, networks, starts).steps.sum())
    return rate(steps, seconds(lambda: rollout(env, networks, starts), repeats=15), "steps/s")


def _gymnasium_single(env_id: str, steps: int = 2000) -> Figure:
    import gymnasium

    env = gymnasium.make(env_id)
    env.action_space.seed(1)
    actions = [env.action_space.sample() for _ in range(steps)]

    def play() -> None:
        env.reset(seed=1)
        for action in actions:
            _, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset()

    figure = rate(steps, seconds(play, repeats=5), "steps/s")
    env.close()
    return figure


def gymnasium_vector(env_id: str, repeats: int = 5) -> Figure:
    """Gymnasium's own vector environment, stepped with random actions."""
    import gymnasium

    vectorised = gymnasium.spec(env_id).vector_entry_point is not None
    count, steps = (GENOMES, 50) if vectorised else (VECTOR_ENVS, 500)
    mode = "vector_entry_point" if vectorised else "sync"
    envs = gymnasium.make_vec(env_id, num_envs=count, vectorization_mode=mode)
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
    return rate(count * steps, samples, "steps/s")
