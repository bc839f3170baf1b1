"""Whole populations play an environment on the GPU: a thread plays an episode, and takes the next when it is over.

A step reads a genome's edges, 8 bytes each, and does one multiply-add with each: bytes are what limits, and the caches
have them, as a thread comes back to its genome's edges at once and the episodes of a genome are neighbours. Neighbours
that differ in size or function diverge: the order of items is by size.

The CPU's kernel for one genome at a time has this loop in its own body: as a function it was 40 % slower there.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

import numpy as np
from numba import float32

from envs.kernels.rollout import (  # bound for each environment
    OUTPUTS,
    VALUES,
    WINDOW,
    act,
    load_outputs,
    load_start,
    load_state,
    measure,
    observe,
    recent,
    state_residue,
    step,
    store_end,
    store_observation,
    store_state,
)
from genomes.backend import cuda
from genomes.kernels.binding_cuda import cuda_kernel
from genomes.kernels.forward_each import activate_network, leak

__all__ = ["play_columns"]

SHARED = True  # whether columns are in shared memory; bound
_ZERO = np.float32(0.0)


@cuda_kernel
def play_columns(
    members, starts, max_steps,
    node_start, edge_start, bias, activation, aggregation, source, weight, output_slot,
    num_inputs, bias_input, recurrent, rate, activations_per_step, task_inputs,
    slots, next_item, size, scratch, returns, steps, ends,
):  # fmt: skip
    """Item ``i`` is episode ``i % K`` of genome ``members[i // K]``; ``next_item`` [1] counts those that are taken.

    A column holds ``slots`` values, those of the rows of `envs.kernels.glue`, and the last WINDOW measures. There is
    one loop over steps and none over episodes around it: threads of a warp whose episodes are over do not wait.
    """
    thread, threads = cuda.threadIdx.x, cuda.blockDim.x
    storage = cuda.shared.array(0, float32) if SHARED else scratch[cuda.blockIdx.x]
    column = storage[thread * size : (thread + 1) * size] if SHARED else storage[thread::threads]
    rows, values, measures = column[:slots], column[VALUES:slots], column[slots:]
    episodes = starts.shape[0]
    items = members.shape[0] * episodes
    item = cuda.atomic.add(next_item, 0, 1)
    total, t = _ZERO, 0
    while item < items:
        p, k = members[item // episodes], item % episodes
        first, count = node_start[p], node_start[p + 1] - node_start[p]
        if t == 0:
            begin_episode(rows, values, starts[k], num_inputs, task_inputs, bias_input, count * (1 + recurrent))
            total = _ZERO
        gained, done = play_step(
            p, t, rows, values, measures, first, count, edge_start, bias, activation, aggregation, source, weight,
            output_slot, num_inputs, recurrent, rate, activations_per_step,
        )  # fmt: skip
        total += gained
        t += 1
        if done or t >= max_steps:
            returns[p, k] = total
            steps[p, k] = t
            if ends.shape[0] > 0:
                store_end(ends[p, k], load_state(rows, 0), recent(measures, 0, t, t))
            item = cuda.atomic.add(next_item, 0, 1)
            t = 0


def begin_episode(rows, values, start, num_inputs, task_inputs, bias_input, nodes):
    """The first state, and a network that has not computed yet, with so many values of nodes."""
    store_state(rows, 0, load_start(start, 0))
    for i in range(task_inputs, num_inputs):
        values[i] = bias_input
    for i in range(num_inputs, num_inputs + nodes):
        values[i] = _ZERO


def play_step(
    p, t, rows, values, measures, first, count, edge_start, bias, activation, aggregation, source, weight, output_slot,
    num_inputs, recurrent, rate, activations_per_step,
):  # fmt: skip
    """Step ``t`` of an episode of genome ``p``, that owns ``count`` nodes from ``first`` on.

    Returns what it adds to the return, and whether the episode is over.
    """
    store_observation(rows, 0, observe(load_state(rows, 0)))
    for _ in range(activations_per_step):
        activate_network(
            values, num_inputs, first, first + count, edge_start, bias, activation, aggregation, source, weight
        )
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
    return np.float32(reward) + wrong, bool(terminated) | (wrong != _ZERO)
