"""Pickles hold the user's activations by name: their codes are those of one process."""

from __future__ import annotations

from typing import Any

from genomes.functions.table import own_names, recoded

__all__ = ["NamedActivations"]

_NAMES = "names of own activations"


class NamedActivations:
    """Base of what has codes of activations in ``activation``.

    Unpickling raises `ValueError` where an activation is not registered.
    """

    activation: Any

    def __getstate__(self) -> dict[str, Any]:
        names = own_names(self.activation)
        return self.__dict__ | {_NAMES: names} if names else self.__dict__

    def __setstate__(self, state: dict[str, Any]) -> None:
        names = state.get(_NAMES)
        if names:
            state = {k: v for k, v in state.items() if k != _NAMES}
            state["activation"] = recoded(state["activation"], names)
        self.__dict__.update(state)
