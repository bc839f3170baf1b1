"""Acrobot-v1: swing a two-link arm above a line by its elbow (Sutton, NeurIPS 1995; Sutton & Barto 2018, 11.3).

Source: gymnasium/envs/classic_control/acrobot.py, Gymnasium 1.x, with the equations of the book.

A step of 0.2 s is coarse: from states near both speed limits at once, which play does not reach, it magnifies the
rounding of float32, and one in 200 of all possible states ends more than 1e-5 from Gymnasium's (at most 2e-4).
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

import math

import numpy as np

from envs.control.actions import best_of_three, wrapped
from envs.native import NativeEnv
from genomes.functions.elementary import clamp, cos, sin

__all__ = ["ACROBOT"]

TAU, HALF_TAU = np.float32(0.2), np.float32(0.1)  # s
SIXTH_TAU = np.float32(0.2 / 6.0)
MAX_SPIN_1, MAX_SPIN_2 = np.float32(4 * math.pi), np.float32(9 * math.pi)  # rad/s
# Both links have mass 1 kg, length 1 m, moment of inertia 1 kg m² and the centre of mass in the middle.
INERTIA_1, INERTIA_2 = np.float32(3.5), np.float32(1.25)
GRAVITY_1, GRAVITY_2 = np.float32(1.5 * 9.8), np.float32(0.5 * 9.8)
START, START_WIDTH = np.float32(-0.1), np.float32(0.2)
ZERO, HALF, ONE, TWO = np.float32(0.0), np.float32(0.5), np.float32(1.0), np.float32(2.0)
LIMIT = (1.0, 1.0, 1.0, 1.0, 4 * math.pi, 9 * math.pi)


def reset(randoms):
    a, b, c, d = randoms
    return START + START_WIDTH * a, START + START_WIDTH * b, START + START_WIDTH * c, START + START_WIDTH * d


def observe(state):
    first, second, spin_1, spin_2 = state
    return cos(first), sin(first), cos(second), sin(second), spin_1, spin_2


def accelerations(first, second, spin_1, spin_2, torque):
    """Of both angles, rad/s²."""
    cosine, sine = cos(second), sin(second)
    d1, d2 = INERTIA_1 + cosine, INERTIA_2 + HALF * cosine
    phi_2 = GRAVITY_2 * sin(first + second)
    phi_1 = phi_2 + GRAVITY_1 * sin(first) - HALF * sine * (spin_2 * spin_2 + TWO * (spin_2 * spin_1))
    share = d2 / d1
    rate_2 = (torque + share * phi_1 - HALF * sine * (spin_1 * spin_1) - phi_2) / (INERTIA_2 - share * d2)
    return -(d2 * rate_2 + phi_1) / d1, rate_2


def step(state, action):
    """One step of Runge-Kutta 4."""
    first, second, spin_1, spin_2 = state
    torque = np.float32(action) - ONE
    a1, a2 = accelerations(first, second, spin_1, spin_2, torque)
    v1, v2 = spin_1 + HALF_TAU * a1, spin_2 + HALF_TAU * a2
    b1, b2 = accelerations(first + HALF_TAU * spin_1, second + HALF_TAU * spin_2, v1, v2, torque)
    w1, w2 = spin_1 + HALF_TAU * b1, spin_2 + HALF_TAU * b2
    c1, c2 = accelerations(first + HALF_TAU * v1, second + HALF_TAU * v2, w1, w2, torque)
    x1, x2 = spin_1 + TAU * c1, spin_2 + TAU * c2
    d1, d2 = accelerations(first + TAU * w1, second + TAU * w2, x1, x2, torque)
    first = wrapped(first + SIXTH_TAU * (spin_1 + TWO * (v1 + w1) + x1))
    second = wrapped(second + SIXTH_TAU * (spin_2 + TWO * (v2 + w2) + x2))
    spin_1 = clamp(spin_1 + SIXTH_TAU * (a1 + TWO * (b1 + c1) + d1), -MAX_SPIN_1, MAX_SPIN_1)
    spin_2 = clamp(spin_2 + SIXTH_TAU * (a2 + TWO * (b2 + c2) + d2), -MAX_SPIN_2, MAX_SPIN_2)
    above = -cos(first) - cos(second + first) > ONE
    return (first, second, spin_1, spin_2), (ZERO if above else -ONE), above


ACROBOT = NativeEnv(
    id="Acrobot-v1",
    reset=reset,
    observe=observe,
    act=best_of_three,
    step=step,
    num_states=4,
    num_inputs=6,
    num_outputs=3,
    max_steps=500,
    actions=3,
    observations=(tuple(-v for v in LIMIT), LIMIT),
    gymnasium_id="Acrobot-v1",
    target=-100.0,
)
