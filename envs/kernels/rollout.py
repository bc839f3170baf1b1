"""Whole populations play an environment: closed-loop episodes, one genome at a time or one in each vector lane.

Both kernels compute the same float32 operations in the same order, so they agree bit for bit. They are templates: the
functions and row numbers that the first block declares are bound for each environment (see `envs.kernels.glue`).
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

import numpy as np

from genomes.functions.aggregations import SUM, aggregate, multiply_add
from genomes.kernels.binding import kernel
from genomes.kernels.forward_each import leak
from genomes.rng import uniform

__all__ = [
    "describe",
    "draw_starts",
    "play_lanes",
    "play_scalar",
    "score_episodes",
    "try_act",
    "try_behaviour",
    "try_measure",
    "try_observe",
    "try_reset",
    "try_score",
    "try_step",
]

LANES, TOTAL, RESIDUE, OUTPUTS, VALUES = 1, 0, 0, 0, 0
WINDOW = 0  # steps over which ``measure`` is summed


def unbound(*_):
    """Stands for a function that is bound before the kernel is compiled."""
    raise NotImplementedError


reset = observe = act = step = measure = score = behaviour = unbound
activate = activate_rows = add_residue = weighted_sum = unbound
load_state = store_state = load_outputs = store_observation = state_residue = unbound
load_randoms = load_start = store_start = load_end = store_end = store_behaviour = unbound

ZERO, ONE = np.float32(0.0), np.float32(1.0)
NAN = np.float32(np.nan)
IDLE = -1
_ALIGNMENT = 64  # bytes of a cache line, and of the widest vector register


@kernel
def draw_starts(begin, end, seed, generation, purpose, scratch, starts):
    """Starting states [K, S] of episodes ``begin`` to ``end``; ``scratch`` [K, number of uniforms]."""
    for k in range(begin, end):
        for draw in range(scratch.shape[1]):
            scratch[k, draw] = uniform(seed, generation, purpose, k, draw)
        store_start(starts[k], 0, reset(load_randoms(scratch[k], 0)))


@kernel
def play_scalar(
    begin, end, members, starts, max_steps,
    node_start, edge_start, bias, activation, aggregation, source, weight, output_slot,
    num_inputs, task_inputs, bias_input, recurrent, rate, activations_per_step, max_slots,
    returns, steps, ends,
):  # fmt: skip
    """Play all episodes of ``members[begin:end]``, one genome after the other (with LANES = 1)."""
    rows = np.empty(VALUES + max_slots, np.float32)
    measures = np.zeros(WINDOW, np.float32)
    values = rows[VALUES:]
    for m in range(begin, end):
        p = members[m]
        first, count = node_start[p], node_start[p + 1] - node_start[p]
        for k in range(starts.shape[0]):
            store_state(rows, 0, load_start(starts[k], 0))
            values[task_inputs:num_inputs] = bias_input
            values[num_inputs : num_inputs + count * (1 + recurrent)] = ZERO
            total, t, done = ZERO, 0, False
            while not done and t < max_steps:
                store_observation(rows, 0, observe(load_state(rows, 0)))
                for _ in range(activations_per_step):
                    for j in range(count):
                        i = first + j
                        summed = ZERO
                        if aggregation[i] == SUM:
                            for e in range(edge_start[i], edge_start[i + 1]):
                                summed = multiply_add(weight[e], values[source[e]], summed)
                        else:
                            summed = aggregate(
                                aggregation[i], values, source, weight, edge_start[i], edge_start[i + 1], 1, 0
                            )
                        values[num_inputs + j] = activate(activation[i], summed + bias[i])
                    if len(rate):
                        leak(values, num_inputs, first, first + count, rate)
                    if recurrent:
                        for j in range(count):
                            values[num_inputs + count + j] = values[num_inputs + j]
                for o in range(output_slot.shape[1]):
                    rows[OUTPUTS + o] = values[output_slot[p, o]]
                state, reward, terminated = step(load_state(rows, 0), act(load_outputs(rows, 0)))
                wrong = state_residue(state, reward)
                store_state(rows, 0, state)
                if WINDOW > 0:
                    measures[t % WINDOW] = measure(state)
                total += np.float32(reward) + wrong
                done = bool(terminated) | (wrong != ZERO)
                t += 1
            returns[p, k] = total
            steps[p, k] = t
            if len(ends) > 0:
                store_end(ends[p, k], load_state(rows, 0), recent(measures, 0, t, t))


@kernel
def play_lanes(
    begin, end, members, class_start, class_node, class_nodes, union_start, union_source, class_mixed, class_code,
    pair_start, edge_number, starts, max_steps,
    node_start, edge_start, bias, activation, source, weight, output_slot,
    num_inputs, task_inputs, bias_input, recurrent, rate, activations_per_step, max_rows, max_union,
    returns, steps, unsure, ends,
):  # fmt: skip
    """Play items ``begin`` to ``end``, each an episode of a genome, a genome in each of LANES lanes.

    Item ``i`` is episode ``i % K`` of genome ``members[i // K]``. The genomes ``members[class_start[c]:
    class_start[c + 1]]`` of class ``c`` share a plan: ``class_nodes[c]`` nodes, each with the union of its incoming
    edges over the class. A genome without one of these edges has weight 0 there, which adds nothing
    as long as every value is finite; ``unsure`` [P] marks genomes for which that failed. ``ends`` [P, K, S+1], or
    empty, is given the last state of each episode and the sum of its last WINDOW measures.
    """
    rows = aligned(max_rows * LANES)
    weights = aligned(max_union * LANES)
    measures = np.zeros(WINDOW * LANES, np.float32)
    outputs = np.zeros(output_slot.shape[1] * LANES, np.int64)  # where each lane has its outputs
    episodes = starts.shape[0]
    episode = np.empty(LANES, np.int64)  # what each lane plays
    loaded = np.empty(LANES, np.int64)  # the genome whose weights each lane holds
    since = np.empty(LANES, np.int64)  # the tick at which the lane's episode began
    live = np.empty(LANES, np.int32)
    flag = np.empty(LANES, np.int32)
    for c in range(len(class_start) - 1):
        next_item = max(begin, class_start[c] * episodes)
        last_item = min(end, class_start[c + 1] * episodes)
        if next_item >= last_item:
            continue
        node, count = class_node[c], class_nodes[c]
        union = union_start[node + count] - union_start[node]
        pairs = np.uint64(pair_start[c])
        rows[:] = ZERO
        weights[: (union + count * (1 + (len(rate) > 0))) * LANES] = ZERO
        rows[(VALUES + task_inputs) * LANES : (VALUES + num_inputs) * LANES] = bias_input
        loaded[:] = IDLE
        live[:] = 0
        active, tick, deadline = 0, 0, max_steps
        for lane in range(LANES):
            if next_item < last_item:
                take(
                    next_item, lane, episode, loaded, since, live, tick, rows, weights, outputs, members, starts, count,
                    union, pairs, edge_number, node_start, edge_start, bias, source, weight, output_slot, num_inputs,
                    recurrent, rate,
                )  # fmt: skip
                next_item += 1
                active += 1
        slots = output_slot[members[class_start[c]]]
        nodes = VALUES + num_inputs
        while active > 0:
            for _ in range(activations_per_step):
                for j in range(count):
                    weighted_sum(
                        weights, (union_start[node + j] - union_start[node]) * LANES,
                        union_source, union_start[node + j], union_start[node + j + 1],
                        rows, VALUES * LANES, (union + j) * LANES, (nodes + j) * LANES,
                    )  # fmt: skip
                    code = class_code[node + j]
                    if code >= 0:
                        activate_rows(code, rows, np.uint64((nodes + j) * LANES))
                    else:
                        activate_each(rows, (nodes + j) * LANES, loaded, activation, node_start, j)
                if len(rate):
                    leak_lanes(rows, nodes, count, weights, union + count)
                if recurrent:
                    rows[(nodes + count) * LANES : (nodes + 2 * count) * LANES] = rows[
                        nodes * LANES : (nodes + count) * LANES
                    ]
            add_residue(rows, VALUES * LANES, num_inputs + count, RESIDUE * LANES)
            for o in range(len(slots)):
                if class_mixed[c]:
                    for lane in range(LANES):
                        rows[(OUTPUTS + o) * LANES + lane] = rows[outputs[o * LANES + lane] + lane]
                else:
                    for lane in range(LANES):
                        rows[(OUTPUTS + o) * LANES + lane] = rows[(VALUES + slots[o]) * LANES + lane]
            over = physics(rows, live, flag, measures, (tick % max(WINDOW, 1)) * LANES)
            tick += 1
            if tick >= deadline:  # an episode may have reached the time limit
                deadline = tick + max_steps
                for lane in range(LANES):
                    if live[lane] != 0 and tick - since[lane] >= max_steps:
                        flag[lane], over = 1, 1
                    elif live[lane] != 0:
                        deadline = min(deadline, since[lane] + max_steps)
            if over != 0:
                for lane in range(LANES):
                    if flag[lane] == 0:
                        continue
                    p = loaded[lane]
                    returns[p, episode[lane]] = rows[TOTAL * LANES + lane]
                    steps[p, episode[lane]] = tick - since[lane]
                    if len(ends) > 0:
                        last = recent(measures, lane, tick, tick - since[lane])
                        store_end(ends[p, episode[lane]], load_state(rows, lane), last)
                    if rows[RESIDUE * LANES + lane] != ZERO:
                        unsure[p] = True
                    if next_item < last_item:
                        take(
                            next_item, lane, episode, loaded, since, live, tick, rows, weights, outputs, members,
                            starts, count, union, pairs, edge_number, node_start, edge_start, bias, source, weight,
                            output_slot, num_inputs, recurrent, rate,
                        )  # fmt: skip
                        next_item += 1
                    else:
                        live[lane] = 0
                        active -= 1


def aligned(size):
    """Uninitialised float32 [size] on a cache line."""
    array = np.empty(size + _ALIGNMENT // 4, np.float32)
    shift = (-array.ctypes.data // 4) % (_ALIGNMENT // 4)
    return array[shift : shift + size]


def recent(measures, lane, tick, steps):
    """Sum of the last WINDOW measures, or of as many as an episode of ``steps`` steps that ends before ``tick`` has."""
    total = ZERO
    for t in range(tick - min(steps, WINDOW), tick):
        total += measures[(t % max(WINDOW, 1)) * LANES + lane]
    return total


def physics(rows, live, flag, measures, at):
    """One step of every lane's environment, and the next observation; not 0 if an episode in a live lane is over."""
    over = np.int32(0)
    for lane in range(LANES):
        state, reward, terminated = step(load_state(rows, lane), act(load_outputs(rows, lane)))
        wrong = state_residue(state, reward)
        store_state(rows, lane, state)
        if WINDOW > 0:
            measures[at + lane] = measure(state)
        rows[TOTAL * LANES + lane] += np.float32(reward) + wrong
        done = np.int32(np.int32(bool(terminated) | (wrong != ZERO)) & live[lane])
        flag[lane] = done
        over |= done
        store_observation(rows, lane, observe(state))
    return over


