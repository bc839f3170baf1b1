"""What the study runs: three levels of effort, the methods' settings that are tuned among, and the jobs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["HARD", "LEVELS", "OPTIONS", "SATURATED", "Job", "Level", "options_of", "tuning_jobs", "why_not"]

Settings = dict[str, Any]
OUR = {"batch": 0}  # methods that compare a candidate with one of before: on the same rows always
SHARED, OWN = {"batch": 256}, {"batch": 128, "own_batches": True}

# method -> settings that it is tuned among, all with the same time; `train` is given each as it is
OPTIONS: dict[str, list[Settings]] = {
    "sgd": [{"batch": 128, "learning_rate": rate} for rate in (0.03, 0.3)],
    "adam": [{"batch": 128, "learning_rate": rate} for rate in (0.001, 0.01)],
    "cool-momentum": [{"batch": 128, "learning_rate": rate} for rate in (0.01, 0.1)],
    "levenberg-marquardt": [OUR, OUR | {"damping": 0.1}],
    "elm": [OUR, OUR | {"ridge": 1e-2}],
    "openai-es": [OWN | {"population": 100, "sigma": s, "learning_rate": 0.02} for s in (0.02, 0.1)],
    "snes": [SHARED | {"population": 40, "sigma": s} for s in (0.03, 0.1)],
    "sep-cma-es": [SHARED | {"population": 40, "sigma": s} for s in (0.03, 0.1)],
    "cma-es": [SHARED | {"sigma": s} for s in (0.1, 0.3)],
    "eki": [{"batch": 50, "ensemble": 100, "spread": 0.3, "noise": 0.3, "jitter": j} for j in (0.02, 0.05)],
    "cosyne": [OUR | {"spread": 0.3, "scale": s} for s in (0.03, 0.3)],
    "ga": [OUR | {"spread": 0.3, "sigma": s} for s in (0.03, 0.1)],
    "deep-ga": [OUR | {"population": 100, "parents": 10, "sigma": s} for s in (0.01, 0.05)],
    "pso": [OUR | {"spread": s} for s in (0.1, 0.5)],
    "annealing": [OUR | {"step": s, "steps": 2000} for s in (0.01, 0.05)],
    "spsa": [SHARED | {"step": s, "samples": 4} for s in (0.003, 0.01)],
    "finite-differences": [SHARED | {"learning_rate": r} for r in (0.003, 0.03)],
    "supermask": [OUR, OUR | {"population": 40}],
}
GRADIENTS = ("sgd", "adam", "cool-momentum", "levenberg-marquardt")

# Most weights, and what stops the method there
MOST = {
    "cma-es": (1_000, "a matrix of D x D"),
    "levenberg-marquardt": (2_500, "equations of D x D, a Jacobian of rows x D"),
    "finite-differences": (2_500, "D + 1 evaluations a step"),
    "cosyne": (200_000, "time: two generations take its whole share"),
    "ga": (200_000, "time: two generations take its whole share"),
    "pso": (200_000, "time: two steps of the swarm take its whole share"),
    "supermask": (200_000, "time: two generations take its whole share"),
}

SATURATED = 1.0  # deviation of all weights of a bad start: units of 64 inputs sum up about 8
HARD = 32  # hidden units of the networks on digits in part 3


@dataclass(frozen=True)
class Level:
    """How much the study does."""

    name: str
    hidden: tuple[int, ...]  # units of the networks on digits: 75 weights each, and 10
    seconds: float  # of processor time, of each training of parts 1 and 3
    seeds: int
    tasks: int  # evaluations on tasks
    poles: int  # evaluations of pole balancing
    dimensions: tuple[int, ...]  # hidden units of part 2
    populations: tuple[int, ...]
    target: float  # accuracy of part 4
    patience: float  # seconds for it


LEVELS = {
    level.name: level
    for level in (
        Level("quick", (13, 133), 0.4, 2, 1_000, 6_000, (2, 13, 133), (16, 128), 0.85, 20.0),
        Level("standard", (1, 13, 133, 1333), 1.0, 3, 10_000, 20_000, (2, 13, 133, 1333), (16, 64, 256), 0.9, 60),
        Level(
            "full", (1, 13, 133, 1333, 13333), 10.0, 3, 30_000, 60_000,
            (2, 13, 133, 1333), (16, 64, 256, 1024), 0.9, 300,
        ),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Job:
    """One measurement."""

    part: str
    case: str
    method: str
    size: int  # hidden units, or what the part says
    settings: str  # JSON
    seed: int  # 0: on the validation rows, to choose settings
    effort: float  # seconds or evaluations

    @property
    def options(self) -> Settings:
        """The settings."""
        return dict(json.loads(self.settings))

    @property
    def key(self) -> str:
        """Names it in results.csv."""
        return f"{self.part}|{self.case}|{self.method}|{self.size}|{self.settings}|{self.seed}|{self.effort:g}"


def weights_of(hidden: int) -> int:
    """Weights of a network for digits."""
    return 75 * hidden + 10


def why_not(method: str, hidden: int) -> str:
    """What keeps a method from networks of this size; empty where nothing does."""
    most, reason = MOST.get(method, (10**9, ""))
    return reason if weights_of(hidden) > most else ""


def options_of(case: str, method: str) -> list[Settings]:
    """The settings to tune among in a case."""
    changes: dict[str, Settings] = {"noisy": {"batch": 4}, "zero-one": {"objective": "zero-one"}}
    change = changes.get(case, {})
    if case == "zero-one" and method in (*GRADIENTS, "elm"):
        change = {}  # they take a surrogate: cross-entropy, or least squares
    if (case, method) == ("saturated", "eki"):
        change = {"spread": SATURATED}  # its ensemble is made of such starts
    return [options | change for options in OPTIONS[method]]


def tuning_jobs(part: str, case: str, methods: Sequence[str], hidden: int, level: Level) -> list[Job]:
    """A job for each of the settings of each method that can do this size."""
    return [
        Job(part, case, method, hidden, json.dumps(settings, sort_keys=True), 0, level.seconds)
        for method in methods
        if not why_not(method, hidden)
        for settings in options_of(case, method)
    ]
