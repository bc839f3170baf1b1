"""Nodes of a genome by their positions in the ascending list of their ids."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from genomes.kernels.binding import borrowing

__all__ = ["find", "localise"]


def find(ids, begin, end, wanted):
    """Position of ``wanted`` in the ascending ``ids[begin:end]``, relative to ``begin``; -1 if it is not there."""
    low, high = begin, end
    while low < high:
        middle = (low + high) >> 1
        if ids[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low - begin if low < end and ids[low] == wanted else -1


@borrowing
def localise(p, scratch, node_start, node_id, conn_start, source, target, local_id, tail, head):
    """Write positions in place of node ids, those of the nodes and of the ends of the links of genome ``p``."""
    first, last = node_start[p], node_start[p + 1]
    number(local_id, first, last)
    find_ends(node_id, first, last, conn_start[p], conn_start[p + 1], source, target, tail, head)


def number(local_id, first, last):
    """Positions of the nodes."""
    for i in range(first, last):
        local_id[i] = i - first


def find_ends(node_id, first, last, begin, end, source, target, tail, head):
    """Positions of the ends of links."""
    for e in range(begin, end):
        tail[e] = find(node_id, first, last, source[e])
        head[e] = find(node_id, first, last, target[e])
