"""The methods that train weights: results beside independent libraries, and the overhead of ask and tell."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.bench.fidelity import failure_figure, mean_figure
from experiments.bench.harness import Benchmark, Figure, processes
from experiments.bench.peers import poles
from experiments.bench.peers.weights import FUNCTIONS, PEERS, Peer, ours
from genomes.kernels.parallel import available_cores
from neat.weights.method import Method
from neat.weights.registry import method_class, method_params

__all__ = ["bench"]

SEEDS, DIMENSIONS, BUDGET = 20, 10, 5_000
FLOOR = -10.0  # log10 of a value that counts as solved: beyond it float32 libraries cannot follow
POLE_RUNS = 50
WEIGHTS, POPULATION = 100_000, 64
SIZES = (20_000, 100_000, 1_000_000)  # all with the state in float32
BLOCK = 1 << 22  # weights that are asked for at once: 16 MB
REPEATS = 9
OVERHEAD: dict[str, dict[str, Any]] = {
    "openai-es": {"population": POPULATION},
    "snes": {"population": POPULATION},
    "sep-cma-es": {"population": POPULATION},
    "ns-es": {"population": POPULATION},
    "deep-ga": {"population": POPULATION},
    "annealing": {"chains": POPULATION},
    "pso": {"particles": POPULATION},
    "ga": {"population": POPULATION},
    "cosyne": {"population": POPULATION},
    "supermask": {"population": POPULATION},
    "eki": {"ensemble": POPULATION},
    "spsa": {"samples": POPULATION // 2},
}


def bench(progress: Callable[[str], None], seeds: int | None = None) -> Benchmark:
    """Nanoseconds a weight of a candidate at D = 100,000; double pole balancing; four objectives in 10 dimensions.

    Parameters
    ----------
    seeds : runs of each; default 20 of the objectives, 50 of the poles.
    """
    pole_runs, seeds = seeds or POLE_RUNS, seeds or SEEDS
    work = {
        "seeds": seeds,
        "dimensions": DIMENSIONS,
        "evaluations": BUDGET,
        "pole_runs": pole_runs,
        "overhead_weights": WEIGHTS,
        "overhead_population": POPULATION,
    }
    result = Benchmark("weights", work)
    _overhead(result, progress)
    _poles(result, progress, pole_runs)
    _results(result, progress, seeds)
    return result


# --- double pole balancing


def _poles(result: Benchmark, progress: Callable[[str], None], count: int) -> None:
    """Evaluations until solved, of the solved runs; failures apart."""
    with processes(available_cores()) as pool:
        problems = (("dpv", poles.solve, poles.PUBLISHED), ("dpnv", poles.solve_hidden, poles.HIDDEN_PUBLISHED))
        for name, (problem, solve, published) in itertools.product(poles.METHODS, problems):
            progress(f"double pole balancing, {problem}, {name}, {count} runs")
            runs = list(pool.map(solve, [name] * count, range(1, count + 1)))
            solved = [evaluations for evaluations in runs if evaluations is not None]
            title = f"{problem}_{name.removesuffix('-es')}"
            result.figures[f"{title}_evaluations"] = mean_figure(solved, "evaluations")
            result.figures[f"{title}_failures"] = failure_figure(len(runs) - len(solved), len(runs))
            asked = f"asked at most {published[name]:,} (Gomez et al. 2008)"
            mean = f"{np.mean(solved):,.0f} evaluations" if solved else "never solved"
            result.notes.append(f"{problem.upper()}, {name}: {mean}, {asked}")


# --- results


def _results(result: Benchmark, progress: Callable[[str], None], seeds: int) -> None:
    """Best values within the budget from as many starts, ours and the libraries'."""
    own: dict[tuple[str, str], NDArray[np.float64]] = {}
    equal, compared = 0, 0
    for peer in PEERS:
        if find_spec(peer.library) is None:
            result.notes.append(f"{peer.name}: {peer.library} is not installed, not compared")
            continue
        for title, function in FUNCTIONS.items():
            progress(f"{peer.name} and {peer.library} on {title}")
            if (peer.name, title) not in own:
                own[peer.name, title] = _over_seeds(seeds, lambda *run, p=peer, f=function: ours(p.name, f, *run))
            mine = own[peer.name, title]
            theirs = _over_seeds(seeds, lambda *run, p=peer, f=function: p.best(f, *run))
            result.figures[f"{peer.name} {title}"] = Figure.of(mine.tolist(), "log10 f")
            verdict = _verdict(mine, theirs)
            if peer.same:
                compared += 1
                equal += verdict == "equal"
            result.notes.append(_line(peer, title, mine, theirs, verdict))
    if compared:
        result.figures["equal"] = Figure.of([equal], f"of {compared} pairs")


