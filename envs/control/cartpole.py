"""CartPole-v1: balance a pole on a cart (Barto, Sutton & Anderson, IEEE SMC-13, 1983), as Gymnasium integrates it.

Source: gymnasium/envs/classic_control/cartpole.py, Gymnasium 1.x.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

import math

import numpy as np

from envs.native import NativeEnv
from genomes.functions.elementary import cos, sin

__all__ = ["CARTPOLE"]

GRAVITY = np.float32(9.8)  # m/s²
POLE_MASS = np.float32(0.1)  # kg
PER_MASS = np.float32(1 / 1.1)  # 1/kg, cart and pole; multiplied with, as division costs ten times as much
HALF_LENGTH = np.float32(0.5)  # m, of the pole
POLE_MASS_LENGTH = np.float32(0.05)  # kg m
FORCE = np.float32(10.0)  # N
TAU = np.float32(0.02)  # s
X_LIMIT = np.float32(2.4)  # m
ANGLE_LIMIT = np.float32(12 * 2 * math.pi / 360)  # rad
START = np.float32(0.05)  # starts are uniform within ± this
BOUND = (4.8, math.inf, 2 * float(ANGLE_LIMIT), math.inf)  # of observations, twice the limits
TWO, FOUR_THIRDS, ZERO, ONE = np.float32(2.0), np.float32(4.0 / 3.0), np.float32(0.0), np.float32(1.0)


def reset(randoms):
    a, b, c, d = randoms
    return START * (TWO * a - ONE), START * (TWO * b - ONE), START * (TWO * c - ONE), START * (TWO * d - ONE)


def observe(state):
    return state


def act(outputs):
    (push,) = outputs
    return np.int32(push > ZERO)


def step(state, action):
    x, velocity, angle, spin = state
    force = FORCE if action == 1 else -FORCE
    cosine, sine = cos(angle), sin(angle)
    push = (force + POLE_MASS_LENGTH * (spin * spin) * sine) * PER_MASS
    spin_rate = (GRAVITY * sine - cosine * push) / (
        HALF_LENGTH * (FOUR_THIRDS - POLE_MASS * (cosine * cosine) * PER_MASS)
    )
    acceleration = push - POLE_MASS_LENGTH * spin_rate * cosine * PER_MASS
    x += TAU * velocity
    velocity += TAU * acceleration
    angle += TAU * spin
    spin += TAU * spin_rate
    fallen = (abs(x) > X_LIMIT) | (abs(angle) > ANGLE_LIMIT)
    return (x, velocity, angle, spin), ONE, fallen


CARTPOLE = NativeEnv(
    id="CartPole-v1",
    reset=reset,
    observe=observe,
    act=act,
    step=step,
    num_states=4,
    num_inputs=4,
    num_outputs=1,
    max_steps=500,
    actions=2,
    observations=(tuple(-v for v in BOUND), BOUND),
    gymnasium_id="CartPole-v1",
    target=475.0,
)
