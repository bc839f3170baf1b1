"""Gymnasium's spaces and networks: an observation becomes a vector of float32, outputs become an action.

Observations. Box, flattened; Discrete and MultiDiscrete, one input for each value; MultiBinary, 0 or 1; Tuple and Dict,
their parts one after the other in the space's own order. Text, and spaces whose elements vary in size, are left out.

Actions. Discrete(2), one output: the second action when it is positive, unless two are asked for; Discrete(n), n
outputs: the largest, of equals the first; Box, an output a number; MultiBinary, an output a bit; the others are
composed of these.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from gymnasium.spaces import Space

__all__ = [
    "BOX_ACTIONS",
    "DISCRETE_ACTIONS",
    "ActionMap",
    "ObservationMap",
    "SpaceError",
    "action_map",
    "observation_map",
]

MOST_INPUTS = 10_000  # more is a picture, for which a network of one input a number is no use
BOX_ACTIONS = ("clip", "tanh", "raw")
DISCRETE_ACTIONS = ("sign", "argmax")

Choose = Callable[[NDArray[np.float32]], list[Any]]  # outputs [L, O] of L networks -> their L actions


class SpaceError(ValueError):
    """A space cannot be mapped to inputs or outputs of a network; the message says why."""


@dataclass(frozen=True)
class _Part:
    """One entry of an observation that has numbers."""

    path: tuple[Any, ...]  # keys that lead to it
    kind: str  # "numbers": taken as they are; "one-hot"
    size: int  # inputs
    first: NDArray[np.int64] | None = None  # one-hot: the input of each component's value 0


class ObservationMap:
    """Observations as vectors.

    Attributes
    ----------
    size : I, the inputs of a network.
    low, high : float64 [I], the bounds of each input; infinite where the space has none.
    omitted : entries without a fixed number of numbers, with the reason, which networks do not see.
    """

    def __init__(self, space: Space[Any]) -> None:
        self.parts: list[tuple[_Part, slice]] = []
        self.omitted: list[str] = []
        low, high, self.size = [np.zeros(0)], [np.zeros(0)], 0
        for path, leaf in _leaves(space, ()):
            _require_few(leaf)
            found = _observed(leaf, path)
            if isinstance(found, str):
                where = "".join(f"[{key!r}]" for key in path)
                self.omitted.append(f"observation{where} ({found})")
                continue
            part, bounds = found
            self.parts.append((part, slice(self.size, self.size + part.size)))
            low.append(bounds[0])
            high.append(bounds[1])
            self.size += part.size
        if not self.size:
            raise SpaceError(
                f"the observation space has nothing for a network to see: {'; '.join(self.omitted) or 'it is empty'}"
            )
        if self.size > MOST_INPUTS:
            raise _too_many(self.size)
        self.low, self.high = np.concatenate(low), np.concatenate(high)
        if self.parts[0][0] == _Part((), "numbers", self.size) and not self.omitted:
            self.write = _write_numbers  # type: ignore[method-assign]

    def write(self, observation: Any, row: NDArray[np.float32]) -> None:
        """Write an observation into ``row`` float32 [I]."""
        for part, place in self.parts:
            value = observation
            for key in part.path:
                value = value[key]
            if part.first is None:
                _write_numbers(value, row[place])
            else:
                inputs = row[place]
                inputs[:] = 0.0
                inputs[part.first + np.ravel(value)] = 1.0

    def __call__(self, observation: Any) -> NDArray[np.float32]:
        """An observation as float32 [I]."""
        row = np.empty(self.size, np.float32)
        self.write(observation, row)
        return row


def _write_numbers(observation: Any, row: NDArray[np.float32]) -> None:
    """`ObservationMap.write` for one Box: it is called at every step."""
    flat = observation if getattr(observation, "ndim", 0) == 1 else np.ravel(observation)
    if len(flat) != len(row):  # one number would be written to all inputs
        raise ValueError(f"an observation has {len(flat)} numbers where its space has {len(row)}")
    row[:] = flat


class ActionMap:
    """Outputs as actions.

    Attributes
    ----------
    size : O, the outputs that are read.
    meaning : one line that says how.
    """

    def __init__(self, size: int, meaning: str, choose: Choose) -> None:
        self.size, self.meaning, self._choose = size, meaning, choose

    def __call__(self, outputs: NDArray[np.float32]) -> list[Any]:
        """The actions of L networks with outputs [L, O]; a list of L, each as its space has it."""
        return self._choose(outputs)


def observation_map(space: Space[Any]) -> ObservationMap:
    """How observations of a space are seen.

    Raises
    ------
    SpaceError : it holds no numbers, or too many.
    """
    return ObservationMap(space)


def action_map(space: Space[Any], box: str = "clip", discrete: str = "sign") -> ActionMap:
    """How outputs choose an action of a space.

    Parameters
    ----------
    box : bounded numbers of a Box. ``"clip"``: an output in [-1, 1] is stretched to the bounds, and beyond it the bound
        holds; ``"tanh"``: the same of the output's tanh; ``"raw"``: the output itself, within the bounds. A number
        with one bound, or none, is the output itself, within it.
    discrete : of two choices. ``"sign"``: one output, the second when it is positive; ``"argmax"``: an output for each,
        as where there are more.

    Raises
    ------
    SpaceError : actions of such a space cannot be chosen by a fixed number of outputs.
    """
    if box not in BOX_ACTIONS:
        raise ValueError(f"box must be one of {', '.join(BOX_ACTIONS)}, got {box!r}")
    if discrete not in DISCRETE_ACTIONS:
        raise ValueError(f"discrete must be one of {', '.join(DISCRETE_ACTIONS)}, got {discrete!r}")
    mapped = _action(space, box, discrete == "sign", "the action space")
    if not mapped.size:
        raise SpaceError(f"the action space {space} is empty: there is nothing to choose")
    return mapped


def _leaves(space: Any, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    from gymnasium import spaces

    if isinstance(space, spaces.Dict):
        for key, part in space.spaces.items():
            yield from _leaves(part, (*path, key))
    elif isinstance(space, spaces.Tuple):
        for k, part in enumerate(space.spaces):
            yield from _leaves(part, (*path, k))
    else:
        yield path, space


def _require_few(space: Any) -> None:
    """`SpaceError` for an observation of too many numbers, before any array of them is made."""
    from gymnasium import spaces

    size = 0
    if isinstance(space, spaces.Box | spaces.MultiBinary):
        size = math.prod(space.shape)
    elif isinstance(space, spaces.Discrete | spaces.MultiDiscrete):
        size = int(_values(space)[0].sum())
    if size > MOST_INPUTS:
        raise _too_many(size)


def _too_many(size: int) -> SpaceError:
    return SpaceError(
        f"an observation has {size:,} numbers, a network at most {MOST_INPUTS:,} inputs: for pictures choose "
        f"observations of another kind or a wrapper that shrinks them"
    )


def _observed(space: Any, path: tuple[Any, ...]) -> tuple[_Part, tuple[Any, Any]] | str:
    """A part and its bounds, or why there is none."""
    from gymnasium import spaces

    if isinstance(space, spaces.Box):
        if space.dtype is None or space.dtype.kind not in "fiub":
            return f"Box of {space.dtype}"
        size = int(np.prod(space.shape, dtype=np.int64))
        bounds = np.ravel(space.low).astype(np.float64), np.ravel(space.high).astype(np.float64)
        return _Part(path, "numbers", size), bounds
    if isinstance(space, spaces.MultiBinary):
        size = int(np.prod(space.shape, dtype=np.int64))
        return _Part(path, "numbers", size), (np.zeros(size), np.ones(size))
    if isinstance(space, spaces.Discrete | spaces.MultiDiscrete):
        counts, starts = _values(space)
        first = np.concatenate([[0], np.cumsum(counts)[:-1]]) - starts
        size = int(counts.sum())
        return _Part(path, "one-hot", size, first), (np.zeros(size), np.ones(size))
    if isinstance(space, spaces.Text):
        return "Text"
    if isinstance(space, spaces.Sequence | spaces.Graph | spaces.OneOf):
        return f"{type(space).__name__}: its size varies"
    return f"{type(space).__name__}: no numbers that are known"


def _values(space: Any) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number of values and smallest value of each component of a Discrete or MultiDiscrete space."""
    counts = np.ravel(space.n if hasattr(space, "n") else space.nvec).astype(np.int64)
    return counts, np.ravel(space.start).astype(np.int64)