def _over_seeds(seeds: int, run: Callable[[NDArray[np.float64], int, int], float]) -> NDArray[np.float64]:
    """log10 of the best value of each seed; both sides have the same starts."""
    values = []
    for seed in range(seeds):
        start = np.random.default_rng(seed).uniform(-2, 2, DIMENSIONS)
        values.append(run(start, BUDGET, seed))
    return np.asarray(np.maximum(np.log10(np.maximum(values, 1e-300)), FLOOR))


def _verdict(mine: NDArray[np.float64], theirs: NDArray[np.float64]) -> str:
    """Equal: the medians differ by no more than the wider of the two interquartile ranges, or 0.1."""
    spread = max(float(np.subtract(*np.percentile(values, [75, 25]))) for values in (mine, theirs))
    difference = float(np.median(mine) - np.median(theirs))
    if abs(difference) <= max(spread, 0.1):
        return "equal"
    return "better" if difference < 0 else "worse"


def _line(peer: Peer, title: str, mine: NDArray[np.float64], theirs: NDArray[np.float64], verdict: str) -> str:
    def shown(values: NDArray[np.float64]) -> str:
        low, middle, high = np.percentile(values, [25, 50, 75])
        return f"{middle:6.2f} [{low:.2f}, {high:.2f}]"

    other = "" if peer.same else " (another algorithm of the kind)"
    return f"{peer.name:11}{title:11}{shown(mine):24}{peer.library:9}{shown(theirs):24}{verdict}{other}"


# --- overhead


def _overhead(result: Benchmark, progress: Callable[[str], None]) -> None:
    """ask and tell without an evaluation, in nanoseconds a weight of a candidate."""
    progress("overhead of ask and tell")
    for name, settings in OVERHEAD.items():
        result.figures[f"{name} overhead"] = Figure.of(_costs(name, settings, WEIGHTS), "ns/sample")
    small = {"population": 16}
    result.figures["openai-es generation of 16"] = Figure.of(
        [cost * 1e-9 * 16 * WEIGHTS for cost in _costs("openai-es", small, WEIGHTS)], "s"
    )
    if find_spec("ribs") is not None:
        samples = _ribs_seconds()
        result.figures["ribs generation of 16"] = Figure.of(samples, "s")
        share = result.figures["openai-es overhead"].median / (1e9 * float(np.median(samples)) / (16 * WEIGHTS))
        result.figures["openai-es share of ribs"] = Figure.of([share], "per sample")
        result.notes.append(f"openai-es, ask and tell by those of ribs, a sample: {share:.2f}, asked at most 0.20")
    costs = [float(np.median(_costs("openai-es", OVERHEAD["openai-es"], size))) for size in SIZES]
    by_size = ", ".join(f"{size:,} {cost:.2f}" for size, cost in zip(SIZES, costs, strict=True))
    result.notes.append(f"openai-es, ns a sample by number of weights: {by_size}")


def _costs(name: str, settings: dict[str, Any], size: int) -> list[float]:
    """Nanoseconds a sample of each generation after the first two."""
    kind = method_class(name)
    method = kind(np.full(size, 0.1), method_params(kind, settings))
    rng = np.random.default_rng(1)
    samples = []
    rows = max(2, BLOCK // size)
    for _ in range(2 + REPEATS):
        fitness = rng.random(method.population)
        evidence = _evidence(method, rng)
        begin = time.perf_counter()
        for first in range(0, method.population, rows):
            method.block(first, min(first + rows, method.population))
        method.tell(fitness, *evidence)
        samples.append(1e9 * (time.perf_counter() - begin) / (len(fitness) * size))
    return samples[2:]


def _evidence(method: Method[Any, Any], rng: np.random.Generator) -> list[NDArray[np.float64]]:
    if method.needs == "behaviour":
        return [rng.random((method.population, 2))]
    return [rng.random((method.population, 64)), rng.random(64)] if method.needs == "outputs" else []


def _ribs_seconds() -> list[float]:
    """Seconds of a generation of ribs' OpenAI-ES."""
    from ribs.emitters.opt import OpenAIEvolutionStrategy

    optimiser = OpenAIEvolutionStrategy(sigma0=0.02, solution_dim=WEIGHTS, batch_size=16, seed=1, lr=0.01)
    optimiser.reset(np.zeros(WEIGHTS))
    rng = np.random.default_rng(1)
    samples = []
    for _ in range(2 + REPEATS):
        values = rng.random(16)
        begin = time.perf_counter()
        optimiser.ask()
        optimiser.tell(np.argsort(-values), values[:, None], 8)
        samples.append(time.perf_counter() - begin)
    return samples[2:]
