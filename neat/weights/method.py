"""What all methods share: ask and tell, bounds, direction, the best so far, saving and restoring."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from neat.params import checked, parameter
from neat.weights import noise

__all__ = [
    "NEEDS",
    "Arrays",
    "Bounds",
    "Fitness",
    "Method",
    "MethodParams",
    "MethodState",
    "SearchError",
    "Vector",
    "parameter",
]

Arrays = dict[str, NDArray[Any]]
Vector = NDArray[Any]
Fitness = NDArray[np.float64]

# What a method needs beside the fitness of its candidates: arguments of `tell`
NEEDS: dict[str, tuple[str, ...]] = {
    "fitness": (),
    "behaviour": ("behaviour",),  # [P, B]
    "outputs": ("outputs", "targets"),  # [P, K] and [K]
    "gradient": ("gradient",),  # [P, D] of the fitness
    "residuals": ("residuals", "jacobian"),  # [P, R] and [P, R, D], P = 1
}

DOUBLE_UP_TO = 10_000  # dimensions; state is float32 beyond


class SearchError(ValueError):
    """What a method was told gives it nothing to go by: values, slopes or outputs that are not finite."""


@dataclass(frozen=True)
class MethodParams:
    """Parameters of a method, which do not change during a run; `neat.params.ParameterError` where one is wrong."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, checked(field, getattr(self, field.name)))


