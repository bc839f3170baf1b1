"""An environment of the user's, and networks that play it."""

import numpy as np

from envs.native import NativeEnv
from tests.test_rollout import networks_of, one_node


def walk(size, **changes):
    """A walk on a line by ``size`` a step (a closure), 7 steps long unless it leaves -1 .. 1."""

    def step(state, action):
        (x,) = state
        x = x + (size if action == 1 else -size)
        return (x,), x, abs(x) > np.float32(1.0)

    def act(outputs):
        return np.int32(outputs[0] > outputs[1])

    fields = dict(reset=lambda randoms: randoms, observe=lambda state: state, act=act, step=step)
    fields |= dict(num_states=1, num_inputs=1, num_outputs=2, max_steps=7, actions=2)
    return NativeEnv("Walk", **(fields | changes))


def up(count=1):
    """Networks with outputs 1 and 0: always action 1."""
    return networks_of([one_node(1, outputs=2, bias=(1.0, 0.0))] * count, 1, 2)
