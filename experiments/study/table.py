"""The worked example of `minimize`: rows of a table chosen by thresholds and level sets. No gradient exists.

A table of 1,000 rows has numbers, categories and an outcome that is 0 or more. A choice keeps the rows whose numbers
are above thresholds (real genes) and whose categories are in level sets (binary genes, one a level). The share of
zeros among the outcomes of the kept rows is to be least, and 60 rows at least must be kept (a constraint, by penalty).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["LEAST_ROWS", "Choice", "Table", "make_table", "planted_share"]

ROWS, NUMBERS, LEVELS = 1000, 3, (4, 5)
LEAST_ROWS = 60
THRESHOLDS = np.array([-0.2, -0.3, -1.0])  # planted: rows beyond them, in the first two levels, have few zeros


@dataclass(frozen=True, eq=False)
class Table:
    """R rows."""

    numbers: NDArray[np.float64]  # [R, 3] between -1 and 1
    categories: NDArray[np.int64]  # [R, 2] levels 0..3 and 0..4
    outcome: NDArray[np.float64]  # [R] 0 or more


def make_table(seed: int = 1) -> Table:
    """A random table; zeros are 60 % of the outcomes, 10 % where all planted conditions hold."""
    rng = np.random.default_rng(seed)
    numbers = rng.uniform(-1, 1, (ROWS, NUMBERS))
    categories = np.stack([rng.integers(levels, size=ROWS) for levels in LEVELS], axis=1)
    zero = rng.random(ROWS) < np.where(_planted(numbers, categories), 0.1, 0.6)
    return Table(numbers, categories, np.where(zero, 0.0, rng.exponential(10, ROWS)))


def _planted(numbers: NDArray[np.float64], categories: NDArray[np.int64]) -> NDArray[np.bool_]:
    return np.asarray((numbers > THRESHOLDS).all(axis=1) & (categories < 2).all(axis=1))


def planted_share(table: Table) -> float:
    """Share of zeros of the rows that hold few of them by construction."""
    return float((table.outcome[_planted(table.numbers, table.categories)] == 0).mean())


class Choice:
    """Genes: 3 thresholds in -1 .. 1, then a 0 or 1 for each of 4 + 5 levels.

    For example ``minimize(choice.share, method="ga", **choice.search, evaluations=20_000)``.
    """

    def __init__(self, table: Table) -> None:
        self.table = table
        count = sum(LEVELS)
        self.search: dict[str, Any] = {
            "bounds": [(-1.0, 1.0)] * NUMBERS + [(0.0, 1.0)] * count,
            "binary": [False] * NUMBERS + [True] * count,
            "constraints": [self.missing],
            "penalty": 0.01,  # of the share, for each missing row
            "start": [-0.9] * NUMBERS + [1.0] * count,  # nearly all rows
        }

    def rows(self, genes: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which rows [R] are kept."""
        first, kept = genes[NUMBERS:], (self.table.numbers > genes[:NUMBERS]).all(axis=1)
        for column, levels in enumerate(LEVELS):
            kept &= first[:levels][self.table.categories[:, column]] > 0.5
            first = first[levels:]
        return np.asarray(kept)

    def share(self, genes: NDArray[np.float64]) -> float:
        """Share of zeros among the rows that are kept; 1 where there are none."""
        kept = self.rows(genes)
        return float((self.table.outcome[kept] == 0).mean()) if kept.any() else 1.0

    def missing(self, genes: NDArray[np.float64]) -> float:
        """Rows too few: met where it is 0 or less."""
        return LEAST_ROWS - float(self.rows(genes).sum())