@dataclass(kw_only=True, eq=False)
class MethodState:
    """What changes from generation to generation. Arrays and plain numbers only."""

    seed: int
    generation: int = 0
    best: Vector  # [D] the best candidate so far; the start before any
    best_fitness: float = -np.inf  # maximised; -inf before any

    def to_arrays(self) -> tuple[Arrays, dict[str, Any]]:
        """Arrays by name, and values that JSON can hold."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        arrays = {name: value.copy() for name, value in values.items() if isinstance(value, np.ndarray)}
        scalars = {name: value for name, value in values.items() if name not in arrays}
        if scalars["best_fitness"] == -np.inf:
            scalars["best_fitness"] = None
        return arrays, scalars

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], scalars: Mapping[str, Any]) -> Self:
        """The state that gave these; KeyError or TypeError if none did."""
        names = {field.name for field in dataclasses.fields(cls)}
        if missing := names - set(arrays) - set(scalars):
            raise KeyError(f"the saved state of {cls.__name__} lacks {', '.join(sorted(missing))}")
        values = {name: np.array(value) for name, value in arrays.items()} | dict(scalars)
        if values["best_fitness"] is None:
            values["best_fitness"] = -np.inf
        return cls(**values)


P = TypeVar("P", bound=MethodParams)
S = TypeVar("S", bound=MethodState)


class Method(abc.ABC, Generic[P, S]):
    """Trains a vector of D weights: ``ask`` for candidates, evaluate them, ``tell`` how they fared, again and again.

    Candidates are a function of the state alone: asking again, in blocks, by more threads or after `restore` gives the
    same bits. A candidate whose fitness is not finite has failed: it is worst and never selected.

    Parameters
    ----------
    start : [D] finite; where the search begins.
    params : of the method's own class; None: its defaults.
    seed : 0 .. 2**64 - 1, decides the whole run.
    bounds : a pair (low, high) for all weights, or [D, 2]; infinite ones are allowed. Candidates are clipped to them.
    maximize : whether higher fitness is better.
    dtype : of the candidates. The state is float64 up to 10,000 dimensions and float32 beyond.

    Raises
    ------
    ValueError : ``start`` is empty, not a vector, not finite or out of bounds; bounds are the wrong way round.
    """

    params_type: ClassVar[type[MethodParams]]
    state_type: ClassVar[type[MethodState]]
    needs: ClassVar[str] = "fitness"  # a key of `NEEDS`
    keeps_points: ClassVar[bool] = False  # accepted points stay in the state, so a generation may fail entirely

    params: P
    state: S

    def __init__(
        self,
        start: ArrayLike,
        params: P | None = None,
        *,
        seed: int = 1,
        bounds: ArrayLike | None = None,
        maximize: bool = True,
        dtype: DTypeLike = np.float32,
    ) -> None:
        if not isinstance(seed, int | np.integer) or not 0 <= seed < 2**64:
            raise ValueError(f"seed must be a whole number between 0 and 2**64 - 1, got {seed!r}")
        vector = np.asarray(start, np.float64)
        if vector.ndim != 1 or not len(vector):
            raise ValueError(f"start must be a vector [D] of at least one weight, got shape {vector.shape}")
        if not np.isfinite(vector).all():
            raise ValueError(f"start[{np.flatnonzero(~np.isfinite(vector))[0]}] is not finite")
        self._configure(params, bounds, maximize, dtype, len(vector))
        if self.bounds is not None and (vector != self.bounds.clip(vector)).any():
            i = int(np.flatnonzero(vector != self.bounds.clip(vector))[0])
            raise ValueError(f"start[{i}] = {vector[i]:g} is outside of its bounds {self.bounds.pair(i)}")
        self.state = self._first(vector.astype(np.float64 if len(vector) <= DOUBLE_UP_TO else np.float32), seed)

    def _configure(
        self, params: P | None, bounds: ArrayLike | None, maximize: bool, dtype: DTypeLike, size: int
    ) -> None:
        self.params = self.params_type() if params is None else params  # type: ignore[assignment]
        if not isinstance(self.params, self.params_type):
            raise TypeError(f"params must be {self.params_type.__name__}, got {type(self.params).__name__}")
        self.maximize, self.dtype = maximize, np.dtype(dtype)
        self.bounds = None if bounds is None else Bounds.of(bounds, size)
        self._asked = False

    # --- of each method

    @abc.abstractmethod
    def _first(self, start: Vector, seed: int) -> S:
        """The state before the first generation; ``start`` [D] has the state's dtype."""

    @property
    @abc.abstractmethod
    def population(self) -> int:
        """P, the number of candidates of this generation."""

    @abc.abstractmethod
    def _block(self, begin: int, end: int) -> NDArray[Any]:
        """Candidates begin..end-1 [end - begin, D], before clipping: a function of the state alone."""

    @abc.abstractmethod
    def _tell(self, fitness: Fitness, *evidence: NDArray[np.float64]) -> None:
        """Update the state; ``fitness`` [P] is maximised and -inf where failed."""

    # --- of all

    @property
    def size(self) -> int:
        """D, the number of weights."""
        return len(self.state.best)

    @property
    def generation(self) -> int:
        """Index, from 0, of the generation that ``ask`` gives."""
        return self.state.generation

    @property
    def key(self) -> tuple[int, int]:
        """(seed, generation), which decides the random numbers of this generation."""
        return self.state.seed, self.state.generation

    @property
    def solution(self) -> Vector:
        """[D] The weights to use: the best candidate so far; of methods that move a mean, the mean."""
        return self.state.best.astype(self.dtype)

    @property
    def best_fitness(self) -> float:
        """Fitness of the best candidate so far, in the caller's sense; NaN before any."""
        if self.state.best_fitness == -np.inf:
            return float("nan")
        return self.state.best_fitness if self.maximize else -self.state.best_fitness

    def ask(self) -> NDArray[Any]:
        """All candidates [P, D]; RuntimeError when the last ones have not been told of."""
        if self._asked:
            raise RuntimeError("ask() was called twice: tell() the fitness of the last candidates first")
        return self.block(0, self.population)

    def block(self, begin: int, end: int) -> NDArray[Any]:
        """Candidates begin..end-1 of this generation [end - begin, D], as often as wanted and in any order."""
        if not 0 <= begin < end <= self.population:
            raise ValueError(f"block({begin}, {end}): must be a range within 0 .. {self.population}")
        self._asked = True
        candidates = self._block(begin, end)
        if self.bounds is not None:
            candidates = self.bounds.clip(candidates)
        return candidates.astype(self.dtype, copy=False)

    def tell(self, fitness: ArrayLike, *evidence: ArrayLike) -> None:
        """Learn from the candidates that ``ask`` gave.

        Parameters
        ----------
        fitness : [P] in the caller's sense (see ``maximize``).
        evidence : what `NEEDS` lists for this method's ``needs``.

        Raises
        ------
        RuntimeError : nothing was asked for.
        SearchError : all values are NaN or infinite; a gradient, residual or the like is not finite.
        ValueError : a wrong length.
        TypeError : evidence is missing or too much.
        """
        values = self._received(fitness)
        arrays = self._checked_evidence(evidence)
        leader = int(np.argmax(values))
        if values[leader] > self.state.best_fitness:
            self.state.best_fitness = float(values[leader])
            best = self._block(leader, leader + 1)[0]
            self.state.best = np.array(best if self.bounds is None else self.bounds.clip(best), self.state.best.dtype)
        self._tell(values, *arrays)
        self.state.generation += 1
        self._asked = False

    def _received(self, fitness: ArrayLike) -> Fitness:
        if not self._asked:
            raise RuntimeError("tell() was called without ask(): there are no candidates to tell of")
        values = np.array(fitness, np.float64)
        if values.shape != (self.population,):
            raise ValueError(f"fitness has shape {values.shape}, asked for {self.population} candidates")
        finite = np.isfinite(values)
        if not finite.any() and not (self.keeps_points and self.state.best_fitness > -np.inf):
            raise SearchError(
                f"generation {self.generation}: none of the {len(values)} objective values is finite "
                f"(the first is {values[0]}); the search has nothing to go by"
            )
        return np.where(finite, values if self.maximize else -values, -np.inf)

    def _checked_evidence(self, evidence: tuple[ArrayLike, ...]) -> list[NDArray[np.float64]]:
        names = NEEDS[self.needs]
        if len(evidence) != len(names):
            wanted = ", ".join(("fitness", *names))
            raise TypeError(f"{type(self).__name__}.tell needs ({wanted}), got {1 + len(evidence)} arguments")
        arrays = [np.asarray(value, np.float64) for value in evidence]
        for name, array in zip(names, arrays, strict=True):
            rows = None if name == "targets" else self.population
            if rows is not None and (array.ndim == 0 or len(array) != rows):
                raise ValueError(f"{name} has shape {array.shape}, must have one row for each of {rows} candidates")
        return arrays

    def scatter(self, start: Vector, count: int, spread: float, seed: int) -> NDArray[Any]:
        """First points [count, D]: ``start``, then uniform between finite bounds or normal around the start."""
        rows = np.arange(count)
        if self.bounds is not None and self.bounds.finite:
            low, high = self.bounds.low, self.bounds.high
            points = low + noise.uniforms((seed, 0), noise.FIRST, rows, len(start), start.dtype) * (high - low)
        else:
            points = noise.perturbed(start[None], 0, spread, rows, (seed, 0), purpose=noise.FIRST)
            points = points if self.bounds is None else self.bounds.clip(points)
        points[0] = start
        return np.asarray(points, start.dtype)

    def state_dict(self) -> tuple[Arrays, dict[str, Any]]:
        """Everything that ``restore`` needs to go on bit for bit: arrays by name, and values that JSON can hold."""
        return self.state.to_arrays()

    @classmethod
    def restore(
        cls,
        params: P,
        arrays: Mapping[str, NDArray[Any]],
        scalars: Mapping[str, Any],
        *,
        bounds: ArrayLike | None = None,
        maximize: bool = True,
        dtype: DTypeLike = np.float32,
    ) -> Self:
        """The method as it was when ``state_dict`` gave these; KeyError or TypeError if it never did."""
        self = cls.__new__(cls)
        self.state = cls.state_type.from_arrays(arrays, scalars)  # type: ignore[assignment]
        self._configure(params, bounds, maximize, dtype, len(self.state.best))
        return self


