"""All measurements of the study, each kept in results.csv as soon as it is there: a study that was stopped goes on."""

from __future__ import annotations

import csv
import json
import math
import os
import time
from collections.abc import Callable, Iterable
from concurrent.futures import as_completed
from dataclasses import astuple, fields
from multiprocessing import active_children
from pathlib import Path
from typing import Any

import numpy as np

from experiments.bench.harness import machine, processes
from experiments.bench.peers import poles
from experiments.display import progress
from experiments.errors import BadInput, Failure
from experiments.machine import whole
from experiments.study.measure import Row, measure
from experiments.study.plan import GRADIENTS, HARD, OPTIONS, Job, Level, Settings, tuning_jobs

__all__ = ["Results", "run_study"]

Say = Callable[[str], None]
PACE = 20.0  # s between two lines on what remains
COLUMNS = [field.name for field in fields(Row)]
TASK_METHODS: dict[str, Settings] = {
    "cma-es": {"sigma": 0.5},
    "snes": {"sigma": 0.5},
    "openai-es": {"population": 40, "sigma": 0.1, "learning_rate": 0.05},
    "cosyne": {},
    "ga": {"population": 40},
    "pso": {},
    "annealing": {"step": 0.5},
}
COSINE: dict[str, Callable[[int], dict[str, float]]] = {  # of a population
    "openai-es": lambda p: {"population": p, "sigma": 0.02, "weight_decay": 0.0},
    "snes": lambda p: {"population": p, "sigma": 0.02},
    "sep-cma-es": lambda p: {"population": p, "sigma": 0.02},
    "eki": lambda p: {"ensemble": p, "spread": 0.1},
    "spsa": lambda p: {"samples": p // 2},
    "pso": lambda p: {"particles": p, "spread": 0.02},
    "ga": lambda p: {"population": p, "spread": 0.02},
    "annealing": lambda p: {"chains": p, "step": 0.02},
}


class Results:
    """results.csv: rows by key; machine.json beside it says where they were measured."""

    def __init__(self, path: Path) -> None:
        self.path, self.rows = path, dict[str, Row]()
        about = path.with_name("machine.json")
        if path.is_file():
            _drop_torn_line(path)
        if path.is_file() and path.stat().st_size:
            with open(path, newline="", encoding="utf-8") as file:
                for line, cells in enumerate(csv.DictReader(file), 2):
                    try:
                        numbers: dict[str, Any] = {n: int(cells[n]) for n in ("weights", "seed", "evaluations")}
                        numbers |= {n: float(cells[n]) for n in ("seconds", "value")}
                        row = Row(**(dict(cells) | numbers))
                    except (KeyError, TypeError, ValueError) as error:
                        raise BadInput(f"{path}, line {line}: is no row of a study: {error!r}") from None
                    self.rows[row.key] = row
        else:
            with whole(about) as made:
                made.write_text(json.dumps(machine(), indent=1) + "\n", encoding="utf-8")
            self._append([COLUMNS])
        known = about.is_file()
        self.machine = str(json.loads(about.read_text(encoding="utf-8"))["cpu"]) if known else "an unknown machine"

    def add(self, row: Row) -> None:
        """Keep a row; it is on the disk when this returns."""
        self.rows[row.key] = row
        self._append([astuple(row)])

    def _append(self, rows: Iterable[Iterable[object]]) -> None:
        lines = [[" ".join(str(cell).splitlines()) for cell in row] for row in rows]  # a torn row is a torn line
        try:
            with open(self.path, "a", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows(lines)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise Failure(
                f"{self.path}: cannot be written: {error.strerror or error}; the same command goes on from there"
            ) from None

    def of(self, part: str, case: str | None = None, tuning: bool = False) -> list[Row]:
        """Rows of a part, and of a case; those of the tuning apart."""
        return [
            row
            for row in self.rows.values()
            if row.part == part and case in (None, row.case) and (row.seed == 0) == tuning
        ]


def _drop_torn_line(path: Path) -> None:
    """What a study that was killed while writing has left."""
    content = path.read_bytes()
    if not content.endswith(b"\n"):
        os.truncate(path, content.rfind(b"\n") + 1)


def run_study(level: Level, results: Results, workers: int, say: Say) -> None:
    """Measure what is not yet in the results, each on one thread; `BadInput` where those are of another level."""
    own = {job.key for hidden in level.hidden for job in tuning_jobs("sizes", "digits", list(OPTIONS), hidden, level)}
    if any(row.key not in own for row in results.of("sizes", tuning=True)):
        raise BadInput(f"{results.path}: holds results of another level than {level.name}: name another --out")
    os.environ.update(dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"), "1"))
    with processes(workers) as pool:

        def do(title: str, jobs: list[Job]) -> None:
            waiting = [job for job in jobs if job.key not in results.rows]
            say(f"{title}: {len(waiting)} measurements of {len(jobs)}")
            begin = shown = time.monotonic()
            try:
                for done, future in enumerate(as_completed([pool.submit(measure, job) for job in waiting]), 1):
                    results.add(future.result())
                    now = time.monotonic()
                    if done < len(waiting) and now - shown > PACE:
                        say(f"{title}: {done} done, {progress([(done, len(waiting))], now - begin)[1]}")
                        shown = now
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                for process in active_children():  # which would end what they have begun, a minute each
                    process.terminate()
                raise

        _tuned(do, results, level, "sizes", "digits", list(OPTIONS), level.hidden)
        for case in ("zero-one", "noisy", "saturated"):
            _tuned(do, results, level, "hard", case, _methods_for(case), (HARD,))
        do("a deceptive maze, delayed reward", _task_jobs(level))
        do("architecture unknown", _architecture_jobs(level))
        do("cosines", _cosine_jobs(level))
        do("parallel break-even", _parallel_jobs(level))


def _methods_for(case: str) -> list[str]:
    """All but those that need far more than their share there, or read all rows where few are given."""
    left_out = ["finite-differences", "cma-es", "levenberg-marquardt"] + ["elm"] * (case == "noisy")
    return [name for name in OPTIONS if name not in left_out]


def _tuned(
    do: Callable[[str, list[Job]], None], results: Results, level: Level, part: str, case: str, methods: list[str],
    sizes: tuple[int, ...],
) -> None:  # fmt: skip
    """Choose each method's settings on the validation rows, then measure them on the test rows over seeds."""
    tuning = [job for hidden in sizes for job in tuning_jobs(part, case, methods, hidden, level)]
    do(f"{part}, {case}: tuning", tuning)
    best: dict[tuple[str, int], Job] = {}
    for job in tuning:
        held = best.get((job.method, job.size))
        if held is None or _value(results, job) > _value(results, held):
            best[job.method, job.size] = job
    chosen = [
        Job(part, case, job.method, job.size, job.settings, seed, level.seconds)
        for job in best.values()
        for seed in range(1, level.seeds + 1)
    ]
    do(f"{part}, {case}", chosen)


def _value(results: Results, job: Job) -> float:
    value = results.rows[job.key].value
    return -math.inf if math.isnan(value) else value


def _task_jobs(level: Level) -> list[Job]:
    """Fixed nets, where a reward is delayed also with a memory, and NEAT."""
    novelty = {name: {"population": 40, "sigma": 0.1, "learning_rate": 0.05} for name in ("ns-es", "nsr-es")}
    cases: dict[str, dict[str, Settings]] = {"maze": TASK_METHODS | novelty, "delayed": TASK_METHODS}
    runs = [
        (case, method, settings | {"net": net})
        for case, methods in cases.items()
        for method, settings in methods.items()
        for net in (("mlp", "elman") if case == "delayed" else ("mlp",))
    ]
    runs += [(case, "neat", {"population": 250}) for case in cases]
    runs.append(("maze", "neat", {"population": 250, "selection": "novelty"}))
    return [
        Job("hard", case, method, 8, json.dumps(settings, sort_keys=True), seed, level.tasks)
        for case, method, settings in runs
        for seed in range(1, level.seeds + 1)
    ]


def _architecture_jobs(level: Level) -> list[Job]:
    """Fixed nets, of which one has no memory, by two methods; and NEAT, which is told no network."""
    unit = [(method, 0, settings | {"net": "unit"}) for method, settings in poles.HIDDEN_METHODS.items()]
    larger: dict[str, Settings] = {
        "cma-es": {"sigma": 0.3, "population": 20},
        "cosyne": {"population": 40, "spread": 0.3},
    }
    nets = (("mlp", 4), ("elman", 1), ("elman", 3), ("elman", 8))
    runs = unit + [(method, hidden, own | {"net": net}) for net, hidden in nets for method, own in larger.items()]
    runs.append(("neat", 0, {"population": 50, "mode": "synchronous"}))
    return [
        Job("hard", "architecture", method, hidden, json.dumps(settings, sort_keys=True), seed, level.poles)
        for method, hidden, settings in runs
        for seed in range(1, level.seeds + 1)
    ]


def _cosine_jobs(level: Level) -> list[Job]:
    jobs = []
    for hidden in level.dimensions:
        for seed in range(1, level.seeds + 1):
            for population in level.populations:
                for method, settings in COSINE.items():
                    chosen = json.dumps(settings(population), sort_keys=True)
                    jobs.append(Job("cosine", str(population), method, hidden, chosen, seed, 0))
            jobs.append(Job("cosine", "1", "adam", hidden, "{}", seed, 0))
            if hidden <= 13:
                jobs.append(Job("cosine", "D + 1", "finite-differences", hidden, "{}", seed, 0))
    return jobs


def _parallel_jobs(level: Level) -> list[Job]:
    adam = {"batch": 200, "learning_rate": 0.01}
    strategy = {"batch": 200, "own_batches": True, "population": 100, "sigma": 0.02, "learning_rate": 0.02}
    return [
        Job("parallel", "digits", method, 32, json.dumps(chosen | {"patience": level.patience}), seed, level.target)
        for method, chosen in (("adam", adam), ("openai-es", strategy))
        for seed in range(1, level.seeds + 1)
    ]


def mean_and_spread(values: Iterable[float]) -> tuple[float, float, int]:
    """Mean, standard deviation and number of the values that are there."""
    known = np.array([v for v in values if not math.isnan(v)])
    if not len(known):
        return math.nan, math.nan, 0
    return float(known.mean()), float(known.std(ddof=1)) if len(known) > 1 else 0.0, len(known)


assert set(GRADIENTS) < set(OPTIONS)
