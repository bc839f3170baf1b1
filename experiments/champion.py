"""The best genome that a run has found so far."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from genomes.population import Genome
from genomes.scaling import Scaling

__all__ = ["Champion", "better"]


@dataclass(frozen=True, eq=False)
class Champion:
    """The best genome so far."""

    genome: Genome
    generation: int  # that it was found in
    fitness: float
    score: float  # of its check
    scaling: Scaling | None = None  # of its inputs

    def as_dict(self) -> dict[str, Any]:
        """Its size and results."""
        return {
            "nodes": len(self.genome.node_id),
            "hidden": self.genome.num_hidden,
            "connections": int(self.genome.enabled.sum()),
            "fitness": self.fitness,
            "score": self.score,
            "generation": self.generation,
        }


def better(value: float, than: float, maximize: bool) -> bool:
    """Whether a value beats another; anything beats NaN."""
    if math.isnan(than) or math.isnan(value):
        return not math.isnan(value)
    return value > than if maximize else value < than
