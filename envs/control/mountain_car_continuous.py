"""MountainCarContinuous-v0: `mountain_car` with an engine of any strength, whose use costs reward.

Source: gymnasium/envs/classic_control/continuous_mountain_car.py, Gymnasium 1.x.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

import numpy as np

from envs.control.actions import within_one
from envs.control.mountain_car import BOUNDS, drift, observe, reset
from envs.native import NativeEnv

__all__ = ["MOUNTAIN_CAR_CONTINUOUS"]

POWER = np.float32(0.0015)
GOAL = np.float32(0.45)  # position
PRIZE, COST = np.float32(100.0), np.float32(0.1)
ZERO = np.float32(0.0)


def act(outputs):
    return (within_one(outputs[0]),)


def step(state, action):
    position, velocity = drift(state[0], state[1], POWER * within_one(action[0]))
    arrived = (position >= GOAL) & (velocity >= ZERO)
    cost = COST * (action[0] * action[0])  # of the action as it is given, as in Gymnasium
    return (position, velocity), (PRIZE if arrived else ZERO) - cost, arrived


MOUNTAIN_CAR_CONTINUOUS = NativeEnv(
    id="MountainCarContinuous-v0",
    reset=reset,
    observe=observe,
    act=act,
    step=step,
    num_states=2,
    num_inputs=2,
    num_outputs=1,
    num_randoms=1,
    max_steps=999,
    actions=((-1.0,), (1.0,)),
    observations=BOUNDS,
    gymnasium_id="MountainCarContinuous-v0",
    target=90.0,
)
