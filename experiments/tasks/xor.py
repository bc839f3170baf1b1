"""Settings of XOR."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from experiments.tasks.base import TaskSettings

if TYPE_CHECKING:
    from envs.task import Task

__all__ = ["XORSettings"]


@dataclass(frozen=True)
class XORSettings(TaskSettings):
    """XOR has no settings of its own."""

    def make(self, on_error: str) -> Task:
        from envs.xor import XOR

        return XOR()
