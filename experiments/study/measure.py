"""One measurement of the study, in a process of its own."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from multiprocessing import Pipe
from typing import Any

import numpy as np

from experiments.study.plan import Job, weights_of
from experiments.training.data import DataProblem, named, of_outputs
from experiments.training.loop import Limits, generation
from experiments.training.problem import make_method
from experiments.training.rows import Parts
from experiments.training.train import train, train_on_rows
from genomes.dense import MLP, Dense, Elman
from genomes.kernels.parallel import set_threads

__all__ = ["NETS", "Row", "measure"]

SATURATED = 1.0  # deviation of all weights: units of 64 inputs sum up about 8


NETS: dict[str, Dense | None] = {  # fixed ones for two poles without velocities
    "feed-forward, 4 units": MLP((3, 4, 1), output_activation="tanh"),
    "1 unit that reads itself": None,  # the benchmark's own
    "Elman, 1 unit": Elman((3, 1, 1), output_activation="tanh"),
    "Elman, 4 units": Elman((3, 4, 1), output_activation="tanh"),
    "Elman, 16 units": Elman((3, 16, 1), output_activation="tanh"),
}


@dataclass(frozen=True)
class Row:
    """A row of results.csv."""

    key: str
    part: str
    case: str
    method: str
    weights: int
    settings: str
    seed: int
    evaluations: int
    seconds: float
    value: float
    note: str = ""


def measure(job: Job) -> Row:
    """Run it, on one thread."""
    set_threads(1)
    return {"sizes": _trained, "hard": _hard, "cosine": _cosine, "parallel": _parallel}[job.part](job)


def _row(job: Job, weights: int, evaluations: int, seconds: float, value: float, note: str = "") -> Row:
    about = (job.key, job.part, job.case, job.method, weights, job.settings, job.seed)
    return Row(*about, evaluations, seconds, value, note)


def _trained(job: Job) -> Row:
    """Accuracy on digits: on the test rows, or for seed 0 on the validation rows."""
    options, net = job.options, MLP((64, job.size, 10))
    how = {name: options.pop(name) for name in ("objective", "batch", "own_batches") if name in options}
    start: Any = None
    if job.case == "saturated":
        start = SATURATED * np.random.default_rng(job.seed).standard_normal(weights_of(job.size))
    seed = max(job.seed, 1) + 100 * (job.seed == 0)
    parts = Parts.of("digits", 0.2, seed)
    try:
        for limits in (Limits(1), Limits(0, job.effort / 60, time.process_time)):  # the first one compiles
            found = train_on_rows(net, parts, job.method, limits, start, seed, options, **how)
    except (ValueError, MemoryError) as error:
        return _row(job, weights_of(job.size), 0, 0.0, math.nan, str(error) or "out of memory")
    value = found.test if job.seed else found.score
    return _row(job, len(found.weights), found.evaluations, found.seconds, value)


def _hard(job: Job) -> Row:
    if job.case in ("zero-one", "noisy", "saturated"):
        return _trained(job)
    if job.case == "architecture":
        return _architecture(job)
    names = {"maze": "MazeMedium-v0", "delayed": "MountainCar-v0"}
    try:
        found = train(
            (job.size,), names[job.case], job.method, evaluations=int(job.effort), seed=job.seed, **job.options
        )
    except ValueError as error:
        return _row(job, 0, 0, 0.0, math.nan, str(error))
    return _row(job, len(found.weights), found.evaluations, found.seconds, found.score, found.stopped)


def _architecture(job: Job) -> Row:
    """Evaluations until two poles are balanced for 100,000 steps, velocities hidden; NaN where it never happened."""
    from experiments.evolution import evolve

    budget = int(job.effort)
    if job.method == "neat":
        from experiments.tasks import EnvironmentSettings

        task = EnvironmentSettings("DoublePole2008-v0", velocities=False, episodes=1)
        grown = evolve(
            task, evaluations=budget, generations=0, seed=job.seed, quiet=True, population=300, mode="synchronous"
        )
        solved = float(grown.evaluations) if grown.solved else math.nan
        size = 0 if grown.champion is None else int(grown.champion.enabled.sum())
        return _row(job, size, grown.evaluations, float(grown.summary["seconds"]), solved)
    from experiments.bench.peers.poles import solve_hidden

    name = job.options["net"]
    net = NETS[name]
    begin = time.process_time()
    found = solve_hidden(job.method, job.seed, net, budget)
    seconds, size = time.process_time() - begin, 5 if net is None else net.size
    return _row(job, size, found or budget, seconds, math.nan if found is None else float(found), name)


def _cosine(job: Job) -> Row:
    """Cosine between the steepest descent and a method's first step, on all train rows."""
    net, parts = MLP((64, job.size, 10)), Parts.of("digits", 0.2, 1)
    problem = DataProblem(net, net.first(job.seed), *parts.train)
    (gradient,) = problem.judge(problem.start[None], (1, 0), "gradient")[1]
    descent = -np.asarray(gradient)[0]
    begin = time.process_time()
    method = make_method(job.method, problem, job.options, job.seed)
    generation(problem, method, (job.seed, 0))
    if job.method == "annealing":  # the first generation is where the chains begin
        generation(problem, method, (job.seed, 1))
    step = method.solution.astype(np.float64) - problem.start
    length = float(np.linalg.norm(step) * np.linalg.norm(descent))
    value = float(step @ descent) / length if length else 0.0
    return _row(job, net.size, method.population, time.process_time() - begin, value)


def _parallel(job: Job) -> Row:
    """Seconds of one machine, checks apart, until the accuracy on validation rows is ``job.effort``; the note has what
    a generation is made of."""
    options = job.options
    patience, hidden, batch = options.pop("patience"), job.size, options.pop("batch")
    own = options.pop("own_batches", False)
    parts, net = Parts.of("digits", 0.2, 1), MLP((64, hidden, 10))
    problem = DataProblem(net, net.first(job.seed), *parts.train, batch=batch, own_batches=own)
    method, accuracy = make_method(job.method, problem, options, job.seed), named("accuracy", True)
    spent, judging, evaluations, generations, reached = 0.0, 0.0, 0, 0, False
    generation(problem, make_method(job.method, problem, options, job.seed), (job.seed, 0))  # compiles
    while not reached and spent < patience:
        key, begin = (job.seed, method.generation), time.process_time()
        candidates = method.ask()
        middle = time.process_time()
        fitness, evidence = problem.judge(candidates, key, method.needs)
        judging += time.process_time() - middle
        method.tell(fitness, *evidence)
        spent += time.process_time() - begin
        evaluations, generations = evaluations + len(candidates), generations + 1
        if generations % 5 == 0:
            outputs = net.outputs(method.solution[None], parts.validation[0])
            reached = float(of_outputs(accuracy, outputs, parts.validation[1])[0]) >= job.effort
    note = f"generations={generations} judging={judging:.6f} message={_message_seconds():.9f}"
    return _row(job, net.size, evaluations, spent, spent if reached else math.nan, note)


def _message_seconds() -> float:
    """Of sending a seed to a process and having a fitness back, by a pipe of this machine (both ends here)."""
    near, far = Pipe()
    begin, times = time.perf_counter(), 1000
    for k in range(times):
        near.send((k, 1.5))
        far.send(far.recv()[1])
        near.recv()
    return (time.perf_counter() - begin) / times
