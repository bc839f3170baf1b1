"""Test scores of evolved networks over ten seeds, beside scikit-learn's estimators on the same splits."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.bench.fidelity import mean_figure
from experiments.bench.harness import Benchmark
from experiments.config import Config, load_config
from experiments.run import Run
from genomes.kernels.parallel import available_cores, set_threads
from genomes.network import Network

if TYPE_CHECKING:
    from experiments.data import Data

__all__ = ["Outcome", "baseline", "bench", "evolve_preset"]

SEEDS = range(1, 11)
CLASSES = ("iris", "wine", "breast-cancer", "digits", "mnist-5k")
NUMBERS = ("diabetes", "pagie")
READOUTS = ("digits-gradient-free", "mnist-5k-gradient-free")  # beside ridge alone, as their output weights are ridge's
ALONE = ("spirals", "parity-6")  # all rows are train
RIDGE_PENALTIES = (0.1, 1, 10, 100, 1000, 3000, 10000)


@dataclass(frozen=True)
class Outcome:
    """What one run has found: the champion's score on the test rows, and its size."""

    score: float
    validation: float
    nodes: int
    connections: int
    generations: int
    seconds: float


def bench(progress: Callable[[str], None]) -> Benchmark:
    """Seed k decides the split and the run. Champions are chosen on validation; settings were tuned on validation.
    Scikit-learn's estimators learn from the train rows; those for numbers see the targets scaled as networks do."""
    presets = (*CLASSES, *NUMBERS, *READOUTS, *ALONE)
    result = Benchmark("accuracy", {"seeds": len(SEEDS), "presets": len(presets)})
    for preset in presets:
        progress(f"{preset}: {len(SEEDS)} seeds")
        outcomes = [evolve_preset(preset, seed) for seed in SEEDS]
        metric = load_config(preset).task.data.metric.name  # type: ignore[attr-defined]
        _enter(result, preset, metric, [o.score for o in outcomes], [o.connections for o in outcomes])
        for name, build in _rivals(preset).items():
            progress(f"{preset}: scikit-learn's {name}")
            pairs = [baseline(build, _config(preset, seed).task.data, seed) for seed in SEEDS]  # type: ignore[attr-defined]
            _enter(result, f"{preset}_{name}", metric, [a for a, _ in pairs], [n for _, n in pairs])
    return result


def evolve_preset(preset: str, seed: int, overrides: Sequence[str] = ()) -> Outcome:
    """Run a preset in memory, this seed deciding split and run."""
    config = _config(preset, seed, overrides)
    settings = config.task
    run = Run.new(config.neat, settings.make("stop"), config.run, learning=settings.learning())
    set_threads(config.run.threads or available_cores())
    run.go(lambda *_: None)
    if run.stopped == "interrupted":
        raise KeyboardInterrupt
    assert run.champion is not None
    genome, scaling = settings.deliver(run.champion.genome, run.champion.scaling)
    tested = settings.final_test(Network(genome, scaling=scaling), 1, seed)
    assert tested is not None
    size = run.champion.as_dict()
    counts = (size["nodes"], size["connections"], run.generations)
    return Outcome(tested["score"], run.champion.score, *counts, run.seconds)


def _config(preset: str, seed: int, overrides: Sequence[str] = ()) -> Config:
    return load_config(preset, [f"run.seed={seed}", f"task.split_seed={seed}", *overrides])


def _enter(result: Benchmark, name: str, metric: str, scores: Iterable[float], connections: Iterable[int]) -> None:
    values = list(scores)
    result.figures[f"{name}_{metric}"] = mean_figure(values, metric)
    result.figures[f"{name}_connections"] = mean_figure(list(connections), "connections")
    result.notes.append(f"{name}: {metric} {np.mean(values):.4f}, standard deviation {np.std(values, ddof=1):.4f}")


def baseline(build: Callable[[int], list[Any]], data: Data, seed: int) -> tuple[float, int]:
    """Accuracy or R² on the test rows, and the number of weights, of the estimator that is best on validation among
    those that are built, each fitted to the train rows."""
    from sklearn.exceptions import ConvergenceWarning

    parts = (data.split.train, data.split.validation, data.split.test)
    train, validation, tested = (data.rows(part) for part in parts)
    models = build(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for model in models:
            model.fit(train.X, train.y if train.classes else train.y[:, 0])
    best = max(models, key=lambda model: model.score(validation.X, validation.y))
    weights = best.coefs_ if hasattr(best, "coefs_") else [best.coef_]
    return float(best.score(tested.X, tested.y)), sum(w.size for w in weights)


def _rivals(preset: str) -> dict[str, Callable[[int], list[Any]]]:
    from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    def ridge(seed: int) -> list[Any]:
        return [RidgeClassifier(alpha=alpha) for alpha in RIDGE_PENALTIES]

    if preset in CLASSES:
        return {
            "ridge": ridge,
            "logistic": lambda seed: [LogisticRegression(max_iter=2000)],
            "mlp": lambda seed: [MLPClassifier(max_iter=1000, random_state=seed)],
        }
    if preset in READOUTS:
        return {"ridge": ridge}
    if preset in NUMBERS:
        return {"ridge": lambda seed: [Ridge()], "mlp": lambda seed: [MLPRegressor(max_iter=1000, random_state=seed)]}
    return {}
