"""The common plan of a class of networks: the union of their edges."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

import numpy as np

from genomes.kernels.binding import kernel

__all__ = ["hash_shape", "plan_class"]

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(48)


@kernel
def hash_shape(begin, end, node_start, aggregation, sums, shape_hash):
    """Whether each genome's nodes all sum, and a hash of its node count."""
    for p in range(begin, end):
        other = np.uint8(0)
        for i in range(node_start[p], node_start[p + 1]):
            other |= aggregation[i]
        sums[p] = other == 0
        shape_hash[p] = (np.uint64(node_start[p + 1] - node_start[p]) * _MULTIPLIER) >> _SHIFT


@kernel
def plan_class(
    begin, end, members, class_start, class_nodes, class_slots, class_node, union_offset, pair_start,
    node_start, edge_start, source, activation, union_start, union_source, class_code, edge_number,
):  # fmt: skip
    """Write union_start, union_source, class_code and edge_number (see `envs.rollout.Plan`) of classes ``begin`` to
    ``end``, whose edges begin at ``union_offset``; ``edge_number`` comes filled with -1."""
    for c in range(begin, end):
        count, slots, at = class_nodes[c], class_slots[c], class_node[c]
        number = edge_number[pair_start[c] :][: count * slots]  # of edge (node j, slot), at j * slots + slot
        class_code[at : at + count] = activation[node_start[members[class_start[c]]] :][:count]
        for m in range(class_start[c], class_start[c + 1]):
            first = node_start[members[m]]
            for j in range(count):
                if activation[first + j] != class_code[at + j]:
                    class_code[at + j] = -1
                for e in range(edge_start[first + j], edge_start[first + j + 1]):
                    number[j * slots + source[e]] = 0
        edges = 0
        for j in range(count):
            union_start[at + j] = union_offset[c] + edges
            for slot in range(slots):
                if number[j * slots + slot] == 0:
                    number[j * slots + slot] = edges
                    union_source[union_offset[c] + edges] = slot
                    edges += 1
        union_start[at + count] = union_offset[c] + edges
