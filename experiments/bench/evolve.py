"""A generation of evolution without evaluation: speciate, select, reproduce, mutate, compile."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

import neat.algorithm
from experiments.bench.harness import Benchmark, Figure
from genomes.evaluation import Evaluation
from genomes.functions import activation_code
from genomes.networks import compile_population
from genomes.population import Genome
from neat.algorithm import NEAT
from neat.params import NEATParams

__all__ = ["Evolution", "bench"]

GENOMES, CONNECTIONS = 10_000, 100
INPUTS, OUTPUTS, HIDDEN = 8, 4, 20
WARM_UP, GENERATIONS = {1: 15, 20: 60}, 25  # until there are that many species; timed
START = {1: 87, 20: 55}  # connections of the first genomes, which grow to about 100 while timed
POPULATIONS = (1_000, 3_000, 10_000, 30_000, 100_000)
SIZES = (20, 60, 200, 600, 2_000)
STAGES = ("speciate", "draw_matings", "breed")  # functions that `neat.algorithm` calls


def bench(progress: Callable[[str], None]) -> Benchmark:
    """10,000 genomes of about 100 connections and random fitness, default rates; and how the cost grows."""
    work = {
        "genomes": GENOMES,
        "connections": CONNECTIONS,
        "inputs": INPUTS,
        "outputs": OUTPUTS,
        "hidden": HIDDEN,
        "generations": GENERATIONS,
    }
    result = Benchmark("evolve", work)
    for species in (1, 20):
        progress(f"{species} species")
        run = Evolution(GENOMES, START[species], species)
        run.advance(WARM_UP[species])
        before = run.connections
        result.figures[f"generation_s_{species}_species"] = Figure.of(run.advance(GENERATIONS), "s")
        sizes = f"{np.mean(run.species[-GENERATIONS:]):.1f} species, {before:.0f} to {run.connections:.0f} connections"
        stages = ", ".join(f"{name} {ms:.1f}" for name, ms in run.stages(GENERATIONS).items())
        result.notes.append(f"{sizes}; then, in ms: {stages}")
    progress("memory")
    result.figures["peak_rss_mb"] = Figure.of([_peak_in_own_process()], "MB")
    progress("cost by population")
    costs = [_seconds(population, CONNECTIONS) / population for population in POPULATIONS]
    result.notes.append(_curve("us a genome by population", POPULATIONS, costs))
    progress("cost by connections")
    costs = [_seconds(1_000, size) / 1_000 for size in SIZES]
    result.notes.append(_curve("us a genome by connections", SIZES, costs))
    per_link = [cost / size for cost, size in zip(costs, SIZES, strict=True)]
    result.notes.append(_curve("us a connection by connections", SIZES, per_link))
    return result


class Evolution:
    """A run of NEAT on random fitness, from one genome of the given size."""

    def __init__(self, population: int, connections: int, species: int = 1) -> None:
        params = NEATParams(
            population=population,
            compatibility_threshold=1.2 if species > 1 else 1e9,
            target_species=species if species > 1 else 0,
            threshold_step=0.05,
            population_stagnation=0,
        )
        self.algorithm = NEAT(params, INPUTS, OUTPUTS, initial=random_genome(connections))
        self.random = np.random.default_rng(1)
        self.population = self.algorithm.ask()
        self.species: list[int] = []  # their number in each generation
        self.compiling = 0.0  # wall seconds of the last compilation

    @property
    def connections(self) -> float:
        """Mean number of connections of a genome."""
        return len(self.population.innovation) / len(self.population)

    def advance(self, generations: int) -> list[float]:
        """Wall seconds of each of these generations."""
        samples = []
        for _ in range(generations):
            evaluation = Evaluation.of(self.random.random(len(self.population)))
            begin = time.perf_counter()
            self.algorithm.tell(evaluation)
            self.population = self.algorithm.ask()
            told = time.perf_counter()
            compile_population(self.population)
            samples.append(time.perf_counter() - begin)
            self.compiling = time.perf_counter() - told
            assert self.algorithm.report is not None
            self.species.append(len(self.algorithm.report.id))
        return samples

    def stages(self, generations: int) -> dict[str, float]:
        """Median milliseconds of each stage over these generations."""
        times: dict[str, list[float]] = defaultdict(list)
        with _timed(STAGES, times):
            for _ in range(generations):
                times["all"] += self.advance(1)
                times["compile"].append(self.compiling)
        return {name: 1e3 * float(np.median(samples)) for name, samples in times.items()}


@contextmanager
def _timed(names: Sequence[str], times: dict[str, list[float]]) -> Iterator[None]:
    """Note the seconds of each call that `neat.algorithm` makes of these functions."""
    plain = {name: getattr(neat.algorithm, name) for name in names}

    def timed(name: str) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            begin = time.perf_counter()
            value = plain[name](*arguments)
            times[name].append(time.perf_counter() - begin)
            return value

        return call

    try:
        for name in names:
            setattr(neat.algorithm, name, timed(name))
        yield
    finally:
        for name, function in plain.items():
            setattr(neat.algorithm, name, function)


def random_genome(connections: int) -> Genome:
    """An acyclic genome with that many of the possible connections, all tanh."""
    rng = np.random.default_rng(connections)
    fixed = INPUTS + OUTPUTS
    hidden = HIDDEN if connections <= 5 * HIDDEN else connections // 5
    order = np.concatenate([np.arange(INPUTS), np.arange(fixed, fixed + hidden), np.arange(INPUTS, fixed)])
    source, target = np.triu_indices(len(order), 1)
    possible = (target >= INPUTS) & (source < INPUTS + hidden)
    chosen = np.sort(rng.permutation(np.flatnonzero(possible))[:connections])
    node_id = np.arange(fixed + hidden, dtype=np.int32)
    return Genome(
        INPUTS,
        OUTPUTS,
        node_id,
        np.zeros(len(node_id), np.float32),
        np.where(node_id < INPUTS, 0, activation_code("tanh")).astype(np.uint8),
        np.zeros(len(node_id), np.uint8),
        np.arange(connections, dtype=np.int32),
        order[source[chosen]].astype(np.int32),
        order[target[chosen]].astype(np.int32),
        rng.standard_normal(connections).astype(np.float32),
        np.ones(connections, np.bool_),
    )


def _seconds(population: int, connections: int) -> float:
    """Median wall seconds of a generation with one species."""
    run = Evolution(population, connections)
    run.advance(3)
    return float(np.median(run.advance(7)))


def _curve(title: str, sizes: Sequence[int], values: Sequence[float]) -> str:
    return f"{title}: " + ", ".join(f"{size:,} {1e6 * value:.3g}" for size, value in zip(sizes, values, strict=True))


def _peak_in_own_process() -> float:
    """Peak resident memory in MB of a process that evolves the benchmark's population."""
    script = "from experiments.bench.evolve import print_peak_memory; print_peak_memory()"
    finished = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    return float(finished.stdout)


def print_peak_memory() -> None:
    """Evolve the benchmark's population for some generations and print this process's peak memory in MB."""
    Evolution(GENOMES, CONNECTIONS, 20).advance(5)
    try:
        with open("/proc/self/status", encoding="ascii") as lines:
            peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024
    except OSError:  # no /proc: the kernel's count, which may include the parent's before exec
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(peak / 1e6)
