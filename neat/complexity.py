"""Phased search: complexify until a ceiling is reached, then simplify until that no longer helps.

As in SharpNEAT; Green, Phased Searching with NEAT, 2004. Complexity is the mean number of connection genes.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from neat.params import NEATParams

__all__ = ["Phase"]


@dataclass(frozen=True)
class Phase:
    """Which phase a run is in, and since when."""

    simplifying: bool = False
    since: int = 0  # generation at which the phase began
    ceiling: float = 0.0
    history: tuple[float, ...] = ()  # complexity of the last generations, at most complexity_window
    last_mean: float = 0.0  # of the history, a generation ago

    @classmethod
    def first(cls, params: NEATParams) -> Phase:
        """The phase that a run begins in."""
        return cls(ceiling=params.complexity_ceiling)

    def after(self, complexity: float, generation: int, params: NEATParams) -> Phase:
        """The phase after a generation of this complexity."""
        if params.complexity_mode == "off":
            return self
        history = (*self.history, complexity)[-params.complexity_window :]
        mean = sum(history) / len(history)
        if not self.simplifying:
            if complexity <= self.ceiling:
                return dataclasses.replace(self, history=history)
            return Phase(True, generation, self.ceiling, history, mean)
        stalled = (
            generation - self.since > params.simplifying_generations
            and complexity < self.ceiling
            and mean >= self.last_mean
        )
        ceiling = self.ceiling
        if params.complexity_mode == "relative":
            ceiling = complexity + params.complexity_ceiling
        return Phase(not stalled, generation if stalled else self.since, ceiling, history, mean)

    def effective(self, params: NEATParams) -> NEATParams:
        """The parameters of reproduction in this phase: simplifying adds nothing, deletes connections with what is
        then left dangling, and mates nobody."""
        if not self.simplifying:
            return params
        return dataclasses.replace(
            params,
            add_node=0.0,
            add_connection=0.0,
            delete_connection=max(params.delete_connection, params.simplifying_deletion),
            prune_dangling=True,
            mutate_only=1.0,
        )
