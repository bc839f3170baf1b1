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
from experiments.training.loop import generation
from experiments.training.problem import make_method
from experiments.training.rows import Parts
from experiments.training.train import train
from genomes.dense import MLP, Elman
from genomes.kernels.parallel import set_threads

__all__ = ["Row", "measure"]

SATURATED = 1.0  # deviation of all weights: units of 64 inputs sum up about 8


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
    options = job.options
    start: Any = None
    if job.case == "saturated":
        start = SATURATED * np.random.default_rng(job.seed).standard_normal(weights_of(job.size))
    seed = max(job.seed, 1) + 100 * (job.seed == 0)
    try:
        train((job.size,), "digits", job.method, evaluations=1, start=start, seed=seed, **options)  # compiles
        minutes = job.effort / 60
        found = train((job.size,), "digits", job.method, minutes=minutes, start=start, seed=seed, **options)
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

    name, budget = "DoublePole2008-v0", int(job.effort)
    if job.method == "neat":
        from experiments.tasks import EnvironmentSettings

        task = EnvironmentSettings(name, velocities=False, episodes=1)
        grown = evolve(
            task, evaluations=budget, generations=0, seed=job.seed, quiet=True, population=300, mode="synchronous"
        )
        solved = float(grown.evaluations) if grown.solved else math.nan
        size = 0 if grown.champion is None else int(grown.champion.enabled.sum())
        return _row(job, size, grown.evaluations, float(grown.summary["seconds"]), solved)
    from envs.control.poles import double_pole_2008
    from envs.control.task import NativeTask

    hidden = job.size
    net = Elman((3, hidden, 1), output_activation="tanh") if hidden else MLP((3, 1), output_activation="tanh")
    task_made = NativeTask(double_pole_2008(velocities=False, damping=True), episodes=1)
    found = train(net, task_made, job.method, evaluations=budget, seed=job.seed, **job.options)
    solved = float(found.evaluations) if found.stopped == "solved" else math.nan
    return _row(job, len(found.weights), found.evaluations, found.seconds, solved)


def _cosine(job: Job) -> Row:
    """Cosine between the steepest descent and a method's first step, on all train rows."""
    net, parts = MLP((64, job.size, 10)), Parts.of("digits", 0.2, 1)
    problem = DataProblem(net, net.first(job.seed), *parts.train)
    (gradient,) = problem.judge(problem.start[None], (1, 0), "gradient")[1]
    descent = -np.asarray(gradient)[0]
    begin = time.perf_counter()
    method = make_method(job.method, problem, job.options, job.seed)
    generation(problem, method, (job.seed, 0))
    if job.method == "annealing":  # the first generation is where the chains begin
        generation(problem, method, (job.seed, 1))
    step = method.solution.astype(np.float64) - problem.start
    length = float(np.linalg.norm(step) * np.linalg.norm(descent))
    value = float(step @ descent) / length if length else 0.0
    return _row(job, net.size, method.population, time.perf_counter() - begin, value)


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
        key, begin = (job.seed, method.generation), time.perf_counter()
        candidates = method.ask()
        middle = time.perf_counter()
        fitness, evidence = problem.judge(candidates, key, method.needs)
        judging += time.perf_counter() - middle
        method.tell(fitness, *evidence)
        spent += time.perf_counter() - begin
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
