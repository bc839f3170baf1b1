"""Minimise (or maximise) any function of a vector with any of the methods."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neat.weights.genetic import GeneticAlgorithm
from neat.weights.method import NEEDS, Method, Vector
from neat.weights.registry import METHODS, method_class, method_params

__all__ = ["Result", "minimize"]

Function = Callable[[NDArray[np.float64]], Any]


@dataclass(frozen=True, eq=False)
class Result:
    """What `minimize` found."""

    x: NDArray[np.float64]  # [D] the best point that meets all constraints; the least violating one where none does
    value: float  # of the objective there, without penalty
    feasible: bool  # whether x meets all constraints
    evaluations: int
    generations: int
    reason: str  # why it ended: "target", "evaluations", "interrupted"
    history: NDArray[np.float64]  # [generations] best penalised value so far
    method: Method[Any, Any]  # to go on with


def minimize(
    function: Function,
    start: ArrayLike | None = None,
    *,
    bounds: ArrayLike | None = None,
    method: str = "cma-es",
    evaluations: int = 10_000,
    target: float | None = None,
    seed: int = 1,
    maximize: bool = False,
    binary: ArrayLike | None = None,
    constraints: Sequence[Function] = (),
    penalty: float = 1e3,
    vectorized: bool = False,
    gradient: Function | None = None,
    residuals: Function | None = None,
    outputs: Function | None = None,
    targets: ArrayLike | None = None,
    behaviour: Function | None = None,
    **settings: Any,
) -> Result:
    """Search for the vector x [D] (float64) at which ``function(x)`` is least. Ctrl-C ends the search and returns the
    best point until then.

    Between finite bounds the search runs in the unit cube: a method's ``sigma``, ``step`` or ``spread`` is then a
    share of each range. A value that is not finite is worst and never selected.

    Parameters
    ----------
    start : [D] where to begin; None: the middle of the bounds.
    bounds : (low, high) for all, or [D, 2]. Binary genes have (0, 1) whatever is given.
    method : a name in `neat.weights.registry.METHODS`.
    evaluations : budget; the last generation may exceed it.
    target : stop when a feasible value is as good as this.
    binary : [D] bool, genes that are 0 or 1: native to "ga"; other methods search [0, 1], cut at one half.
    constraints : functions g(x), met where g(x) <= 0. Each unit of violation costs ``penalty``.
    vectorized : functions take points [n, D] and give values [n, ...].
    gradient, residuals, outputs, behaviour : functions of x, for methods that need them: gradient [D]; (residuals [R],
        their Jacobian [R, D]); outputs [K], with ``targets`` [K]; behaviour [B].
    settings : the method's parameters, such as ``population=40``.

    Raises
    ------
    ValueError : no such method, a method that needs what is not given, bounds the wrong way round, no finite value.
    ParameterError : a setting that the method does not have, or of a wrong type or range.
    """
    kind = method_class(method)
    mask = None if binary is None else np.asarray(binary, np.bool_)
    space = _Space.of(start, bounds, mask)
    extras = {"gradient": gradient, "residuals": residuals, "outputs": outputs, "behaviour": behaviour}
    _check_fit(method, kind, extras, targets)
    for name, value, least in (("evaluations", evaluations, 1), ("penalty", penalty, 0)):
        if not value >= least:  # nor NaN
            raise ValueError(f"{name} must be at least {least}, got {value}")
    options: dict[str, Any] = {"seed": seed, "bounds": space.inner_bounds, "maximize": maximize, "dtype": np.float64}
    if mask is not None and issubclass(kind, GeneticAlgorithm):
        options["binary"] = mask
    searcher = kind(space.inner_start, method_params(kind, settings), **options)
    judge = _Judge(function, constraints, penalty, vectorized, maximize)
    history: list[float] = []
    reason = "evaluations"
    try:
        while judge.evaluations < evaluations:
            candidates = searcher.ask()
            points = space.outer(candidates)
            scores = judge(points)
            searcher.tell(scores, *_evidence(kind.needs, extras, points, space, targets, vectorized))
            history.append(searcher.best_fitness)
            if target is not None and judge.reached(target):
                reason = "target"
                break
    except KeyboardInterrupt:
        if not len(judge.x):
            raise
        reason = "interrupted"
    return Result(
        judge.x, judge.value, judge.violation == 0, judge.evaluations, len(history), reason, np.array(history), searcher
    )


def _check_fit(
    name: str, kind: type[Method[Any, Any]], extras: dict[str, Function | None], targets: ArrayLike | None
) -> None:
    """ValueError where the method needs what is not there."""
    if kind.needs == "fitness":
        return
    if extras[kind.needs] is None:
        fitting = [other for other in METHODS if other != "elm" and method_class(other).needs == "fitness"]
        needed = ", ".join(NEEDS[kind.needs])
        raise ValueError(
            f"method {name!r} needs {needed}, not the objective alone: pass {kind.needs}=, or use one of "
            f"{', '.join(fitting)}"
        )
    if kind.needs == "outputs" and targets is None:
        raise ValueError(f"method {name!r} needs targets beside outputs")


@dataclass(frozen=True, eq=False)
class _Space:
    """The user's coordinates and the search's: x = offset + width · z."""

    offset: Vector  # [D]
    width: Vector  # [D]
    binary: NDArray[np.bool_]  # [D]
    inner_bounds: NDArray[np.float64] | None  # [D, 2]
    inner_start: Vector  # [D]

    @classmethod
    def of(cls, start: ArrayLike | None, bounds: ArrayLike | None, binary: NDArray[np.bool_] | None) -> _Space:
        if start is None and (bounds is None or np.ndim(bounds) < 2) and binary is None:
            raise ValueError("the number of dimensions is unknown: give start [D], or bounds [D, 2]")
        size = np.size(start) if start is not None else len(binary) if binary is not None else len(np.asarray(bounds))
        mask = np.zeros(size, np.bool_) if binary is None else binary
        if mask.shape != (size,):
            raise ValueError(f"binary has shape {mask.shape}, must be ({size},)")
        pairs = np.tile([-np.inf, np.inf], (size, 1))
        if bounds is not None:
            given = np.asarray(bounds, np.float64)
            if given.shape not in ((2,), (size, 2)):
                raise ValueError(f"bounds must be a pair (low, high) or [{size}, 2], got shape {given.shape}")
            pairs[:] = given
        pairs[mask] = 0.0, 1.0
        wrong = np.flatnonzero(~(pairs[:, 0] < pairs[:, 1]))
        if len(wrong):
            low, high = pairs[wrong[0]]
            raise ValueError(f"bounds[{wrong[0]}] = ({low:g}, {high:g}): the lower one must be below the upper one")
        finite = np.isfinite(pairs).all(axis=1)
        if start is None and not finite.all():
            raise ValueError(f"bounds[{np.flatnonzero(~finite)[0]}] is not finite: give start [D] to begin at")
        offset, width = np.where(finite, pairs[:, 0], 0.0), np.ones(size)
        width[finite] = pairs[finite, 1] - pairs[finite, 0]
        begin = offset + width / 2 if start is None else np.atleast_1d(np.asarray(start, np.float64))
        if begin.ndim > 1:
            raise ValueError(f"start must be a vector [D], got shape {begin.shape}")
        outside = np.flatnonzero((begin < pairs[:, 0]) | (begin > pairs[:, 1]))
        if len(outside):
            i = outside[0]
            raise ValueError(f"start[{i}] = {begin[i]:g} is outside of its bounds ({pairs[i, 0]:g}, {pairs[i, 1]:g})")
        inner = None if np.isinf(pairs).all() else (pairs - offset[:, None]) / width[:, None]
        return cls(offset, width, mask, inner, (begin - offset) / width)

    def outer(self, inner: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points [n, D] in the user's coordinates."""
        points = self.offset + self.width * inner
        points[:, self.binary] = points[:, self.binary] >= 0.5
        return points


