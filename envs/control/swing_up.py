"""CartPoleSwingUp: swing a hanging pole up and balance it (Gal, McAllister & Rasmussen 2016; Zuo's and Ha's version).

Constants, starts and reward as in the experiments of Gaier & Ha, Weight Agnostic Neural Networks, NeurIPS 2019.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

import math

import numpy as np

from envs.control.actions import within_one
from envs.native import NativeEnv
from envs.picture import Picture, cart_and_poles
from genomes.functions.elementary import cos, log, sin

__all__ = ["SWING_UP"]

GRAVITY = np.float32(9.82)  # m/s²
POLE_MASS, MASS = np.float32(0.5), np.float32(1.0)  # kg: the pole, and cart and pole
LENGTH = np.float32(0.6)  # m
POLE_MASS_LENGTH = np.float32(0.3)  # kg m
FRICTION = np.float32(0.1)  # N s/m, of the cart
FORCE = np.float32(10.0)  # N
TAU = np.float32(0.01)  # s
X_LIMIT = np.float32(2.4)  # m
START = np.float32(0.2)  # standard deviation of starts around the hanging pole
PI, TURN, TO_QUARTER = np.float32(math.pi), np.float32(2 * math.pi), np.float32(math.pi / 4.8)
HALF, ONE, TWO, THREE, FOUR, SIX = (np.float32(v) for v in (0.5, 1.0, 2.0, 3.0, 4.0, 6.0))


def normal_pair(a, b):
    """Two independent normal numbers from two uniform ones (Box & Muller 1958)."""
    radius = START * np.float32(math.sqrt(-TWO * log(ONE - a)))
    return radius * cos(TURN * b), radius * sin(TURN * b)


def reset(randoms):
    a, b, c, d = randoms
    x, velocity = normal_pair(a, b)
    angle, spin = normal_pair(c, d)
    return x, velocity, PI + angle, spin


def observe(state):
    x, velocity, angle, spin = state
    return x, velocity, cos(angle), sin(angle), spin


def act(outputs):
    return (within_one(outputs[0]),)


def step(state, action):
    x, velocity, angle, spin = state
    force = FORCE * within_one(action[0])
    cosine, sine = cos(angle), sin(angle)
    swing, push = POLE_MASS_LENGTH * (spin * spin) * sine, force - FRICTION * velocity
    rate = (FOUR * push - TWO * swing + THREE * POLE_MASS * GRAVITY * sine * cosine) / (
        FOUR * MASS - THREE * POLE_MASS * (cosine * cosine)
    )
    spin_rate = (SIX * (MASS * GRAVITY * sine + push * cosine) - THREE * swing * cosine) / (
        FOUR * LENGTH * MASS - THREE * POLE_MASS_LENGTH * (cosine * cosine)
    )
    x += TAU * velocity
    angle += TAU * spin
    velocity += TAU * rate
    spin += TAU * spin_rate
    reward = HALF * (cos(angle) + ONE) * cos(TO_QUARTER * x)
    return (x, velocity, angle, spin), reward, abs(x) > X_LIMIT


def draw(state):
    """The pole, whose angle counts to the left."""
    return cart_and_poles(state[0], [(-state[2], float(LENGTH))], float(X_LIMIT))


SWING_UP = NativeEnv(
    id="CartPoleSwingUp-v0",
    reset=reset,
    observe=observe,
    act=act,
    step=step,
    num_states=4,
    num_inputs=5,
    num_outputs=1,
    max_steps=1000,
    actions=((-1.0,), (1.0,)),
    target=900.0,
    picture=Picture(draw, (-2.6, -0.8), (2.6, 1.2), fps=100.0),
)
