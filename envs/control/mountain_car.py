"""MountainCar-v0: get out of a valley with a weak engine (Moore, PhD thesis, Cambridge 1990), as Gymnasium has it.

Source: gymnasium/envs/classic_control/mountain_car.py, Gymnasium 1.x.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

import numpy as np

from envs.control.actions import best_of_three
from envs.native import NativeEnv
from genomes.functions.elementary import clamp, cos

__all__ = ["MOUNTAIN_CAR", "drift", "reset"]

FORCE = np.float32(0.001)
GRAVITY = np.float32(0.0025)
LEFT, RIGHT, GOAL = np.float32(-1.2), np.float32(0.6), np.float32(0.5)  # positions
MAX_SPEED = np.float32(0.07)  # a step
START, START_WIDTH = np.float32(-0.6), np.float32(0.2)
ZERO, ONE, THREE = np.float32(0.0), np.float32(1.0), np.float32(3.0)
BOUNDS = ((-1.2, -0.07), (0.6, 0.07))  # of the observation


def reset(randoms):
    return START + START_WIDTH * randoms[0], ZERO


def observe(state):
    return state


def drift(position, velocity, push):
    """Position and velocity a step later, with the velocity's change ``push`` by the engine."""
    velocity = clamp(velocity + (push - GRAVITY * cos(THREE * position)), -MAX_SPEED, MAX_SPEED)
    position = clamp(position + velocity, LEFT, RIGHT)
    velocity = ZERO if (position == LEFT) & (velocity < ZERO) else velocity
    return position, velocity


def step(state, action):
    position, velocity = drift(state[0], state[1], FORCE * (np.float32(action) - ONE))
    return (position, velocity), -ONE, (position >= GOAL) & (velocity >= ZERO)


MOUNTAIN_CAR = NativeEnv(
    id="MountainCar-v0",
    reset=reset,
    observe=observe,
    act=best_of_three,
    step=step,
    num_states=2,
    num_inputs=2,
    num_outputs=3,
    num_randoms=1,
    max_steps=200,
    actions=3,
    observations=BOUNDS,
    gymnasium_id="MountainCar-v0",
    target=-110.0,
)
