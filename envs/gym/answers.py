"""What an environment's ``reset`` and ``step`` return, and what is said where it is not what Gymnasium asks for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["AnswerError", "beginning", "number", "outcome", "position_of_nan"]

RESET = "observation, info"
STEP = "observation, reward, terminated, truncated, info"


class AnswerError(ValueError):
    """An environment breaks Gymnasium's rules; the message says what it returned, and what it should."""


def beginning(returned: Any) -> Any:
    """The observation that ``reset`` returned."""
    if not isinstance(returned, tuple) or len(returned) != 2:
        raise AnswerError(_wrong("reset", returned, RESET))
    return returned[0]


def outcome(returned: Any) -> tuple[Any, Any, Any, Any]:
    """Observation, reward, terminated and truncated that ``step`` returned."""
    if not isinstance(returned, tuple) or len(returned) != 5:
        raise AnswerError(_wrong("step", returned, STEP))
    return returned[:4]


def number(reward: Any) -> float:
    """A reward."""
    try:
        return float(reward)
    except (TypeError, ValueError):
        raise AnswerError(f"step() must return a number as its reward, it returned {_shown(reward)}") from None


def position_of_nan(observation: NDArray[np.float32]) -> str:
    """Why a network gave no action."""
    missing = np.flatnonzero(np.isnan(observation))
    if len(missing):
        return f"number {missing[0]} of the observation was nan"
    return "an output of the network was not finite"


def _wrong(method: str, returned: Any, right: str) -> str:
    what = f"{len(returned)} values" if isinstance(returned, tuple) else _shown(returned)
    old = (method == "step" and isinstance(returned, tuple) and len(returned) == 4) or (
        method == "reset" and not isinstance(returned, tuple)
    )
    hint = "; that is the interface of the old Gym" if old else ""
    return f"{method}() must return ({right}), it returned {what}{hint}"


def _shown(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"a {type(value).__name__}"