def leak_lanes(rows, nodes, count, weights, rates):
    """`leak` in every lane; the nodes' rates are the rows of ``weights`` from ``rates`` on."""
    size, now, rate = np.uint64(count * LANES), np.uint64(nodes * LANES), np.uint64(rates * LANES)
    for k in range(size):
        part = weights[rate + k]
        rows[now + k] = (ONE - part) * rows[now + size + k] + part * rows[now + k]


def activate_each(rows, row, loaded, activation, node_start, j):
    """Activate one node of every lane where the genomes' functions differ."""
    for lane in range(LANES):
        if loaded[lane] != IDLE:
            rows[row + lane] = activate(activation[node_start[loaded[lane]] + j], rows[row + lane])


def take(
    item, lane, episode, loaded, since, live, tick, rows, weights, outputs, members, starts, count, union,
    pairs, edge_number, node_start, edge_start, bias, source, weight, output_slot, num_inputs, recurrent, rate,
):  # fmt: skip
    """Begin ``item`` in a lane: its genome's weights and biases, the start, the first observation."""
    member = item // starts.shape[0]
    k = item - member * starts.shape[0]
    p = members[member]
    if loaded[lane] != p:
        for e in range(union):
            weights[e * LANES + lane] = ZERO
        first = node_start[p]
        slots = np.uint64(num_inputs + count * (1 + recurrent))
        for j in range(count):
            at = pairs + np.uint64(j) * slots
            for e in range(np.uint64(edge_start[first + j]), np.uint64(edge_start[first + j + 1])):
                number = np.uint64(edge_number[at + np.uint64(source[e])])
                weights[number * np.uint64(LANES) + np.uint64(lane)] = weight[e]
            weights[(union + j) * LANES + lane] = bias[first + j]
        for j in range(count if len(rate) else 0):
            weights[(union + count + j) * LANES + lane] = rate[first + j]
        for o in range(output_slot.shape[1]):
            outputs[o * LANES + lane] = (VALUES + output_slot[p, o]) * LANES
        loaded[lane] = p
    if recurrent:
        for j in range(2 * count):
            rows[(VALUES + num_inputs + j) * LANES + lane] = ZERO
    state = load_start(starts[k], 0)
    store_state(rows, lane, state)
    store_observation(rows, lane, observe(state))
    rows[TOTAL * LANES + lane] = ZERO
    rows[RESIDUE * LANES + lane] = ZERO
    episode[lane], since[lane], live[lane] = k, tick, 1


@kernel
def score_episodes(begin, end, ends, returns, steps, scores):
    """Scores [P, K] of the episodes of genomes ``begin`` to ``end``; NaN where the return is not finite."""
    for p in range(begin, end):
        for k in range(returns.shape[1]):
            state, last = load_end(ends[p, k])
            total = returns[p, k]
            scores[p, k] = np.float32(score(state, total, steps[p, k], last)) + (total - total)


@kernel
def describe(begin, end, ends, behaviours):
    """Behaviours [P, K, B] of the episodes of genomes ``begin`` to ``end``."""
    for p in range(begin, end):
        for k in range(ends.shape[1]):
            state, _ = load_end(ends[p, k])
            store_behaviour(behaviours[p, k], 0, behaviour(state))


@kernel
def try_reset(randoms):
    return reset(randoms)


@kernel
def try_observe(state):
    return observe(state)


@kernel
def try_act(outputs):
    return act(outputs)


@kernel
def try_step(state, action):
    return step(state, action)


@kernel
def try_measure(state):
    return measure(state)


@kernel
def try_score(state, total, steps, last):
    return score(state, total, steps, last)


@kernel
def try_behaviour(state):
    return behaviour(state)
