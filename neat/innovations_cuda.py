"""The registry on the GPU: a generation's changes are numbered all at once, as if it were done one by one.

Nodes are numbered apart from links, so all splits come first. Of keys that are not known yet, equal ones are brought
together by a stable sort; each group's first occurrence takes its number, in the order of these occurrences.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from genomes.backend import arrays
from genomes.each import each
from neat.innovations import Numbering
from neat.kernels.innovations import (
    IN_LINK,
    LINK,
    LINK_SOURCE,
    LINK_TARGET,
    NODE,
    SPLIT_COPY,
    SPLIT_INNOVATION,
    SPLIT_SOURCE,
    SPLIT_TARGET,
    look_up,
)

__all__ = ["number_on_device"]


def number_on_device(changes: Any, splits: Numbering, links: Numbering) -> None:
    """What `neat.kernels.innovations.number_changes` does; there is room for all new entries."""
    xp = arrays()
    split, link = changes[:, SPLIT_INNOVATION] >= 0, changes[:, LINK_SOURCE] >= 0
    changes[:, NODE] = _number(splits, changes[:, SPLIT_INNOVATION], changes[:, SPLIT_COPY], split)
    source = xp.stack((changes[:, SPLIT_SOURCE], changes[:, NODE], changes[:, LINK_SOURCE]), axis=1)
    target = xp.stack((changes[:, NODE], changes[:, SPLIT_TARGET], changes[:, LINK_TARGET]), axis=1)
    wanted = xp.stack((split, split, link), axis=1)
    numbers = _number(links, source.ravel(), target.ravel(), wanted.ravel())
    changes[:, IN_LINK : LINK + 1] = numbers.reshape(-1, 3)


def _number(numbering: Numbering, first: Any, second: Any, wanted: Any) -> Any:
    """The number of each key (first, second), a new one if it has none; -1 where it is not wanted."""
    xp, found = arrays(), arrays().empty(len(first), np.int32)
    first, second = xp.ascontiguousarray(first), xp.ascontiguousarray(second)
    each("cuda", look_up, len(first), first, second, wanted, numbering.columns, found)
    at = xp.flatnonzero(wanted & (found < 0))
    if len(at) == 0:
        return found
    first, second = first[at], second[at]
    key = first.astype(np.int64) << 32 | second
    order = xp.argsort(key, kind="stable")
    begins = xp.ones(len(at), np.bool_)
    begins[1:] = key[order[1:]] != key[order[:-1]]
    new = order[xp.flatnonzero(begins)]  # first occurrence of each group, in order of key
    rank = xp.zeros(len(at), np.int64)
    rank[new] = 1
    rank = (xp.cumsum(rank) - 1)[new]  # place of each group among the first occurrences
    count, next_number = numbering.count, numbering.next_number
    group = xp.empty(len(at), np.int64)
    group[order] = xp.cumsum(begins, dtype=np.int64) - 1
    found[at] = (next_number + rank[group]).astype(np.int32)
    numbering.first[count + rank] = first[new]
    numbering.second[count + rank] = second[new]
    numbering.number[count + rank] = (next_number + rank).astype(np.int32)
    numbering.tally += len(new)
    numbering.enter(count)
    return found
