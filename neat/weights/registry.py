"""Methods by the names that users write."""

from __future__ import annotations

import dataclasses
import difflib
from importlib import import_module
from typing import Any

from neat.params import ParameterError
from neat.weights.method import Method, MethodParams

__all__ = ["CLASSES", "METHODS", "method_class", "method_params"]

METHODS = {
    "annealing": "SimulatedAnnealing",
    "pso": "ParticleSwarm",
    "ga": "GeneticAlgorithm",
    "deep-ga": "DeepGA",
    "openai-es": "OpenAIES",
    "snes": "SNES",
    "cma-es": "CMAES",
    "sep-cma-es": "SepCMAES",
    "cosyne": "CoSyNE",
    "ns-es": "NSES",
    "nsr-es": "NSRES",
    "eki": "EnsembleKalman",
    "spsa": "SPSA",
    "finite-differences": "FiniteDifferences",
    "elm": "ExtremeLearningMachine",
    "supermask": "Supermask",
    "sgd": "SGD",
    "adam": "Adam",
    "cool-momentum": "CoolMomentum",
    "levenberg-marquardt": "LevenbergMarquardt",
}
CLASSES = {  # class -> its module
    "SimulatedAnnealing": "annealing",
    "ParticleSwarm": "swarm",
    "GeneticAlgorithm": "genetic",
    "DeepGA": "deep_ga",
    "OpenAIES": "openai_es",
    "SNES": "snes",
    "CMAES": "cmaes",
    "SepCMAES": "sep_cmaes",
    "CoSyNE": "cosyne",
    "NSES": "novelty",
    "NSRES": "novelty",
    "EnsembleKalman": "kalman",
    "SPSA": "spsa",
    "FiniteDifferences": "finite_differences",
    "ExtremeLearningMachine": "elm",
    "Supermask": "supermask",
    "SGD": "sgd",
    "Adam": "adam",
    "CoolMomentum": "cool_momentum",
    "LevenbergMarquardt": "levenberg_marquardt",
}


def method_class(name: str) -> type[Method[Any, Any]]:
    """The class of a method that asks and tells; ValueError for another name, or the one in closed form."""
    if name not in METHODS:
        nearest = difflib.get_close_matches(name, METHODS, 1, 0.4)
        hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
        raise ValueError(f"there is no method {name!r}: must be one of {', '.join(METHODS)}{hint}")
    if name == "elm":
        raise ValueError("method 'elm' solves its readout in closed form: it has fit(inputs, targets), no ask and tell")
    module = import_module(f"neat.weights.{CLASSES[METHODS[name]]}")
    return getattr(module, METHODS[name])  # type: ignore[no-any-return]


def method_params(method: type[Method[Any, Any]], settings: dict[str, Any]) -> MethodParams:
    """The method's parameters with these settings; ParameterError for one that it does not have."""
    known = [field.name for field in dataclasses.fields(method.params_type)]
    for name, value in settings.items():
        if name not in known:
            nearest = difflib.get_close_matches(name, known, 1, 0.4)
            hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
            raise ParameterError(name, value, f"{method.__name__} has {', '.join(known)}{hint}")
    return method.params_type(**settings)