def _action(space: Any, box: str, sign: bool, name: str) -> ActionMap:
    from gymnasium import spaces

    if isinstance(space, spaces.Discrete):
        return _discrete(int(space.n), int(space.start), sign)
    if isinstance(space, spaces.Box):
        return _box(space, box, name)
    if isinstance(space, spaces.MultiDiscrete):
        return _multi_discrete(space, sign)
    if isinstance(space, spaces.MultiBinary):
        shape = space.shape
        size = int(np.prod(shape, dtype=np.int64))
        return ActionMap(size, "1 where positive", lambda out: list((out > 0).astype(np.int8).reshape(-1, *shape)))
    if isinstance(space, spaces.Tuple):
        parts = [_action(part, box, sign, f"{name}[{k}]") for k, part in enumerate(space.spaces)]
        return _composed(parts, lambda values: list(zip(*values, strict=True)))
    if isinstance(space, spaces.Dict):
        keys = list(space.spaces)
        parts = [_action(space.spaces[key], box, sign, f"{name}[{key!r}]") for key in keys]
        return _composed(parts, lambda values: [dict(zip(keys, row, strict=True)) for row in zip(*values, strict=True)])
    reasons = {
        spaces.Text: "is Text: a network puts out numbers",
        spaces.Sequence: "is a Sequence: its length varies, the outputs of a network are fixed",
        spaces.Graph: "is a Graph: its size varies, the outputs of a network are fixed",
        spaces.OneOf: "is a OneOf: its parts vary, the outputs of a network are fixed",
    }
    why = next((reason for kind, reason in reasons.items() if isinstance(space, kind)), f"is a {type(space).__name__}")
    raise SpaceError(f"{name} {why}; Discrete, Box, MultiDiscrete, MultiBinary, Tuple and Dict can be mapped")


