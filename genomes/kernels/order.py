"""The evaluation order of one genome; `genomes.kernels.compile` writes networks in this order.

A genome's nodes are numbered *locally* 0..n-1 in ascending node id (inputs, outputs, hidden); `order` lists the local
numbers of the evaluated nodes in evaluation order. Tables by node id are scratch memory: on the GPU, where every thread
has its own, node ids are made local numbers beforehand.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

import numpy as np

from genomes.kernels.binding import borrowing, kernel

__all__ = ["MASK_BITS", "order_feedforward", "order_recurrent", "order_scratch", "popcount"]

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


def sort(values, begin, end):
    """Sort ``values[begin:end]`` in place: a heap, which needs no other memory."""
    for root in range((end - begin) // 2 - 1, -1, -1):
        sift(values, begin, root, end - begin)
    for size in range(end - begin - 1, 0, -1):
        values[begin], values[begin + size] = values[begin + size], values[begin]
        sift(values, begin, 0, size)


def sift(values, begin, root, size):
    """Let the value at ``root`` sink to its place in a heap of so many values from ``begin`` on."""
    value = values[begin + root]
    child = 2 * root + 1
    while child < size:
        if child + 1 < size and values[begin + child + 1] > values[begin + child]:
            child += 1
        if values[begin + child] <= value:
            break
        values[begin + root] = values[begin + child]
        root, child = child, 2 * child + 1
    values[begin + root] = value


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
                    sort(order, first, count)
    return count


@kernel
def order_scratch(ids, most_nodes, most_links):
    """Scratch of ordering: node ids are below ``ids``."""
    return (
        np.empty((6, most_nodes + 2), np.int32),
        np.empty((1, most_links), np.int32),
        np.empty((1, most_nodes + 1), np.bool_),
        np.empty((2, MASK_BITS), np.uint64),
        np.empty((1, ids), np.uint32),
    )


@borrowing
def order_feedforward(
    p, scratch, node_start, node_id, conn_start, source, target, enabled, num_inputs, num_outputs, order, node_count,
    edge_count,
):  # fmt: skip
    """Evaluation order of genome ``p``, its numbers of evaluated nodes (or CYCLE) and of their edges."""
    local = scratch[4][0]
    number_nodes(local, node_id, node_start[p], node_start[p + 1])
    n, own = node_start[p + 1] - node_start[p], order[node_start[p] - p * num_inputs :]
    a, b = conn_start[p], conn_start[p + 1]
    if n <= MASK_BITS - 1:
        feeds, ranked = scratch[3][0], scratch[3][1]
        mark_feeds(source, target, enabled, a, b, local, n, feeds)
        node_count[p], edge_count[p] = layers_by_mask(feeds, n, num_inputs, num_outputs, ranked, own)
    else:
        by_node, incoming, needed = scratch[0], scratch[1][0], scratch[2][0]
        start, layer, cursor, stack = by_node[0], by_node[1], by_node[2], by_node[3]
        mark_needed(
            source[a:b], target[a:b], enabled[a:b], local, n, num_inputs, num_outputs, start, incoming, needed, stack
        )
        node_count[p] = layers(n, num_inputs, start, incoming, needed, layer, cursor, stack, own)
        _, edge_count[p] = count_needed(n, num_inputs, start, needed)


@borrowing
def order_recurrent(
    p, scratch, node_start, node_id, conn_start, source, target, enabled, num_inputs, num_outputs, order, node_count,
    edge_count, sequential,
):  # fmt: skip
    """As `order_feedforward`, cycles allowed: by component where ``sequential``, else by node id."""
    by_node, incoming, needed, local = scratch[0], scratch[1][0], scratch[2][0], scratch[4][0]
    start, stack = by_node[0], by_node[1]
    number_nodes(local, node_id, node_start[p], node_start[p + 1])
    n, own = node_start[p + 1] - node_start[p], order[node_start[p] - p * num_inputs :]
    a, b = conn_start[p], conn_start[p + 1]
    mark_needed(
        source[a:b], target[a:b], enabled[a:b], local, n, num_inputs, num_outputs, start, incoming, needed, stack
    )
    node_count[p], edge_count[p] = count_needed(n, num_inputs, start, needed)
    if sequential:
        index, lowest, cursor, path = by_node[2], by_node[3], by_node[4], by_node[5]
        components(n, num_inputs, start, incoming, needed, index, lowest, cursor, stack, path, own)
    else:
        list_needed(n, num_inputs, needed, own)


def mark_feeds(source, target, enabled, first, last, local, num_nodes, feeds):
    """``feeds[t]``: bits of the nodes that feed node t by an enabled edge."""
    for i in range(num_nodes):
        feeds[i] = _ZERO
    for e in range(first, last):
        s, t = local[np.uint32(source[e])], local[np.uint32(target[e])]
        feeds[t] |= np.uint64(enabled[e]) << np.uint64(s)


def count_needed(num_nodes, num_inputs, start, needed):
    """Numbers of needed nodes and of their edges."""
    count, edges = np.int64(0), np.int64(0)
    for i in range(num_inputs, num_nodes):
        if needed[i]:
            count += 1
            edges += start[i + 1] - start[i]
    return count, edges


def list_needed(num_nodes, num_inputs, needed, order):
    """Evaluation order by node id."""
    count = 0
    for i in range(num_inputs, num_nodes):
        if needed[i]:
            order[count] = i
            count += 1
