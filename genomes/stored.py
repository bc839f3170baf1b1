"""Arrays and scalars that may come from anywhere, read by name: what is not as it must be is an error of one line."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Stored", "shown"]


class Stored:
    """Reads each value by its name, and at the `end` refuses what nobody asked for.

    Parameters
    ----------
    arrays : by name.
    scalars : by name, of the types that JSON has.
    within : what the names begin with in messages.
    """

    def __init__(self, arrays: Mapping[str, Any], scalars: Any, within: str = "") -> None:
        if not isinstance(scalars, Mapping):
            raise ValueError(f"{within.rstrip('.') or 'scalars'}: must be values by name, got {shown(scalars)}")
        self._arrays, self._scalars, self._within = dict(arrays), dict(scalars), within

    def __contains__(self, name: str) -> bool:
        return name in self._arrays or name in self._scalars

    def fail(self, name: str, problem: str) -> ValueError:
        """The error to raise."""
        return ValueError(f"{shown(f'{self._within}{name}')[1:-1]}: {problem}")

    def array(self, name: str, dtype: Any, *shape: int | None) -> NDArray[Any]:
        """An array of exactly this type and shape; None is any length."""
        array = self._take(self._arrays, name)
        wanted = np.dtype(dtype)
        if not isinstance(array, np.ndarray) or array.dtype != wanted or not _alike(array.shape, shape):
            found = f"{array.dtype} {_lengths(array.shape)}" if isinstance(array, np.ndarray) else shown(array)
            raise self.fail(name, f"must be an array {wanted} {_lengths(shape)}, got {found}")
        array = np.ascontiguousarray(array)
        if wanted == np.bool_ and (array.view(np.uint8) > 1).any():
            raise self.fail(name, "must hold 0 and 1 only")
        return array

    def finite(self, name: str, dtype: Any, *shape: int | None) -> NDArray[Any]:
        """An array of finite numbers."""
        array = self.array(name, dtype, *shape)
        if not np.isfinite(array).all():
            raise self.fail(name, "must be finite")
        return array

    def between(self, name: str, dtype: Any, low: float, high: float, *shape: int | None) -> NDArray[Any]:
        """An array of numbers from ``low`` to ``high``."""
        array = self.array(name, dtype, *shape)
        wrong = ~((array >= low) & (array <= high))
        if wrong.any():
            raise self.fail(name, f"must be from {low} to {high}, got {array[wrong][0]}")
        return array

    def integer(self, name: str, low: int = 0, high: int = 2**63 - 1) -> int:
        """An integer from ``low`` to ``high``."""
        value = self.value(name)
        if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or not low <= value <= high:
            raise self.fail(name, f"must be an integer from {low} to {high}, got {shown(value)}")
        return int(value)

    def number(self, name: str, low: float = -math.inf, nan: bool = False, infinite: bool = False) -> float:
        """A number of at least ``low``; finite, and not NaN, unless these are allowed."""
        value = self.value(name)
        if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool):
            try:
                number = float(value)
            except OverflowError:
                number = math.inf
            if (nan and math.isnan(number)) or (number >= low and (infinite or math.isfinite(number))):
                return number
        wanted = "a number" if low == -math.inf else f"a number of at least {low:g}"
        raise self.fail(name, f"must be {wanted}, got {shown(value)}")

    def optional(self, name: str, low: float = -math.inf) -> float | None:
        """A finite number of at least ``low``, or None."""
        return self.value(name) if self._scalars.get(name, 0.0) is None else self.number(name, low)

    def flag(self, name: str) -> bool:
        """True or false."""
        value = self.value(name)
        if not isinstance(value, (bool, np.bool_)):
            raise self.fail(name, f"must be true or false, got {shown(value)}")
        return bool(value)

    def text(self, name: str) -> str:
        """A text."""
        value = self.value(name)
        if not isinstance(value, str):
            raise self.fail(name, f"must be a text, got {shown(value)}")
        return value

    def value(self, name: str) -> Any:
        """A scalar of any type."""
        return self._take(self._scalars, name)

    def within(self, name: str) -> Stored:
        """Scalars by name within a scalar."""
        return Stored({}, self.value(name), f"{self._within}{name}.")

    def beginning(self, prefix: str) -> dict[str, Any]:
        """All arrays whose names begin so, by the rest of their names."""
        names = [name for name in self._arrays if name.startswith(prefix)]
        return {name.removeprefix(prefix): self._arrays.pop(name) for name in names}

    def end(self) -> None:
        """Refuse what is left."""
        for name in (*self._arrays, *self._scalars):
            raise self.fail(name, "is not known")

    def _take(self, values: dict[str, Any], name: str) -> Any:
        if name not in values:
            raise self.fail(name, "is missing")
        return values.pop(name)


def shown(value: Any) -> str:
    """A value in a message of one line; of a long one its beginning."""
    text = repr(value).replace("\n", " ")
    return text if len(text) <= 80 else f"{text[:77]}..."


def _alike(found: tuple[int, ...], shape: tuple[int | None, ...]) -> bool:
    return len(found) == len(shape) and all(length in (None, n) for n, length in zip(found, shape, strict=True))


def _lengths(shape: tuple[int | None, ...]) -> str:
    return f"[{', '.join('any' if length is None else str(length) for length in shape)}]"
