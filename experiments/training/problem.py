"""What a method of `neat.weights` is trained on: candidates go in, their fitness and what the method needs come out."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from envs.task import Key
from experiments.errors import BadInput
from experiments.memory import require_memory
from neat.params import ParameterError
from neat.weights.method import NEEDS, Method
from neat.weights.registry import METHODS, method_class, method_params

__all__ = ["Evidence", "Problem", "least_squares_note", "make_method", "what_is_missing"]

COUNTS = ("population", "ensemble", "particles", "chains", "samples")  # settings: candidates of a generation
KEEPERS = ("ensemble", "particles", "chains")  # of methods that keep the weights of each, as do those with tournaments
Evidence = tuple[NDArray[np.float64], list[ArrayLike]]  # fitness [P], and the further arguments of `Method.tell`


class Problem(Protocol):
    """Weights [D] to be trained."""

    name: str
    maximize: bool  # whether higher fitness is better
    supplies: tuple[str, ...]  # keys of `NEEDS` that `judge` can meet

    @property
    def start(self) -> NDArray[np.float32]:
        """[D] Where training begins."""
        ...

    def judge(self, candidates: NDArray[Any], key: Key, needs: str) -> Evidence:
        """Fitness [P] of candidates [P, D] and what ``needs`` asks for; NaN where a candidate failed."""
        ...


def what_is_missing(name: str, supplies: tuple[str, ...], giver: str) -> str:
    """What the method needs and is not given, as part of a sentence; empty where all is there."""
    needs = method_class(name).needs
    if needs in supplies:
        return ""
    fitting = [other for other in METHODS if other != "elm" and method_class(other).needs in supplies]
    needed = " and ".join(NEEDS[needs])
    return f"needs {needed}, which {giver} does not give: use one of {', '.join(fitting)}"


def least_squares_note(needs: str, objective: str) -> str:
    """What to know of a method that fits outputs to targets whatever the objective is; empty of others."""
    if needs not in ("outputs", "residuals") or objective == "mse":
        return ""
    return f"learnt by least squares, not by {objective}"


def make_method(name: str, problem: Problem, settings: dict[str, Any], seed: int) -> Method[Any, Any]:
    """The method, at the problem's start.

    Raises
    ------
    BadInput : there is no such method, it needs what the problem does not supply, or a setting is wrong.
    """
    try:
        kind = method_class(name)
        if missing := what_is_missing(name, problem.supplies, problem.name):
            raise BadInput(f"method {name!r} {missing}")
        params = method_params(kind, settings)
        require_memory([_candidates(params, len(problem.start))])
        return kind(problem.start, params, seed=seed, maximize=problem.maximize, **_safety(params, problem))
    except BadInput:
        raise
    except ParameterError as error:
        raise BadInput(f"method {name!r}: {error}") from None
    except ValueError as error:
        raise BadInput(str(error)) from None


def _candidates(params: Any, size: int) -> tuple[float, dict[str, int]]:
    """Bytes, at least, of a generation's candidates: their fitness, and the weights that a method keeps of each."""
    counts = {key: getattr(params, key) for key in COUNTS if hasattr(params, key)}
    kept = 4 * size if set(counts) & set(KEEPERS) or hasattr(params, "tournament") else 0
    return max(counts.values(), default=0) * (24 + kept), counts


def _safety(params: Any, problem: Problem) -> dict[str, Any]:
    """What safe mutations (see `neat.weights.DeepGA`) need to know of the problem's network."""
    safe = getattr(params, "safe", "none")
    if safe == "none":
        return {}
    argument = "sensitivity" if safe == "gradient" else "outputs"
    function = getattr(problem, argument, None)
    if function is None:
        raise ParameterError("safe", safe, f"needs rows of data and a network with derivatives, not {problem.name}")
    return {argument: function}
