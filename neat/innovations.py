"""The historical markings of a run: which number each connection has, and which node splits which connection.

Stanley & Miikkulainen (2002, section 3.2), except that the registry is kept for the whole run, so that a gene that
comes back has its old number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genomes.backend import arrays_of, moved
from genomes.each import grid
from genomes.population import Population
from genomes.stored import Stored
from neat.kernels.innovations import fill_table, number_changes

__all__ = ["Innovations"]

_LIMIT = 2**31 - 1


class Innovations:
    """The registry of a run: (source, target) -> innovation number, and (innovation number of a split connection,
    copy) -> node id. The second, third, ... copy is for genomes that have the connection's earlier nodes already.

    Numbers are given in ascending order and never twice, so they are chronological.
    """

    def __init__(self, links: Numbering, splits: Numbering) -> None:
        self.links = links
        self.splits = splits

    @classmethod
    def of(cls, population: Population) -> Innovations:
        """The registry that knows a first generation's genes.

        Raises
        ------
        ValueError : if two genes of one number differ in their ends, or two genes of the same ends in their number.
        """
        number, index = np.unique(population.innovation, return_index=True)
        source, target = population.source[index], population.target[index]
        known = np.searchsorted(number, population.innovation)
        if (source[known] != population.source).any() or (target[known] != population.target).any():
            raise ValueError("connections of the same innovation number must have the same source and target")
        if len(np.unique(source.astype(np.int64) << 32 | target)) < len(number):
            raise ValueError("connections of the same source and target must have the same innovation number")
        next_node = int(population.node_id.max(initial=population.num_inputs + population.num_outputs - 1)) + 1
        nothing = np.empty(0, np.int32)
        return cls(
            Numbering(source, target, number, int(number.max(initial=-1)) + 1),
            Numbering(nothing, nothing, nothing, next_node),
        )

    def __len__(self) -> int:
        """The number of distinct connections so far."""
        return self.links.count

    @property
    def next_innovation(self) -> int:
        """The number that the next new connection gets: every number in use is lower."""
        return self.links.next_number

    @property
    def next_node(self) -> int:
        """The id that the next new node gets: every id in use is lower."""
        return self.splits.next_number

    def number(self, changes: NDArray[np.int32]) -> None:
        """Number the proposed changes of a generation, in their order, in place (see `neat.kernels.innovations`)."""
        self.links.reserve(3 * len(changes))
        self.splits.reserve(len(changes))
        if self.links.device == "cuda":
            from neat.innovations_cuda import number_on_device

            number_on_device(changes, self.splits, self.links)
        else:
            splits, links = ((*numbering.columns, numbering.tally) for numbering in (self.splits, self.links))
            number_changes(0, len(changes), changes, splits, links)

    def to(self, device: str) -> Innovations:
        """The same registry in the memory of "cpu" or "cuda"."""
        return Innovations(self.links.to(device), self.splits.to(device))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The registry as arrays, for checkpoints; `from_arrays` is the inverse."""
        links, splits = self.links.to("cpu"), self.splits.to("cpu")
        return {
            "source": links.first[: links.count].copy(),
            "target": links.second[: links.count].copy(),
            "innovation": links.number[: links.count].copy(),
            "split_innovation": splits.first[: splits.count].copy(),
            "split_copy": splits.second[: splits.count].copy(),
            "split_node": splits.number[: splits.count].copy(),
            "next": np.array([self.next_innovation, self.next_node], np.int64),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Innovations:
        """The registry of which `arrays` gave these.

        Raises
        ------
        ValueError : if they are no such arrays.
        """
        given = Stored(arrays, {}, "registry, ")
        links = _columns(given, "source", "target", "innovation")
        splits = _columns(given, "split_innovation", "split_copy", "split_node")
        next_innovation, next_node = (int(n) for n in given.between("next", np.int64, 0, _LIMIT, 2))
        given.end()
        bounds = (_LIMIT, _LIMIT, next_innovation), (next_innovation, _LIMIT, next_node)
        for columns, highest in zip((links, splits), bounds, strict=True):
            if any((c < 0).any() or (c >= high).any() for c, high in zip(columns, highest, strict=True)):
                raise ValueError("a registry's numbers must be 0 or more, and below its next number")
            number = columns[2]
            if (number[1:] <= number[:-1]).any():
                raise ValueError("a registry's numbers must ascend")
            if len(np.unique(columns[0].astype(np.int64) << 32 | columns[1])) < len(number):
                raise ValueError("a registry must number each thing once")
        if next_innovation != links[2].max(initial=-1) + 1 or (len(splits[2]) and next_node != splits[2][-1] + 1):
            following = f"{next_innovation} and {next_node}"
            raise ValueError(f"a registry's next numbers must follow the last that it has given, got {following}")
        return cls(Numbering(*links, next_innovation), Numbering(*splits, next_node))

    def check(self, population: Population) -> None:
        """Raise ValueError unless the genes of a population on the CPU are those of the registry."""
        if (population.node_id >= self.next_node).any():
            raise ValueError(f"a genome has a node that is not below the registry's next, {self.next_node}")
        known = self.links.number[: self.links.count]
        place = np.minimum(np.searchsorted(known, population.innovation), max(len(known) - 1, 0))
        columns = {"innovation": self.links.number, "source": self.links.first, "target": self.links.second}
        for name, column in columns.items():
            gene = getattr(population, name)
            if len(gene) and (not len(known) or (column[place] != gene).any()):
                raise ValueError(f"a genome has a connection whose {name} is not that of the registry")


def _columns(given: Stored, first: str, second: str, number: str) -> tuple[Any, Any, Any]:
    column = given.array(first, np.int32, None)
    return column, given.array(second, np.int32, len(column)), given.array(number, np.int32, len(column))


class Numbering:
    """A growing hash table (first, second) -> number, which numbers what it does not know yet."""

    def __init__(self, first: Any, second: Any, number: Any, next_number: int, device: str = "cpu") -> None:
        self.device = device  # in whose memory the next four are
        self.first = first  # [capacity] int32
        self.second = second
        self.number = number
        self.table = arrays_of(device).empty(0, np.int32)  # entry or -1, of a power of two slots
        self.tally = np.array([len(first), next_number], np.int64)  # entries, next number
        self._grow(len(first))

    @property
    def count(self) -> int:
        return int(self.tally[0])

    @property
    def next_number(self) -> int:
        return int(self.tally[1])

    @property
    def columns(self) -> tuple[Any, ...]:
        """What kernels take."""
        return self.first, self.second, self.number, self.table

    def to(self, device: str) -> Numbering:
        """The same in the memory of "cpu" or "cuda"."""
        if device == self.device:
            return self
        first, second, number = (moved(column[: self.count], device) for column in self.columns[:3])
        return Numbering(first, second, number, self.next_number, device)

    def reserve(self, more: int) -> None:
        """Make room for that many new entries."""
        if self.next_number + more > _LIMIT:
            raise OverflowError("the run has used up all numbers of genes")
        if self.count + more > len(self.first):
            self._grow(2 * (self.count + more))

    def enter(self, begin: int) -> None:
        """Enter the entries from ``begin`` on into the table."""
        if self.device == "cpu":
            fill_table(begin, self.count, self.first, self.second, self.table)
        elif begin < self.count:
            from neat.kernels.innovations_cuda import fill_table as fill_on_device

            entries = (begin, self.count, self.first, self.second, self.table)
            fill_on_device.launch(*grid(self.count - begin), 0, *entries)

    def _grow(self, capacity: int) -> None:
        xp, capacity = arrays_of(self.device), max(capacity, 64)
        self.first, self.second, self.number = (
            xp.concatenate([column[: self.count], xp.zeros(capacity - self.count, np.int32)])
            for column in (self.first, self.second, self.number)
        )
        self.table = xp.full(1 << (2 * capacity - 1).bit_length(), -1, np.int32)
        self.enter(0)
