"""A run, taken up from a checkpoint. It may come from elsewhere, so that all that it holds is checked first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.champion import Champion
from experiments.checkpoint import Checkpoint, CheckpointError
from genomes.population import CONNECTION_GENES, NODE_GENES, Genome, InvalidGenome, Population
from genomes.scaling import Scaling
from genomes.stored import Stored, shown
from neat.algorithm import NEAT
from neat.state import check_genomes

if TYPE_CHECKING:
    from experiments.run import Run

__all__ = ["restore"]


def restore(run: Run, checkpoint: Checkpoint) -> None:
    """Take a run that has not begun up where a checkpoint left it.

    Raises
    ------
    CheckpointError : the checkpoint cannot be of this run; the run is as it was.
    """
    try:
        given = Stored(checkpoint.arrays, checkpoint.state)
        given.text("config")
        _check_tables(given.within("tables"))
        algorithm = _algorithm(run, given)
        counts = given.within("run")
        generations, evaluations = counts.integer("generations"), counts.integer("evaluations")
        seconds, best = counts.number("seconds", 0.0), counts.number("best_fitness", nan=True)
        solved = counts.flag("solved")
        counts.end()
        if generations != algorithm.generation + algorithm.done:
            raise counts.fail("generations", f"must be that of the algorithm, got {generations}")
        champion = _champion(run, given, generations)
        task = given.beginning("task.")
        given.end()
        run.task.restore(task)
    except ValueError as error:
        raise CheckpointError(str(error)) from None
    run.algorithm, run.champion = algorithm, champion
    run.generations, run.evaluations, run.seconds = generations, evaluations, seconds
    run.best_fitness, run.solved = best, solved


def _check_tables(tables: Stored) -> None:
    """How much there was of metrics.csv and species.csv: bytes and checksums."""
    for name in ("metrics", "species"):
        mark = tables.value(name)
        if not isinstance(mark, (list, tuple)) or len(mark) != 2:
            raise tables.fail(name, f"must be [bytes, checksum], got {shown(mark)}")
        values = Stored({}, dict(zip(("bytes", "checksum"), mark, strict=True)), f"tables.{name}.")
        values.integer("bytes")
        values.integer("checksum", 0, 2**32 - 1)
    tables.end()


def _algorithm(run: Run, given: Stored) -> NEAT:
    begun = run.algorithm
    scalars = given.value("algorithm")
    own = ("population.", "representatives.", "species.", "progress.", "innovations.", "phase.", "archive")
    arrays = {f"{prefix}{name}": a for prefix in own for name, a in given.beginning(prefix).items()}
    algorithm = NEAT.restore(
        run.params,
        arrays,
        scalars,
        maximize=run.task.maximize,
        episodes_change=run.task.episodes_change,
        initial=begun._initial,
        device=begun.device,
    )
    state, first = algorithm._state, begun._state
    if state.seed != first.seed:
        raise ValueError(f"algorithm.seed: must be that of the run, {first.seed}, got {state.seed}")
    for name in ("num_inputs", "num_outputs", "bias_input"):
        found, wanted = (getattr(s.population, name) for s in (state, first))
        if found != wanted:
            raise ValueError(f"algorithm.{name}: must be {wanted}, as the task and the parameters want it, got {found}")
    if len(state.population) != run.params.population:
        raise ValueError(f"population: must have {run.params.population} genomes, got {len(state.population)}")
    if not state.innovations.splits.count and state.innovations.next_node != first.innovations.next_node:
        raise ValueError(f"innovations.next: no node was added, so that it must be {first.innovations.next_node}")
    return algorithm


def _champion(run: Run, given: Stored, generations: int) -> Champion | None:
    found = given.value("champion")
    if found is None:
        return None
    values = Stored({}, found, "champion.")
    generation, fitness = values.integer("generation", 0, generations - 1), values.number("fitness")
    score = values.number("score", infinite=True)
    values.end()
    types = NODE_GENES | CONNECTION_GENES
    genes: dict[str, Any] = {name: given.array(f"champion.{name}", dtype, None) for name, dtype in types.items()}
    like = run.algorithm._state.population
    genome = Genome(like.num_inputs, like.num_outputs, bias_input=like.bias_input, **genes)
    try:
        check_genomes(Population.of([genome]), run.params)
    except InvalidGenome as error:
        raise given.fail("champion", str(error)) from None
    return Champion(genome, generation, fitness, score, _scaling(given, like.task_inputs))


def _scaling(given: Stored, inputs: int) -> Scaling | None:
    if "champion_limit" not in given:
        return None
    shift, scale = (given.finite(f"champion.scaling.{name}", np.float32, inputs) for name in ("shift", "scale"))
    return Scaling(shift, scale, given.optional("champion_limit", 0.0))