def _discrete(count: int, start: int, sign: bool) -> ActionMap:
    if count > MOST_INPUTS:
        raise SpaceError(f"a choice has {count:,} values, a network at most {MOST_INPUTS:,} outputs")
    if count == 2 and sign:
        meaning = f"action {start + 1} when the output is positive, else {start}"
        return ActionMap(1, meaning, lambda out: (start + (out[:, 0] > 0)).tolist())
    return ActionMap(count, f"the largest of {count} outputs", lambda out: (start + out.argmax(axis=1)).tolist())


def _multi_discrete(space: Any, sign: bool) -> ActionMap:
    counts, starts = _values(space)
    parts = [_discrete(int(n), int(s), sign) for n, s in zip(counts, starts, strict=True)]
    shape, dtype = space.shape, space.dtype

    def join(values: list[list[Any]]) -> list[Any]:
        return list(np.array(values, dtype).T.reshape(-1, *shape))

    return _composed(parts, join)


def _composed(parts: list[ActionMap], join: Callable[[list[list[Any]]], list[Any]]) -> ActionMap:
    """Each part reads its share of the outputs; ``join`` makes actions of the parts' lists of L."""
    if not parts:
        raise SpaceError("the action space has no parts: there is nothing to choose")
    ends = np.cumsum([part.size for part in parts]).tolist()

    def choose(outputs: NDArray[np.float32]) -> list[Any]:
        return join([part(outputs[:, end - part.size : end]) for part, end in zip(parts, ends, strict=True)])

    return ActionMap(ends[-1], "; ".join(part.meaning for part in parts), choose)


def _box(space: Any, rule: str, name: str) -> ActionMap:
    if space.dtype is None or space.dtype.kind not in "fiu":
        raise SpaceError(f"{name} is a Box of {space.dtype}: a network puts out numbers")
    shape, dtype = space.shape, space.dtype
    low, high = np.ravel(space.low).astype(np.float32), np.ravel(space.high).astype(np.float32)
    size = len(low)
    if size > MOST_INPUTS:
        raise SpaceError(f"{name} has {size:,} numbers, a network at most {MOST_INPUTS:,} outputs")
    stretched = np.isfinite(low) & np.isfinite(high) & (rule != "raw")
    bottom, top = np.where(stretched, low, -1), np.where(stretched, high, 1)
    middle, half = (bottom / 2 + top / 2).astype(np.float32), (top / 2 - bottom / 2).astype(np.float32)
    squash, whole = stretched & (rule == "tanh"), dtype.kind in "iu"
    plain = bool((half == 1).all() and (middle == 0).all())

    def choose(outputs: NDArray[np.float32]) -> list[Any]:
        values = np.where(squash, np.tanh(outputs), outputs) if rule == "tanh" else outputs
        values = np.minimum(np.maximum(values if plain else values * half + middle, low), high)
        if whole:
            values = np.rint(values)
        actions = values.astype(dtype, copy=False).reshape(len(values), *shape)
        return list(actions) if shape else [np.asarray(action) for action in actions]

    if not stretched.any():
        meaning = "the outputs themselves, within the bounds"
    else:
        meaning = ("the outputs' tanh" if rule == "tanh" else "outputs of -1 to 1") + ", stretched to the bounds"
    return ActionMap(size, meaning, choose)
