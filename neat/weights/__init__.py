"""Training the weights of a fixed topology, without gradients and with them: one method a file.

Read `method` (what all share: ask and tell), `noise` (random numbers that are drawn again instead of stored), a
method, then `objective`, which has `minimize`. Each name is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from neat.weights.registry import CLASSES

if TYPE_CHECKING:
    from neat.weights.adam import Adam
    from neat.weights.annealing import SimulatedAnnealing
    from neat.weights.cmaes import CMAES
    from neat.weights.cool_momentum import CoolMomentum
    from neat.weights.cosyne import CoSyNE
    from neat.weights.deep_ga import DeepGA
    from neat.weights.elm import ExtremeLearningMachine
    from neat.weights.finite_differences import FiniteDifferences
    from neat.weights.genetic import GeneticAlgorithm
    from neat.weights.kalman import EnsembleKalman
    from neat.weights.levenberg_marquardt import LevenbergMarquardt
    from neat.weights.novelty import NSES, NSRES
    from neat.weights.objective import minimize
    from neat.weights.openai_es import OpenAIES
    from neat.weights.sep_cmaes import SepCMAES
    from neat.weights.sgd import SGD
    from neat.weights.snes import SNES
    from neat.weights.spsa import SPSA
    from neat.weights.supermask import Supermask
    from neat.weights.swarm import ParticleSwarm

__all__ = [
    "CMAES",
    "NSES",
    "NSRES",
    "SGD",
    "SNES",
    "SPSA",
    "Adam",
    "CoSyNE",
    "CoolMomentum",
    "DeepGA",
    "EnsembleKalman",
    "ExtremeLearningMachine",
    "FiniteDifferences",
    "GeneticAlgorithm",
    "LevenbergMarquardt",
    "OpenAIES",
    "ParticleSwarm",
    "SepCMAES",
    "SimulatedAnnealing",
    "Supermask",
    "minimize",
]


def __getattr__(name: str) -> Any:
    if name in CLASSES:
        return getattr(import_module(f"neat.weights.{CLASSES[name]}"), name)
    if name == "minimize":
        return import_module("neat.weights.objective").minimize
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
