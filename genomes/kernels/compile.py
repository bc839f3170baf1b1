"""Compile genomes to evaluation order: per-genome functions and their CPU drivers.

A genome's nodes are numbered *locally* 0..n-1 in ascending node id (inputs, outputs, hidden); `order` lists the local
numbers of the evaluated nodes in evaluation order.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

import numpy as np

from genomes.kernels.binding import kernel

__all__ = ["emit", "order_feedforward", "order_recurrent"]

CYCLE = np.int64(-1)
MASK_BITS = 64
_ONE = np.uint64(1)
_ZERO = np.uint64(0)


def popcount(bits):
    """Number of set bits of a uint64 (LLVM and PTX make one instruction of it)."""
    bits = bits - ((bits >> np.uint64(1)) & np.uint64(0x5555555555555555))
    bits = (bits & np.uint64(0x3333333333333333)) + ((bits >> np.uint64(2)) & np.uint64(0x3333333333333333))
    bits = (bits + (bits >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((bits * np.uint64(0x0101010101010101)) >> np.uint64(56))


def number_nodes(local, node_id, first, last):
    """Fill the table node id -> local number."""
    for i in range(first, last):
        local[np.uint32(node_id[i])] = i - first


def outputs_mask(num_inputs, num_outputs):
    """Bits of the outputs' local numbers."""
    mask = _ZERO
    for i in range(num_inputs, num_inputs + num_outputs):
        mask |= _ONE << np.uint64(i)
    return mask


def layers_by_mask(feeds, num_nodes, num_inputs, num_outputs, ranked, order):
    """Evaluation order by layer (longest path from the inputs), then by node id, for at most 63 nodes.

    ``feeds[t]`` holds the bits of the nodes that feed t. Returns the number of evaluated nodes (or CYCLE) and of
    their edges.
    """
    done = (_ONE << np.uint64(num_inputs)) - _ONE
    sorted_nodes = np.uint64(0)
    while sorted_nodes < np.uint64(num_nodes - num_inputs):
        before, layer = sorted_nodes, done
        for i in range(np.uint64(num_inputs), np.uint64(num_nodes)):
            ranked[sorted_nodes] = i
            ready = ((feeds[i] & ~done) == _ZERO) & (((layer >> i) & _ONE) == _ZERO)
            layer |= np.uint64(ready) << i
            sorted_nodes += np.uint64(ready)
        if sorted_nodes == before:
            return CYCLE, CYCLE
        done = layer
    needed = outputs_mask(num_inputs, num_outputs)
    for k in range(sorted_nodes):
        i = ranked[sorted_nodes - _ONE - k]
        needed |= feeds[i] * ((needed >> i) & _ONE)
    count = np.uint64(0)
    edges = np.int64(0)
    for k in range(sorted_nodes):
        i = ranked[k]
        ranked[count] = i
        evaluated = (needed >> i) & _ONE
        count += evaluated
        edges += popcount(feeds[i] * evaluated)
    for k in range(count):
        order[k] = ranked[k]
    return np.int64(count), edges


def mark_needed(source, target, enabled, local, num_nodes, num_inputs, num_outputs, start, incoming, needed, stack):
    """Mark the nodes from which an output can be reached; leaves incoming enabled edges grouped by target.

    ``incoming[start[t]:start[t+1]]`` are the local numbers of the nodes that feed t.
    """
    for i in range(num_nodes + 1):
        start[i] = 0
        needed[i] = False
    for e in range(len(source)):
        if enabled[e]:
            start[local[target[e]] + 1] += 1
    for i in range(num_nodes):
        start[i + 1] += start[i]
    for e in range(len(source)):
        if enabled[e]:
            t = local[target[e]]
            incoming[start[t]] = local[source[e]]
            start[t] += 1
    for i in range(num_nodes, 0, -1):
        start[i] = start[i - 1]
    start[0] = 0
    depth = 0
    for i in range(num_inputs, num_inputs + num_outputs):
        needed[i] = True
        stack[depth] = i
        depth += 1
    while depth:
        depth -= 1
        t = stack[depth]
        for k in range(start[t], start[t + 1]):
            s = incoming[k]
            if not needed[s]:
                needed[s] = True
                if s >= num_inputs:
                    stack[depth] = s
                    depth += 1


