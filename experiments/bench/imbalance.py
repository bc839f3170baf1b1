"""F1 on an imbalanced set: evolved for directly, against the same networks trained by gradients on cross-entropy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from envs.datasets import Dataset
from envs.splits import learn_scaling, split_rows
from envs.supervised import Rows, SupervisedTask
from experiments.bench.fidelity import mean_figure
from experiments.bench.harness import Benchmark
from experiments.config import RunSettings
from experiments.refine import refine
from experiments.run import Run
from genomes.networks import Networks, compile_population
from genomes.population import Population
from neat.params import NEATParams

__all__ = ["bench", "compare"]

SEEDS = range(1, 31)
ROWS, MINORITY, GENERATIONS, POPULATION = 2000, 0.08, 60, 100
STRETCHES, STEPS, LEARNING_RATE = 30, 50, 0.01


def bench(progress: Callable[[str], None]) -> Benchmark:
    """Each seed draws a set of two overlapping classes, splits it, and evolves."""
    work = {
        "rows": ROWS,
        "minority": MINORITY,
        "population": POPULATION,
        "generations": GENERATIONS,
        "seeds": len(SEEDS),
    }
    result = Benchmark("imbalance", work)
    pairs = []
    for seed in SEEDS:
        progress(f"seed {seed} of {len(SEEDS)}")
        pairs.append(compare(seed))
    evolved, trained, weighted = zip(*pairs, strict=True)
    result.figures["f1_evolved"] = mean_figure(evolved, "F1")
    result.figures["f1_gradients"] = mean_figure(trained, "F1")
    result.figures["f1_gradients_balanced"] = mean_figure(weighted, "F1")
    for name, rival in (("", trained), ("_balanced", weighted)):
        gains = [a - b for a, b in zip(evolved, rival, strict=True)]
        result.figures[f"f1_gain_over_gradients{name}"] = mean_figure(gains, "F1")
        loss = f"{name[1:]} cross-entropy".strip()
        wins = sum(gain > 0 for gain in gains)
        result.notes.append(f"evolved F1 is higher than after training on {loss} in {wins} of {len(pairs)} seeds")
    return result


def compare(seed: int) -> tuple[float, float, float]:
    """F1 on test rows: of a champion evolved for F1; trained on cross-entropy; and on cross-entropy with both classes
    weighted alike. Training goes on from the champion's weights; like the champion, what it gives is chosen by F1 on
    validation rows."""
    from sklearn.datasets import make_classification

    X, y = make_classification(
        ROWS, 8, n_informative=4, n_redundant=2, weights=[1 - MINORITY], class_sep=0.7, random_state=seed
    )
    data = Dataset("imbalanced", X.astype(np.float32), y.astype(np.int32), ("many", "few"))
    split = split_rows(data, 0.2, 0.3, seed)
    scaling = learn_scaling(data.X[split.train])
    assert scaling is not None
    train, validation, test = (Rows(scaling(data.X[p]), data.y[p]) for p in vars(split).values())
    params = NEATParams(population=POPULATION, output_activation="identity", weight_scale=0.5)
    task = SupervisedTask(train, validation, "f1", num_classes=2)
    run = Run.new(params, task, RunSettings(seed=seed, generations=GENERATIONS))
    run.go(lambda *_: None)
    assert run.champion is not None
    networks = compile_population(Population.of([run.champion.genome]))
    share = np.bincount(train.y) / len(train)
    balanced = Rows(train.X, train.y, (0.5 / share[train.y]).astype(np.float32))
    scores = [task.measure(networks, test, "f1")]
    for rows in (train, balanced):
        loss = SupervisedTask(rows, validation, "cross-entropy", num_classes=2)
        scores.append(task.measure(_trained(networks, loss, validation, seed), test, "f1"))
    evolved, trained, weighted = (float(s[0]) for s in scores)
    return evolved, trained, weighted


def _trained(networks: Networks, loss: SupervisedTask, validation: Rows, seed: int) -> Networks:
    """The best on validation of some stretches of gradient steps."""
    best, highest = networks, -1.0
    for stretch in range(STRETCHES):
        networks = refine(networks, loss, (seed, stretch), STEPS, LEARNING_RATE)
        score = float(loss.measure(networks, validation, "f1")[0])
        if score > highest:
            best, highest = networks, score
    return best