class _Judge:
    """Evaluates points, adds penalties, and remembers the best."""

    def __init__(
        self, function: Function, constraints: Sequence[Function], penalty: float, vectorized: bool, maximize: bool
    ) -> None:
        self.function, self.constraints, self.penalty = function, constraints, penalty
        self.vectorized, self.sign = vectorized, -1.0 if maximize else 1.0
        self.evaluations = 0
        self.x: NDArray[np.float64] = np.empty(0)
        self.value, self.violation = np.nan, np.inf

    def __call__(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Penalised values [n], in the user's sense."""
        values = _values(self.function, points, self.vectorized)
        violation = np.zeros(len(points))
        for constraint in self.constraints:
            violation += np.maximum(_values(constraint, points, self.vectorized), 0.0)
        self.evaluations += len(points)
        finite = np.isfinite(values) & np.isfinite(violation)
        if finite.any():
            order = np.lexsort((self.sign * values, violation, ~finite))
            self._note(points[order[0]], float(values[order[0]]), float(violation[order[0]]))
        return np.where(finite, values + self.sign * self.penalty * violation, np.nan)

    def _note(self, x: NDArray[np.float64], value: float, violation: float) -> None:
        better = violation < self.violation or (
            violation == self.violation and not self.sign * value >= self.sign * self.value
        )
        if better:
            self.x, self.value, self.violation = x.copy(), value, violation

    def reached(self, target: float) -> bool:
        """Whether a point that meets all constraints is as good as that."""
        return self.violation == 0 and self.sign * self.value <= self.sign * target


def _values(function: Function, points: NDArray[np.float64], vectorized: bool) -> NDArray[np.float64]:
    """One number for each of the points [n, D]."""
    values = np.asarray(function(points) if vectorized else [function(point) for point in points], np.float64)
    if values.shape not in ((len(points),), (len(points), 1)):
        raise ValueError(f"the function gave values of shape {values.shape} for {len(points)} points: one number each")
    return values.reshape(-1)


def _evidence(
    needs: str,
    extras: dict[str, Function | None],
    points: NDArray[np.float64],
    space: _Space,
    targets: ArrayLike | None,
    vectorized: bool,
) -> list[ArrayLike]:
    """Further arguments of ``tell``; derivatives in the search's coordinates."""
    function = extras.get(needs)
    if function is None:
        return []
    if needs == "residuals":
        residual, jacobian = function(points[0])
        return [np.asarray(residual)[None], (np.asarray(jacobian) * space.width)[None]]
    values = np.asarray(function(points) if vectorized else [function(point) for point in points], np.float64)
    if needs == "gradient":
        return [values * space.width]
    return [values, targets] if needs == "outputs" and targets is not None else [values]
