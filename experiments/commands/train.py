"""`neat train`"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from experiments.commands.common import GivenPath

if TYPE_CHECKING:
    from experiments.training.loop import Progress
    from experiments.training.presets import Training
    from experiments.training.train import Trained

__all__ = ["command"]


@click.command("train")
@click.argument("name", metavar="NAME")
@click.option("--method", default="adam", metavar="NAME", help="Of neat.weights (default adam).")
@click.option("--evaluations", type=click.IntRange(0), default=0, metavar="N", help="Budget.")
@click.option("--minutes", type=click.FloatRange(0), default=0.0, metavar="N", help="Stop after this time.")
@click.option("--seed", type=click.IntRange(0, 2**64 - 1), default=1, metavar="N", help="Decides the result.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Of the method, e.g. sigma=0.1.")
@click.option("--threads", type=click.IntRange(0, 1024), default=0, metavar="N", help="Threads; 0: one a core.")
@click.option("--out", type=GivenPath(dir_okay=False), metavar="FILE", help="Write the weights (npz).")
@click.option("--quiet", is_flag=True, help="Show errors only.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(
    name: str, method: str, evaluations: int, minutes: float, seed: int, overrides: tuple[str, ...], threads: int,
    out: Path | None, quiet: bool, as_json: bool,
) -> int:  # fmt: skip
    """Train a fixed network by any method: a ready training, or a TOML file of your own."""
    from experiments.commands.common import require_settings, require_writable
    from experiments.config import parse_setting
    from experiments.display import TrainingLines, number
    from experiments.interrupts import Interrupts
    from experiments.training.loop import Limits
    from experiments.training.presets import read_training
    from experiments.training.train import train

    training = read_training(name)
    if out is not None:
        require_writable(out, "--out")
    if not (evaluations or minutes):
        evaluations, minutes = training.evaluations, training.minutes
    _check(method)
    settings = training.methods.get(method, {}) | dict(parse_setting(text) for text in overrides)
    require_settings(settings, method, train, ("objective", "batch", "own_batches"))
    model = training.network(seed)
    _set_threads(threads, training)
    lines = TrainingLines(Limits.of(evaluations, minutes))

    def show(progress: Progress, score: float) -> None:
        if not quiet:
            found = f"best {number(progress.best)}, score {number(score)}"
            lines(progress.evaluations, progress.seconds, found)

    limits: dict[str, Any] = {"evaluations": evaluations, "minutes": minutes}
    with Interrupts.active() as interrupts:
        with interrupts.at_once():
            found = train(model, training.data, method, seed=seed, on_generation=show, **limits, **settings)
        if out is not None:
            _save(found, out)
    if as_json:
        numbers = ("score", "test", "fitness", "evaluations", "generations", "seconds", "stopped", "note")
        result = {key: getattr(found, key) for key in numbers}
        result = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in result.items()}
        print(json.dumps({"training": name, "method": method, "settings": settings, "seed": seed} | result, indent=2))
    elif not quiet:
        print(f"{name} by {method}: {found!r}")
    return 130 if found.stopped == "interrupted" else 0


def _check(method: str) -> None:
    from experiments.errors import BadInput
    from neat.weights.registry import method_class

    try:
        if method != "elm":  # which `train` has without ask and tell
            method_class(method)
    except ValueError as error:
        raise BadInput(f"--method {method}: {error}") from None


def _set_threads(threads: int, training: Training) -> None:
    from genomes.kernels.parallel import available_cores, set_threads

    set_threads(threads or available_cores())
    if isinstance(training.model, str):
        import torch

        torch.set_num_threads(threads or available_cores())


def _save(found: Trained, path: Path) -> None:
    """The weights as arrays with the names of a torch module's parameters, or weight_0, bias_0, ... of the layers."""
    import numpy as np

    from experiments.machine import whole
    from genomes.dense import Dense

    if isinstance(found.model, Dense):
        matrices, biases = found.model.layers(found.weights[None])
        arrays = {f"weight_{k}": matrix[0] for k, matrix in enumerate(matrices)}
        arrays |= {f"bias_{k}": bias[0] for k, bias in enumerate(biases)}
    else:
        arrays = {name: value.detach().cpu().numpy() for name, value in found.model.named_parameters()}
    with whole(path) as made, made.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
