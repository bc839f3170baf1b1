"""`neat refine`: a run's champion tuned, in a folder of its own.

config.toml     of the run                  training.csv    a row a generation
champion.json   the better of the two       summary.json    how it went, as of a run; "refined" has both champions
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from experiments.champion import Champion
from experiments.config import Config, read_config
from experiments.errors import BadInput, Failure
from experiments.interrupts import Interrupts
from experiments.machine import refusal
from experiments.record import RunFolder, Table, require_run, write_json, write_whole
from experiments.session import load_champion
from experiments.training.loop import Limits
from experiments.training.refinement import Point, Refinement
from genomes.files import save_genome
from genomes.kernels.parallel import available_cores, set_threads
from genomes.network import Network
from neat.weights.method import SearchError

__all__ = ["refine_champion"]

COLUMNS = ("generation", "evaluations", "best", "champion_score", "seconds")


def refine_champion(
    folder: str | Path,
    method: str = "cma-es",
    *,
    evaluations: int = 0,
    minutes: float = 0.0,
    seed: int = 1,
    out: str | Path | None = None,
    overwrite: bool = False,
    threads: int | None = None,
    device: str | None = None,
    trust: bool = False,
    on_generation: Callable[[Point], Any] | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """Tune the weights of a run's champion; its graph stays, and so does the run's folder.

    Parameters
    ----------
    folder : of the run.
    method : a name in `neat.weights.registry.METHODS`; ``"elm"`` solves the output weights in closed form.
    evaluations, minutes : limits; both 0: 10,000 evaluations.
    seed : decides the result, together with ``evaluations``.
    out : the new folder; None: beside the run's, its name and the method's.
    device : where networks compute; None: where the run's did.
    trust : whether code that the run's task names may run where it is neither below the current folder nor installed.
    settings : the method's parameters.

    Returns
    -------
    The summary, as in summary.json. ``"refined"`` has the champion before and after, each with its fitness, score and
    final test; ``"improved"`` says whether champion.json is another one.

    Raises
    ------
    BadInput : no run or champion, no such method or setting, a method that does not fit the task.
    KeyboardInterrupt : on Ctrl-C; what was found until then is in the folder.
    """
    source = Path(folder)
    require_run(source)
    options = {} if device is None else {"run.device": (f"--device {device}", device)}
    config = read_config(source / "config.toml", options=options, trust=trust)
    genome, scaling = load_champion(source, config)
    limits = Limits.of(evaluations, minutes)
    set_threads(threads or config.run.threads or available_cores())
    if out is not None and Path(out).resolve() == source.resolve():
        raise BadInput(f"--out {out}: is the run itself, which stays as it is: choose another folder")
    refinement = Refinement(config, genome, scaling, method, settings, seed)
    home = source.resolve().parent
    name = f"{source.resolve().name}-{method}"
    made = RunFolder.create(Path(out), overwrite) if out is not None else RunFolder.fresh(name, seed, home)
    try:
        with Interrupts.active():
            made.replace()
            summary = _refine(config, refinement, limits, made, source, on_generation)
    except OSError as error:
        if refusal(error) is None:
            raise
        raise Failure(f"{error.filename or made.path}: cannot be written: {error.strerror or error}") from None
    finally:
        made.close()
    if summary["stopped"] == "interrupted":
        raise KeyboardInterrupt
    return summary


def _refine(
    config: Config,
    refinement: Refinement,
    limits: Limits,
    made: RunFolder,
    source: Path,
    on_generation: Callable[[Point], Any] | None,
) -> dict[str, Any]:
    from envs.fitness import FitnessError

    path, written = made.path, None
    write_whole(path / "config.toml", config.to_toml(path))
    table = Table(path / "training.csv", COLUMNS)

    def record(point: Point) -> None:
        nonlocal written
        score = "" if math.isnan(point.score) else point.score
        table.write([(point.generation, point.evaluations, point.best, score, f"{point.seconds:.6f}")])
        table.flush()
        if refinement.champion is not written:  # so that it outlives this process
            _write_champion(config, refinement, path)
            written = refinement.champion
        made.settle()
        if on_generation is not None:
            on_generation(point)

    try:
        refinement.go(limits, record)
    except Exception as error:
        if written is not None:
            refinement.progress.stopped = "failed"
            _write_outcome(config, refinement, path, source)
        if isinstance(error, FitnessError):
            raise Failure(str(error)) from error
        if isinstance(error, SearchError):
            raise Failure(f"method {refinement.name!r}: {error}") from error
        raise
    finally:
        table.close()
    summary = _write_outcome(config, refinement, path, source)
    made.settle()
    return summary


def _write_champion(config: Config, refinement: Refinement, path: Path) -> None:
    genome, scaling = config.task.deliver(refinement.champion.genome, refinement.champion.scaling)
    save_genome(genome, path / "champion.json", scaling)


def _write_outcome(config: Config, refinement: Refinement, path: Path, source: Path) -> dict[str, Any]:
    """Write the champion and the summary, which is returned."""
    _write_champion(config, refinement, path)
    summary = {"folder": str(path)} | _summary(config, refinement, source)
    write_json(path / "summary.json", summary)
    return summary


def _summary(config: Config, refinement: Refinement, source: Path) -> dict[str, Any]:
    progress, champion = refinement.progress, refinement.champion
    after = _judgement(config, refinement, champion)
    summary = {
        "solved": refinement.solved,
        "stopped": progress.stopped,
        "generations": progress.generations,
        "evaluations": progress.evaluations,
        "best_fitness": _number(refinement.best_fitness),
        "target": refinement.task.target,
        "seed": refinement.seed,
        "seconds": round(progress.seconds, 3),
        "champion": champion.as_dict(),
        "refined": {
            "run": str(source),
            "method": refinement.name,
            "settings": refinement.settings,
            "weights": refinement.topology.size,
            "improved": refinement.improved,
            "note": refinement.note,
            "before": _judgement(config, refinement, refinement.before),
            "after": after,
        },
    }
    return summary | ({"test": after["test"]} if "test" in after else {})


def _judgement(config: Config, refinement: Refinement, champion: Champion) -> dict[str, Any]:
    """Fitness, score, and the final test of what is delivered."""
    judged: dict[str, Any] = {"fitness": _number(champion.fitness), "score": _number(champion.score)}
    if refinement.progress.stopped in ("interrupted", "failed"):
        return judged
    genome, scaling = config.task.deliver(champion.genome, champion.scaling)
    network = Network(genome, scaling=scaling, **config.neat.computing)
    test = config.task.final_test(network, 100, refinement.seed)
    return judged if test is None else judged | {"test": test}


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
