"""Whole populations play an environment on the GPU: a thread plays an episode, and takes the next when it is over.

A step reads a genome's edges, 6 bytes each, and does one multiply-add with each: bytes are what limits. So networks are
laid out in slices, and a warp whose threads play as many genomes reads whole lines; episodes of one genome, which are
neighbours, read the same words. Neighbours that differ in size or function diverge: the order of items is by size.

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
from genomes.kernels.forward_each import leak
from genomes.kernels.slices_cuda import WIDTH, evaluate_slice

__all__ = ["play_columns"]

SHARED = True  # whether columns are in shared memory; bound
_ZERO = np.float32(0.0)


@cuda_kernel
def play_columns(
    starts, max_steps,
    members, nodes, node_base, edge_base, degree, bias, activation, aggregation, rate, source, weight, output_slot,
    num_inputs, task_inputs, bias_input, recurrent, activations_per_step,
    slots, next_item, size, scratch, returns, steps, ends,
):  # fmt: skip
    """Item ``i`` is episode ``i % K`` of genome ``members[i // K]``; ``next_item`` [1] counts those that are taken.

    Networks are in slices (see `genomes.slices_cuda`). A column holds ``slots`` values, those of the rows of
    `envs.kernels.glue`, and the last WINDOW measures. There is one loop over steps and none over episodes around it:
    threads of a warp whose episodes are over do not wait.
    """
    thread, threads = cuda.threadIdx.x, cuda.blockDim.x
    storage = cuda.shared.array(0, float32) if SHARED else scratch[cuda.blockIdx.x]
    column = storage[thread * size : (thread + 1) * size] if SHARED else storage[thread::threads]
    rows, values, measures = column[:slots], column[VALUES:slots], column[slots:]
    episodes = starts.shape[0]
    items = members.shape[0] * episodes
    item = cuda.atomic.add(next_item, 0, 1)
    m, k, at, edge_at, count = 0, 0, 0, 0, 0
    total, t = _ZERO, 0
    while item < items:
        if t == 0:
            m, k = item // episodes, item % episodes
            at, edge_at = node_base[m // WIDTH] + m % WIDTH, edge_base[m // WIDTH] + m % WIDTH
            count = nodes[m]
            begin_episode(rows, values, starts[k], num_inputs, task_inputs, bias_input, count * (1 + recurrent))
            total = _ZERO
        gained, done = play_step(
            t, rows, values, measures, count, at, edge_at, degree, bias, activation, aggregation, rate, source, weight,
            output_slot[m], num_inputs, recurrent, activations_per_step,
        )  # fmt: skip
        total += gained
        t += 1
        if done or t >= max_steps:
            p = members[m]
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
    t, rows, values, measures, count, at, edge_at, degree, bias, activation, aggregation, rate, source, weight, outputs,
    num_inputs, recurrent, activations_per_step,
):  # fmt: skip
    """Step ``t`` of an episode of a network with ``count`` nodes, its outputs in the slots ``outputs``.

    Returns what it adds to the return, and whether the episode is over.
    """
    store_observation(rows, 0, observe(load_state(rows, 0)))
    for _ in range(activations_per_step):
        evaluate_slice(
            values, num_inputs, count, at, edge_at, degree, bias, activation, aggregation, source, weight
        )  # fmt: skip
        if len(rate):
            leak(values, num_inputs, 0, count, rate[at::WIDTH])
        if recurrent:
            for j in range(count):
                values[num_inputs + count + j] = values[num_inputs + j]
    for o in range(outputs.shape[0]):
        rows[OUTPUTS + o] = values[outputs[o]]
    state, reward, terminated = step(load_state(rows, 0), act(load_outputs(rows, 0)))
    wrong = state_residue(state, reward)
    store_state(rows, 0, state)
    if WINDOW > 0:
        measures[t % WINDOW] = measure(state)
    return np.float32(reward) + wrong, bool(terminated) | (wrong != _ZERO)
