"""Gymnasium environments: what playing whole populations costs on top of stepping the bare environments."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.gym.make import EnvError, EnvMaker
from envs.gym.task import EPISODES, GymTask
from envs.mark import Mark
from envs.workers import WorkerPool
from experiments.bench.harness import Benchmark, Figure
from genomes.functions import activation_code
from genomes.initial import initial_population
from genomes.kernels.parallel import get_threads
from genomes.network import Network
from genomes.networks import Networks, compile_population

__all__ = ["bench"]

GENOMES = {"LunarLander-v3": 300, "HalfCheetah-v5": 200}  # 200: population of the presets
REPEATS = 5
KEY = (1, 0)
HIDDEN = (8,)


def bench(progress: Callable[[str], None]) -> Benchmark:
    """One episode of each genome: by `GymTask`, and the same actions in the bare environments."""
    workers = get_threads()
    result = Benchmark("gym", {"genomes": dict(GENOMES), "hidden": HIDDEN[0], "workers": workers, "repeats": REPEATS})
    for env_id, genomes in GENOMES.items():
        try:
            task = GymTask(env_id, episodes=1, starts="own", scaling="bounds", workers=workers)
        except EnvError as error:
            result.notes.append(f"{env_id}: left out: {error}")
            continue
        progress(env_id)
        name = env_id.split("-")[0].lower()
        ours, bare, steps = _measure(task, genomes, workers)
        for kind, samples in (("ours", ours), ("bare", bare)):
            result.figures[f"{name}_{kind}_steps_per_s"] = Figure.of([steps / s for s in samples], "steps/s")
        overhead = [100 * (a / b - 1) for a, b in zip(ours, bare, strict=True)]
        result.figures[f"{name}_overhead"] = Figure.of(overhead, "%")
        result.notes.append(f"{env_id}: {genomes} episodes, {steps:,} steps")
    result.notes.append(
        "bare: as many workers step the same environments with the same actions and seeds, an environment each; the "
        "mean of their own stopwatches. ours: the whole evaluation, from networks to fitness; measured in turn"
    )
    return result


def _measure(task: GymTask, genomes: int, workers: int) -> tuple[list[float], list[float], int]:
    """Wall seconds of our evaluations and of the bare environments, and the steps of each."""
    tanh = (activation_code("tanh"),)
    population = initial_population(
        genomes, task.num_inputs, task.num_outputs, topology="layers", layers=HIDDEN, activations=tanh
    )
    networks = compile_population(population)
    episodes = _recorded(task, networks)
    assert isinstance(task.make, EnvMaker)
    pool = WorkerPool(_Bare(task.make), workers)
    ours, bare = [], []
    try:
        for k in range(REPEATS + 1):
            jobs = _Shares([episodes[w::workers] for w in range(workers)])
            pool.run(jobs, workers)
            begin = time.perf_counter()
            steps = int(task.evaluate(networks, KEY).steps.sum())
            seconds = time.perf_counter() - begin
            if k:  # the first starts the workers and warms up
                ours.append(seconds)
                bare.append(float(np.mean(jobs.seconds)))
    finally:
        pool.close()
        task.close()
    assert steps == sum(len(actions) for _, actions in episodes)
    return ours, bare, steps


def _recorded(task: GymTask, networks: Networks) -> list[tuple[int, list[Any]]]:
    """Seed and actions of each genome's episode."""
    episodes = []
    seeds: NDArray[np.int64] = task._seeds(KEY, EPISODES, 1, len(networks))
    env = task.make()
    for p, seed in enumerate(seeds[:, 0].tolist()):
        network = Network.of(networks.part(p, p + 1))
        network.scaling = task.scaling
        observation, over = env.reset(seed=seed)[0], False
        actions = []
        while not over:
            actions.append(task.actions(network(task.observations(observation))[None])[0])
            observation, _, terminated, truncated, _ = env.step(actions[-1])
            over = terminated or truncated
        episodes.append((seed, actions))
    env.close()
    return episodes


@dataclass
class _Bare:
    """Steps one environment through episodes; its own seconds."""

    make: EnvMaker
    env: Any = None

    def __call__(self, episodes: list[tuple[int, list[Any]]], mark: Mark) -> float:
        if self.env is None:
            self.env = self.make()
        env = self.env
        begin = time.perf_counter()
        for seed, actions in episodes:
            env.reset(seed=seed)
            for action in actions:
                env.step(action)
        return time.perf_counter() - begin


class _Shares:
    """One share of the episodes for each worker, begun together."""

    def __init__(self, shares: list[Any]) -> None:
        self.shares, self.seconds = list(shares), list[float]()
        self._together = threading.Barrier(len(shares))
        self._taken = threading.local()

    def take(self) -> tuple[int, Any] | None:
        if getattr(self._taken, "done", False):
            return None
        self._taken.done = True
        self._together.wait()
        return 0, self.shares.pop()

    def answered(self, job: int, answer: dict[str, Any]) -> None:
        self.seconds.append(answer["value"])

    def died(self, job: int) -> None:
        raise RuntimeError("a worker died")

    def late(self, job: int, item: int) -> None:
        raise AssertionError("there is no time limit")
