"""Novelty search: selection by how unlike all others a genome behaves, in place of fitness.

Source: Lehman & Stanley, Abandoning Objectives, Evolutionary Computation 19(2), 2011, section 3: the mean distance to
the 15 nearest behaviours of the population and of an archive. The archive takes random members of each generation,
which Gomes, Mariano & Christensen (GECCO 2015) found to work best; it needs no scale, unlike a threshold of novelty.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from genomes.backend import to_host
from genomes.evaluation import Evaluation
from genomes.kernels.parallel import parallel_for
from neat.kernels import novelty as kernels
from neat.params import NEATParams
from neat.state import State

__all__ = ["novelty", "selection_scores"]

GRAIN = 16  # least behaviours worth a thread


def selection_scores(
    fitness: NDArray[np.float64], evaluation: Evaluation, state: State, params: NEATParams
) -> NDArray[np.float64]:
    """What genomes are selected by [P]: ``fitness``, or novelty; -inf where failed. Novelty fills the archive.

    Raises
    ------
    ValueError : novelty is asked for, and the evaluation holds no behaviour.
    """
    if params.selection == "fitness":
        return fitness
    fitness = to_host(fitness)
    behaviour = evaluation.extras.get("behaviour")
    if behaviour is None or behaviour.ndim != 2 or not behaviour.shape[1]:
        raise ValueError('selection = "novelty" needs a task that describes behaviour, which this one does not')
    sound = np.flatnonzero(fitness > -np.inf)
    behaviour = np.ascontiguousarray(behaviour, np.float32)
    if state.archive is None:
        state.archive = np.empty((0, behaviour.shape[1]), np.float32)
    scores = np.full(len(fitness), -np.inf)
    scores[sound] = novelty(behaviour[sound], state.archive, params.novelty_neighbours)
    remembered = np.empty(len(fitness), np.bool_)
    chance = np.float32(params.novelty_archive)
    kernels.draw_remembered(0, len(fitness), chance, np.uint64(state.seed), state.generation, remembered)
    state.archive = np.concatenate((state.archive, behaviour[sound[remembered[sound]]]))
    return scores


def novelty(behaviour: NDArray[np.float32], archive: NDArray[np.float32], neighbours: int) -> NDArray[np.float64]:
    """Mean distance of each behaviour [P, B] to the nearest ``neighbours`` of the others and of the archive [A, B]."""
    known = np.concatenate((behaviour, archive))
    result = np.empty(len(behaviour), np.float64)
    rows = np.arange(len(behaviour))
    parallel_for(kernels.mean_distances, len(rows), rows, known, neighbours, result, grain=GRAIN)
    return result
