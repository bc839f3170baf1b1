"""Does it find what the original finds? XOR with the paper's parameters and with the defaults, over many seeds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from envs.xor import XOR
from experiments.bench.harness import Benchmark, Figure
from genomes.networks import compile_population
from neat import NEAT, PRESETS, NEATParams

__all__ = ["bench"]

SEEDS = range(1, 201)
GENERATIONS = 100
PUBLISHED = (
    "published: 4,755 evaluations (sd 2,553), 2.35 hidden, 7.48 enabled; authors' code again: 5,321, 5 of 100 failed"
)


@dataclass(frozen=True)
class Solved:
    """A run that solved XOR, and the best network of its last generation that does."""

    evaluations: int  # population x generations, up to the end of the solving one
    hidden: int
    enabled: int


def bench(progress: Callable[[str], None]) -> Benchmark:
    """XOR as in Stanley & Miikkulainen (2002, section 4.1): solved when all four outputs are on the right side of 0.5,
    failed after 100 generations; evaluations are of the solved runs."""
    result = Benchmark("fidelity", {"task": "xor", "seeds": len(SEEDS), "generations": GENERATIONS})
    for preset, suffix in (("neat-2002", ""), ("default", "_default")):
        params = PRESETS[preset]
        progress(f"XOR, {preset}, population {params.population}, {len(SEEDS)} seeds")
        runs = [solve_xor(params, seed) for seed in SEEDS]
        solved = [run for run in runs if run is not None]
        result.figures[f"xor_evaluations{suffix}"] = mean_figure([run.evaluations for run in solved], "evaluations")
        result.figures[f"xor_failures{suffix}"] = failure_figure(len(runs) - len(solved), len(runs))
        hidden, enabled = (statistics.fmean(getattr(run, n) for run in solved) for n in ("hidden", "enabled"))
        result.notes.append(f"{preset}: {hidden:.2f} hidden nodes, {enabled:.2f} enabled connections in the solver")
    result.notes.append(PUBLISHED)
    return result


def solve_xor(params: NEATParams, seed: int) -> Solved | None:
    """One run; None when it fails."""
    task = XOR()
    algorithm = NEAT(params, task.num_inputs, task.num_outputs, seed)
    for generation in range(GENERATIONS):
        population = algorithm.ask()
        networks = compile_population(population, params.mode, activations_per_step=params.activations_per_step)
        evaluation = task.evaluate(networks, (seed, generation))
        solvers = np.flatnonzero(task.validate(networks, (seed, generation)).fitness == 1.0)
        if len(solvers):
            genome = population.genome(int(solvers[np.argmax(evaluation.fitness[solvers])]))
            return Solved((generation + 1) * len(population), genome.num_hidden, int(genome.enabled.sum()))
        algorithm.tell(evaluation)
    return None


def mean_figure(samples: Iterable[float], unit: str) -> Figure:
    """A figure over seeds, with the normal 95 % interval of its mean."""
    values = list(samples)
    mean, half = statistics.fmean(values), 1.96 * statistics.stdev(values) / math.sqrt(len(values))
    return Figure(
        statistics.median(values), min(values), max(values), unit, mean, mean - half, mean + half, len(values)
    )


def failure_figure(failures: int, runs: int) -> Figure:
    """Failures among so many runs, with the 95 % interval of their expected number (Wilson 1927)."""
    z2, share = 1.96**2, failures / runs
    centre = (share + z2 / (2 * runs)) / (1 + z2 / runs)
    half = 1.96 * math.sqrt(share * (1 - share) / runs + z2 / (4 * runs**2)) / (1 + z2 / runs)
    low, high = max(centre - half, 0.0) * runs, min(centre + half, 1.0) * runs
    return Figure(failures, failures, failures, "runs", failures, low, high, runs)