@dataclass(frozen=True, eq=False)
class Bounds:
    """Least and greatest value of each of D weights."""

    low: Vector  # [D] or [1]
    high: Vector  # [D] or [1]

    @classmethod
    def of(cls, bounds: ArrayLike, size: int) -> Bounds:
        """From a pair for all weights or [D, 2]; ValueError where a lower one is not below the upper one."""
        pairs = np.asarray(bounds, np.float64)
        if pairs.shape == (2,):
            pairs = pairs[None]
        if pairs.ndim != 2 or pairs.shape[1] != 2 or len(pairs) not in (1, size):
            raise ValueError(f"bounds must be a pair (low, high) or [{size}, 2], got shape {pairs.shape}")
        wrong = np.flatnonzero(~(pairs[:, 0] < pairs[:, 1]))
        if len(wrong):
            low, high = pairs[wrong[0]]
            raise ValueError(f"bounds[{wrong[0]}] = ({low:g}, {high:g}): the lower one must be below the upper one")
        dtype = np.float64 if size <= DOUBLE_UP_TO else np.float32
        return cls(pairs[:, 0].astype(dtype), pairs[:, 1].astype(dtype))

    @property
    def finite(self) -> bool:
        """Whether all of them are."""
        return bool(np.isfinite(self.low).all() and np.isfinite(self.high).all())

    def clip(self, points: NDArray[Any]) -> NDArray[Any]:
        """Points [..., D] within the bounds."""
        return np.asarray(np.clip(points, self.low, self.high))

    def pair(self, i: int) -> tuple[float, float]:
        """(low, high) of weight i."""
        i = i if len(self.low) > 1 else 0
        return float(self.low[i]), float(self.high[i])