def layers(num_nodes, num_inputs, start, incoming, needed, layer, cursor, stack, order):
    """Evaluation order by layer (longest path from the inputs), then by node id, for any size.

    Depth-first over incoming edges with an explicit stack. Returns the number of evaluated nodes, or CYCLE.
    """
    for i in range(num_nodes):
        layer[i] = -2 if i >= num_inputs else -1  # -2: not visited; -3: on the path
        cursor[i] = start[i]
    deepest = np.int64(-1)
    count = np.int64(0)
    for root in range(num_inputs, num_nodes):
        if not needed[root] or layer[root] != -2:
            continue
        depth = 0
        stack[0] = root
        layer[root] = -3
        while depth >= 0:
            t = stack[depth]
            if cursor[t] < start[t + 1]:
                s = incoming[cursor[t]]
                cursor[t] += 1
                if layer[s] == -3:
                    return CYCLE
                if layer[s] == -2:
                    layer[s] = -3
                    depth += 1
                    stack[depth] = s
            else:
                highest = -1
                for k in range(start[t], start[t + 1]):
                    highest = max(highest, layer[incoming[k]])
                layer[t] = highest + 1
                deepest = max(deepest, np.int64(highest + 1))
                count += 1
                depth -= 1
    sort_by_layer(num_nodes, num_inputs, needed, layer, deepest, cursor, order)
    return count


def sort_by_layer(num_nodes, num_inputs, needed, layer, deepest, cursor, order):
    """Counting sort of the evaluated nodes by layer, stable in node id."""
    for d in range(deepest + 2):
        cursor[d] = 0
    for i in range(num_inputs, num_nodes):
        if needed[i]:
            cursor[layer[i] + 1] += 1
    for d in range(deepest + 1):
        cursor[d + 1] += cursor[d]
    for i in range(num_inputs, num_nodes):
        if needed[i]:
            order[cursor[layer[i]]] = i
            cursor[layer[i]] += 1


def components(num_nodes, num_inputs, start, incoming, needed, index, lowest, cursor, stack, path, order):
    """Evaluation order by strongly connected components in topological order, ascending node id within one.

    Tarjan (1972) over incoming edges: a component is complete before those that it feeds. Returns the node count.
    """
    for i in range(num_nodes):
        index[i] = -1
        cursor[i] = start[i]
    clock = 0
    waiting = 0
    count = np.int64(0)
    for root in range(num_inputs, num_nodes):
        if not needed[root] or index[root] != -1:
            continue
        depth = 0
        path[0] = root
        while depth >= 0:
            t = path[depth]
            if index[t] == -1:
                index[t] = clock
                lowest[t] = clock
                clock += 1
                stack[waiting] = t
                waiting += 1
            if cursor[t] < start[t + 1]:
                s = incoming[cursor[t]]
                cursor[t] += 1
                if s >= num_inputs:
                    if index[s] == -1:
                        depth += 1
                        path[depth] = s
                    elif index[s] < num_nodes:  # still waiting for its component
                        lowest[t] = min(lowest[t], index[s])
            else:
                depth -= 1
                if depth >= 0:
                    lowest[path[depth]] = min(lowest[path[depth]], lowest[t])
                if lowest[t] == index[t]:
                    first = count
                    s = -1
                    while s != t:
                        waiting -= 1
                        s = stack[waiting]
                        index[s] = num_nodes  # placed
                        order[count] = s
                        count += 1
                    order[first:count].sort()
    return count


