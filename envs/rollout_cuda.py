"""Play whole populations in a native environment on the GPU: what `envs.rollout` does there."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.kernels.glue import row_functions
from envs.kernels.rollout_cuda import play_columns
from envs.native import NativeEnv
from genomes.backend import arrays, to_device, to_host
from genomes.functions import activation_rows_switch
from genomes.kernels.binding_cuda import CudaKernel
from genomes.kernels.columns_cuda import ONE_ROW, column_bindings, room
from genomes.networks import Networks
from genomes.slices_cuda import slices_of

__all__ = ["play_on_device", "play_on_gpu"]


def play_on_gpu(
    env: NativeEnv,
    networks: Networks,
    starts: NDArray[np.float32],
    returns: NDArray[np.float32],
    steps: NDArray[np.int32],
    ends: NDArray[np.float32],
) -> None:
    """Play all episodes into ``returns`` [P, K], ``steps`` [P, K] and, unless it is empty, ``ends`` [P, K, S+1]."""
    played = play_on_device(env, networks, to_device(starts), ends.size > 0)
    for host, device in zip((returns, steps, ends), played, strict=True):
        host[...] = to_host(device)


def play_on_device(env: NativeEnv, networks: Networks, starts: Any, keep_ends: bool = False) -> tuple[Any, Any, Any]:
    """Returns, steps and ends, left on the device; ``starts`` float32 [K, S] is there."""
    size, episodes = len(networks), starts.shape[0]
    xp = arrays()
    slots = env.num_states + 2 + env.num_outputs + networks.max_slots
    plan = room(slots + env.window, size * episodes)
    returns, steps = xp.empty((size, episodes), np.float32), xp.empty((size, episodes), np.int32)
    ends = xp.empty((size, episodes, env.num_states + 1) if keep_ends else (0, 0, 1), np.float32)
    driver = _bound(env, activation_rows_switch(1), plan.in_shared)
    driver.launch(
        min(plan.blocks, -(-size * episodes // plan.threads)), plan.threads, plan.shared,
        starts, env.max_steps, *slices_of(networks).arguments, networks.num_inputs, networks.task_inputs,
        np.float32(networks.bias_input or 0.0), networks.recurrent, networks.activations_per_step,
        slots, xp.zeros(1, np.int64), plan.size, plan.scratch, returns, steps, ends,
    )  # fmt: skip
    return returns, steps, ends


@cache
def _bound(env: NativeEnv, switch: Any, in_shared: bool) -> CudaKernel:
    lengths = (env.num_states, env.num_inputs, env.num_outputs, env.randoms, env.num_behaviours)
    bindings = ONE_ROW | row_functions(*lengths, 1) | column_bindings(in_shared)
    return play_columns.bind(**env.functions, **bindings, WINDOW=env.window, activate_rows=switch)
