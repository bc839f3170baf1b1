"""One measurement of the study, in a process of its own."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from multiprocessing import Pipe
from typing import Any

import numpy as np

from experiments.bench.peers import poles
from experiments.evolution import evolve
from experiments.study.plan import SATURATED, Job
from experiments.tasks import EnvironmentSettings
from experiments.training.data import DataProblem, named, of_outputs
from experiments.training.loop import Limits, generation
from experiments.training.problem import make_method
from experiments.training.rows import Parts
from experiments.training.train import train, train_on_rows
from genomes.dense import MLP, Dense, Elman
from genomes.kernels.parallel import set_threads

__all__ = ["Row", "measure", "network", "solved"]


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
    seconds: float  # of processor time
    value: float
    note: str = ""


def solved(row: Row) -> bool:
    """Whether a run on a task solved it."""
    return row.note.startswith("solved")


def network(row: Row) -> str:
    """Which network a run on a task trained."""
    return row.note.partition("; ")[2]


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
        own = 0.0 if job.method == "eki" else SATURATED  # around which that one spreads its ensemble as far
        start = own * np.random.default_rng(job.seed).standard_normal(net.size)
    seed = max(job.seed, 1) + 100 * (job.seed == 0)
    parts = Parts.of("digits", 0.2, seed)
    try:
        for limits in (Limits(1), Limits(0, job.effort / 60, time.process_time)):  # the first one compiles
            found = train_on_rows(net, parts, job.method, limits, start, seed, options, **how)
    except (ValueError, MemoryError) as error:
        return _row(job, net.size, 0, 0.0, math.nan, str(error) or "out of memory")
    value = found.test if job.seed else found.score
    return _row(job, net.size, found.evaluations, found.seconds, value)


def _hard(job: Job) -> Row:
    if job.case in ("zero-one", "noisy", "saturated"):
        return _trained(job)
    return _balanced(job) if job.case == "architecture" else _played(job)


def _played(job: Job) -> Row:
    """Score of the task's check, and whether it is solved."""
    name, episodes = {"maze": ("MazeMedium-v0", 1), "delayed": ("MountainCar-v0", 5)}[job.case]
    task, options = EnvironmentSettings(name, episodes=episodes), job.options
    if job.method == "neat":
        return _grown(job, task)
    made = task.make("stop")
    net, begin = _net(options.pop("net"), made.num_inputs, job.size, made.num_outputs), time.process_time()
    found = train(net, made, job.method, evaluations=int(job.effort), seed=job.seed, **options)
    seconds, note = time.process_time() - begin, _note(found.stopped == "solved", job)
    return _row(job, net.size, found.evaluations, seconds, found.score, note)


def _balanced(job: Job) -> Row:
    """Evaluations until two poles are balanced for 100,000 steps, velocities hidden; NaN where it never happened."""
    options, budget = job.options, int(job.effort)
    if job.method == "neat":
        row = _grown(job, EnvironmentSettings("DoublePole2008-v0", velocities=False, episodes=1), poles.RESTART)
        return replace(row, value=float(row.evaluations) if solved(row) else math.nan)
    kind = options.pop("net")
    net = poles.self_reading_unit() if kind == "unit" else _net(kind, 3, job.size, 1, "sigmoid", "tanh")
    begin = time.process_time()
    effort = poles.balance(net, job.method, options, job.seed, budget, poles.RESTART)
    seconds, note = time.process_time() - begin, _note(effort is not None, job)
    return _row(job, net.size, effort or budget, seconds, math.nan if effort is None else effort, note)


def _grown(job: Job, task: EnvironmentSettings, restart: int = 0) -> Row:
    """NEAT: the value is the score of its champion, the weights are its connections."""
    begin, used, attempt, budget = time.process_time(), 0, 0, int(job.effort)
    while True:
        limit, seed = min(restart or budget, budget - used), job.seed + 1000 * attempt
        found = evolve(task, evaluations=limit, generations=0, seed=seed, threads=1, quiet=True, **job.options)
        used, attempt = used + found.evaluations, attempt + 1
        if found.solved or used >= budget:
            break
    held = found.summary["champion"] or {"connections": 0, "score": math.nan}
    seconds, note = time.process_time() - begin, _note(found.solved, job)
    return _row(job, held["connections"], used, seconds, held["score"], note)


def _net(kind: str, inputs: int, hidden: int, outputs: int, inner: str = "tanh", last: str = "identity") -> Dense:
    return (Elman if kind == "elman" else MLP)((inputs, hidden, outputs), inner, last)


def _note(success: bool, job: Job) -> str:
    """Whether it is solved, and by which network."""
    networks = {
        "unit": "one unit that reads itself",
        "mlp": f"feed-forward, {job.size} hidden",
        "elman": f"recurrent (Elman), {job.size} hidden",
        "": "a graph that it finds, by novelty" if "selection" in job.options else "a graph that it finds",
    }
    return f"{'solved' if success else 'not solved'}; {networks[job.options.get('net', '')]}"


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
    """Seconds of one core, checks apart, until the accuracy on validation rows is ``job.effort``; the note has what
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
    samples = []
    for k in range(1000):
        begin = time.perf_counter()
        near.send((k, 1.5))
        far.send(far.recv()[1])
        near.recv()
        samples.append(time.perf_counter() - begin)
    return float(np.median(samples))