@kernel
def order_feedforward(
    begin, end, node_start, node_id, conn_start, source, target, enabled, num_inputs, num_outputs, sizes, order,
    node_count, edge_count,
):  # fmt: skip
    """Evaluation order of genomes begin..end-1; ``sizes`` = (largest node id + 1, most nodes, most connections)."""
    local = np.empty(sizes[0], np.uint32)
    feeds = np.empty(MASK_BITS, np.uint64)
    ranked = np.empty(MASK_BITS, np.uint64)
    wide = sizes[1] + 1
    start = np.empty(wide, np.int32)
    incoming = np.empty(sizes[2], np.int32)
    needed_nodes = np.empty(wide, np.bool_)
    layer = np.empty(wide, np.int32)
    cursor = np.empty(wide + 1, np.int32)
    stack = np.empty(wide, np.int32)
    for p in range(begin, end):
        n = node_start[p + 1] - node_start[p]
        a, b = conn_start[p], conn_start[p + 1]
        number_nodes(local, node_id, node_start[p], node_start[p + 1])
        own = order[node_start[p] - p * num_inputs :]
        edges = np.int64(0)
        if n <= MASK_BITS - 1:
            for i in range(n):
                feeds[i] = _ZERO
            for e in range(a, b):
                s, t = local[np.uint32(source[e])], local[np.uint32(target[e])]
                feeds[t] |= np.uint64(enabled[e]) << np.uint64(s)
            node_count[p], edges = layers_by_mask(feeds, n, num_inputs, num_outputs, ranked, own)
        else:
            mark_needed(
                source[a:b], target[a:b], enabled[a:b], local, n, num_inputs, num_outputs, start, incoming,
                needed_nodes, stack,
            )  # fmt: skip
            node_count[p] = layers(n, num_inputs, start, incoming, needed_nodes, layer, cursor, stack, own)
            for i in range(num_inputs, n):
                if needed_nodes[i]:
                    edges += start[i + 1] - start[i]
        edge_count[p] = edges


@kernel
def order_recurrent(
    begin, end, node_start, node_id, conn_start, source, target, enabled, num_inputs, num_outputs, sizes, order,
    node_count, edge_count, sequential,
):  # fmt: skip
    """As `order_feedforward`, cycles allowed: by component where ``sequential``, else by node id."""
    local = np.empty(sizes[0], np.uint32)
    wide = sizes[1] + 1
    start = np.empty(wide, np.int32)
    incoming = np.empty(sizes[2], np.int32)
    needed = np.empty(wide, np.bool_)
    index = np.empty(wide, np.int32)
    lowest = np.empty(wide, np.int32)
    cursor = np.empty(wide, np.int32)
    stack = np.empty(wide, np.int32)
    path = np.empty(wide, np.int32)
    for p in range(begin, end):
        n = node_start[p + 1] - node_start[p]
        a, b = conn_start[p], conn_start[p + 1]
        number_nodes(local, node_id, node_start[p], node_start[p + 1])
        own = order[node_start[p] - p * num_inputs :]
        mark_needed(
            source[a:b], target[a:b], enabled[a:b], local, n, num_inputs, num_outputs, start, incoming, needed, stack
        )
        edges = np.int64(0)
        count = np.int64(0)
        for i in range(num_inputs, n):
            if needed[i]:
                edges += start[i + 1] - start[i]
                own[count] = i
                count += 1
        if sequential:
            components(n, num_inputs, start, incoming, needed, index, lowest, cursor, stack, path, own)
        node_count[p] = count
        edge_count[p] = edges


def edge_slot(read, row, num_inputs, count, recurrent, sequential):
    """Slot that an edge from slot ``read`` to slot ``row`` reads: this activation's value, or the previous one's."""
    late = recurrent & (read >= num_inputs) & ((not sequential) | (read >= row))
    return read + count * np.uint32(late)


