"""Pendulum-v1: swing a pendulum up and hold it there, as Gymnasium has it. Episodes never terminate.

Source: gymnasium/envs/classic_control/pendulum.py, Gymnasium 1.x. The angle is kept within a turn, which changes
nothing but the rounding.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

import math

import numpy as np

from envs.control.actions import within_one, wrapped
from envs.native import NativeEnv
from genomes.functions.elementary import clamp, cos, sin

__all__ = ["PENDULUM"]

GRAVITY = np.float32(15.0)  # 3 g / (2 l)
PUSH = np.float32(3.0)  # 3 / (m l²)
TAU = np.float32(0.05)  # s
MAX_SPIN, MAX_TORQUE = np.float32(8.0), np.float32(2.0)  # rad/s, N m
SPIN_COST, TORQUE_COST = np.float32(0.1), np.float32(0.001)
PI, ONE, TWO = np.float32(math.pi), np.float32(1.0), np.float32(2.0)


def reset(randoms):
    return PI * (TWO * randoms[0] - ONE), TWO * randoms[1] - ONE


def observe(state):
    angle, spin = state
    return cos(angle), sin(angle), spin


def act(outputs):
    return (MAX_TORQUE * within_one(outputs[0]),)


def step(state, action):
    angle, spin = wrapped(state[0]), state[1]
    torque = clamp(action[0], -MAX_TORQUE, MAX_TORQUE)
    cost = angle * angle + SPIN_COST * (spin * spin) + TORQUE_COST * (torque * torque)
    spin = clamp(spin + (GRAVITY * sin(angle) + PUSH * torque) * TAU, -MAX_SPIN, MAX_SPIN)
    return (angle + spin * TAU, spin), -cost, False


PENDULUM = NativeEnv(
    id="Pendulum-v1",
    reset=reset,
    observe=observe,
    act=act,
    step=step,
    num_states=2,
    num_inputs=3,
    num_outputs=1,
    max_steps=200,
    actions=((-2.0,), (2.0,)),
    observations=((-1.0, -1.0, -8.0), (1.0, 1.0, 8.0)),
    gymnasium_id="Pendulum-v1",
    target=-200.0,
)
