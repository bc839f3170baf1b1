"""What functions of one genome are on the GPU, where a thread has no table of its own, of all nodes or innovations."""

from typing import Any

from neat.kernels.crossover import matching_by_search, note_nothing
from neat.kernels.graph import locate_by_search

__all__ = ["GPU_FORMS"]

GPU_FORMS: dict[str, Any] = {
    "locate": locate_by_search,
    "matching": matching_by_search,
    "note_positions": note_nothing,
}