@kernel
def emit(
    begin, end, node_start, node_id, conn_start, source, target, enabled, weight, bias, activation, aggregation, rate,
    num_inputs, num_outputs, sizes, order, out_start, out_edge, edge_start, out_bias, out_activation,
    out_aggregation, out_rate, out_source, out_weight, output_slot, recurrent, sequential,
):  # fmt: skip
    """Write networks begin..end-1 at their place; each node's edges in ascending order of source slot."""
    slot = np.empty(sizes[0], np.uint32)  # by node id; one past the last where the node is not evaluated
    mask = np.empty(MASK_BITS + 1, np.uint64)
    active = np.empty(sizes[2] + 1, np.uint64)
    bucket = np.empty(2 * sizes[1] + 1, np.int64)
    for p in range(begin, end):
        first, last = node_start[p], node_start[p + 1]
        own, count = first - p * num_inputs, out_start[p + 1] - out_start[p]
        for i in range(num_inputs):
            slot[i] = i
        for i in range(first + num_inputs, last):
            slot[np.uint32(node_id[i])] = num_inputs + count
        for k in range(count):
            i = first + order[own + k]
            slot[np.uint32(node_id[i])] = num_inputs + k
            out_bias[out_start[p] + k] = bias[i]
            out_activation[out_start[p] + k] = activation[i]
            out_aggregation[out_start[p] + k] = aggregation[i]
        for k in range(count if len(rate) else 0):
            out_rate[out_start[p] + k] = rate[first + order[own + k]]
        for o in range(num_outputs):
            output_slot[p, o] = slot[num_inputs + o]
        starts = edge_start[out_start[p] : out_start[p + 1]]
        slots = num_inputs + count * (2 if recurrent else 1)
        if slots <= MASK_BITS:
            place_by_mask(
                conn_start[p], conn_start[p + 1], source, target, enabled, weight, slot, np.uint32(num_inputs),
                np.uint32(count), recurrent, sequential, mask, active, out_edge[p], starts, out_source, out_weight,
            )  # fmt: skip
        else:
            place_by_sorting(
                conn_start[p], conn_start[p + 1], source, target, enabled, weight, slot, np.uint32(num_inputs),
                np.uint32(count), recurrent, sequential, bucket, active, out_edge[p], starts, out_source, out_weight,
            )  # fmt: skip


def place_by_mask(
    first, last, source, target, enabled, weight, slot, num_inputs, count, recurrent, sequential, mask, active, at,
    starts, out_source, out_weight,
):  # fmt: skip
    """Edges to their final places: a node's edge has as many before it as its mask has lower source slots.

    Free of branches on the data: what does not count goes to a row of ``mask`` and a place of ``active`` of no use.
    """
    unused = num_inputs + count
    for i in range(unused + 1):
        mask[i] = _ZERO
    edges = np.int64(0)
    for e in range(first, last):
        row = slot[np.uint32(target[e])]
        read = edge_slot(slot[np.uint32(source[e])], row, num_inputs, count, recurrent, sequential)
        mask[row] |= np.uint64(enabled[e]) << np.uint64(read & np.uint32(63))
        active[edges] = (np.uint64(e - first) << np.uint64(16)) | np.uint64(row << np.uint32(8)) | np.uint64(read)
        edges += np.int64(enabled[e]) & np.int64(row < unused)
    for i in range(count):
        starts[i] = at
        at += popcount(mask[num_inputs + np.uint32(i)])
    for k in range(edges):
        read = active[k] & np.uint64(0xFF)
        row = (active[k] >> np.uint64(8)) & np.uint64(0xFF)
        lower = (_ONE << read) - _ONE
        at = np.uint64(starts[row - np.uint64(num_inputs)] + popcount(mask[row] & lower))
        out_source[at] = read
        out_weight[at] = weight[np.uint64(first) + (active[k] >> np.uint64(16))]


def place_by_sorting(
    first, last, source, target, enabled, weight, slot, num_inputs, count, recurrent, sequential, bucket, by_slot, at,
    starts, out_source, out_weight,
):  # fmt: skip
    """`place_by_mask` for any size: a counting sort by source slot, then one by target."""
    unused = num_inputs + count
    slots = unused + count if recurrent else unused
    for i in range(slots + 1):
        bucket[i] = 0
    for i in range(count):
        starts[i] = 0
    for e in range(first, last):
        row = slot[target[e]]
        if enabled[e] and row < unused:
            read = edge_slot(slot[source[e]], row, num_inputs, count, recurrent, sequential)
            bucket[read + 1] += 1
            starts[row - num_inputs] += 1
    for i in range(slots):
        bucket[i + 1] += bucket[i]
    edges = bucket[slots]
    for e in range(first, last):
        row = slot[target[e]]
        if enabled[e] and row < unused:
            read = edge_slot(slot[source[e]], row, num_inputs, count, recurrent, sequential)
            by_slot[bucket[read]] = e
            bucket[read] += 1
    for i in range(count):
        degree = starts[i]
        starts[i] = at
        bucket[i] = at
        at += degree
    for k in range(edges):
        e = by_slot[k]
        row = slot[target[e]]
        read = edge_slot(slot[source[e]], row, num_inputs, count, recurrent, sequential)
        place = bucket[row - num_inputs]
        bucket[row - num_inputs] += 1
        out_source[place] = read
        out_weight[place] = weight[e]
