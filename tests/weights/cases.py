"""Every method that asks and tells, small, on problems that supply what each needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

import neat.weights
from neat.weights.registry import METHODS, method_class

SIZE = 6
OPTIMUM = np.linspace(-0.4, 0.6, SIZE)


@dataclass(frozen=True)
class Case:
    """A method with settings that suit a bowl of 6 dimensions."""

    name: str
    settings: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> Any:
        return method_class(self.name)

    @property
    def params(self) -> Any:
        return self.kind.params_type(**self.settings)

    def method(self, size: int = SIZE, **options: Any) -> Any:
        start = np.full(size, 0.9) if self.name != "supermask" else np.linspace(-1, 1, size)
        return self.kind(start, self.params, **{"seed": 7} | self.options | options)


CASES = [
    Case("annealing", {"chains": 4, "steps": 100, "restart_after": 5}),
    Case("pso", {"particles": 8, "neighbourhood": "ring"}),
    Case("ga", {"population": 12}),
    Case("deep-ga", {"population": 12, "parents": 4, "sigma": 0.1, "elite_episodes": 2}),
    Case("openai-es", {"population": 8, "sigma": 0.1, "learning_rate": 0.05}),
    Case("snes"),
    Case("cma-es"),
    Case("sep-cma-es"),
    Case("cosyne", {"population": 12}),
    Case("ns-es", {"population": 8, "sigma": 0.1}),
    Case("nsr-es", {"population": 8, "sigma": 0.1}),
    Case("eki", {"ensemble": 12, "momentum": 0.5}),
    Case("spsa", {"samples": 2}),
    Case("finite-differences", {"central": True}),
    Case("supermask", {"population": 12}),
    Case("sgd", {"learning_rate": 0.1, "momentum": 0.5}),
    Case("adam", {"learning_rate": 0.1}),
    Case("cool-momentum", {"steps": 50}),
    Case("levenberg-marquardt"),
]

assert {case.name for case in CASES} | {"elm"} == set(METHODS)
assert {*METHODS.values(), "minimize"} == {*neat.weights.__all__}


def bowl(points: np.ndarray) -> np.ndarray:
    """A loss [n], least at OPTIMUM."""
    return ((np.asarray(points, float) - np.resize(OPTIMUM, points.shape[-1])) ** 2).sum(axis=-1)


def evidence(method: Any, points: np.ndarray) -> list[np.ndarray]:
    """What the method needs beside the loss of these points."""
    points = np.asarray(points, float)
    offset = points - np.resize(OPTIMUM, points.shape[-1])
    sign = -1.0 if method.maximize else 1.0
    match method.needs:
        case "gradient":
            return [sign * 2 * offset]
        case "residuals":
            return [offset, np.eye(points.shape[1])[None]]
        case "outputs":
            return [points[:, :3] ** 2 + points[:, :3], np.full(3, 0.3)]
        case "behaviour":
            return [points[:, :2]]
    return []


def advance(method: Any, generations: int) -> list[np.ndarray]:
    """Run on the bowl; the candidates of each generation."""
    seen = []
    for _ in range(generations):
        points = method.ask()
        seen.append(points)
        losses = bowl(points)
        method.tell(-losses if method.maximize else losses, *evidence(method, points))
    return seen
