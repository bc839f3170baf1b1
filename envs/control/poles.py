"""One or two poles on a cart, balanced for 100,000 steps of 0.02 s, in the protocols of the literature.

Motion: Wieland, IJCNN 1991, as in Gomez, Schmidhuber & Miikkulainen, JMLR 9:937-965, 2008, appendix A, by Runge-Kutta 4
with 0.01 s, two steps an action. The state is x, x's velocity, and angle and angular velocity of each pole (m, rad, s).

- ``DoublePole2002-v0``, Stanley & Miikkulainen, Evolutionary Computation 10(2), 2002, section 4, with the constants of
  the authors' code: the long pole starts at 0.07 rad, no friction of the cart, an output of 0 .. 1 pushes with
  (output - 0.5) 20 N. Without velocities the fitness is Gruau's, of runs of 1,000 steps, and solved means: 100,000
  steps, and 200 of the 625 starts of the generalisation test.
- ``DoublePole2008-v0``, ``SinglePole2008-v0``, Gomez et al. 2008: the long pole starts at 4 degrees, friction of the
  cart 0.0005, an output of -1 .. 1 pushes with 10 N. ``damping=True`` (the default where velocities are hidden) takes
  the fitness that punishes swinging, which counts from 100 steps on.

A pole falls at 36 degrees; the single pole at 12.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from envs.control.actions import within_one
from envs.native import NativeEnv
from envs.picture import Picture, cart_and_poles
from genomes.functions.elementary import cos, sin

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from genomes.networks import Networks

__all__ = ["double_pole_2002", "double_pole_2008", "generalisation", "single_pole_2008"]

LONG_TRIAL, SHORT_TRIAL = 100_000, 1_000  # steps
GENERALISED = 200.0  # starts of 625
RECENT = 100  # steps over which swinging is summed

GRAVITY = np.float32(9.8)  # m/s²
MASS_1, MASS_2 = np.float32(0.1), np.float32(0.01)  # kg; the cart has 1 kg
LENGTH_1, LENGTH_2 = np.float32(0.5), np.float32(0.05)  # m, half of the pole
FRICTION_1, FRICTION_2 = np.float32(2e-6 / (0.1 * 0.5)), np.float32(2e-6 / (0.01 * 0.05))  # of the hinge, by m l
CART_FRICTION = np.float32(0.0005)
FORCE = np.float32(10.0)  # N
TAU, HALF_TAU, SIXTH_TAU = np.float32(0.01), np.float32(0.005), np.float32(0.01 / 6.0)  # s
X_LIMIT = np.float32(2.4)  # m
ANGLE_LIMIT, NARROW_LIMIT = np.float32(math.radians(36)), np.float32(math.radians(12))
ZERO, ONE, TWO, HALF, THREE_QUARTERS = (np.float32(v) for v in (0.0, 1.0, 2.0, 0.5, 0.75))
# Inputs as the authors' code scales them
X_SCALE, ANGLE_SCALE = np.float32(1 / 4.8), np.float32(1 / 0.52)
TENTH, NINE_TENTHS, THOUSANDTH = np.float32(0.1), np.float32(0.9), np.float32(0.001)


def pole(angle, spin, mass, length, friction):
    """Sine part, force on the cart and effective mass of a pole, and its friction."""
    cosine, sine = cos(angle), sin(angle)
    rubbing = friction * spin
    pull = THREE_QUARTERS * mass * cosine * (rubbing - GRAVITY * sine)
    return (
        cosine,
        GRAVITY * sine - rubbing,
        mass * length * (spin * spin) * sine + pull,
        mass * (ONE - THREE_QUARTERS * (cosine * cosine)),
    )


def two_poles(state, force, cart_friction):
    """Time derivatives of the velocities."""
    _, velocity, angle_1, spin_1, angle_2, spin_2 = state
    cos_1, fall_1, force_1, mass_1 = pole(angle_1, spin_1, MASS_1, LENGTH_1, FRICTION_1)
    cos_2, fall_2, force_2, mass_2 = pole(angle_2, spin_2, MASS_2, LENGTH_2, FRICTION_2)
    drag = cart_friction if velocity > ZERO else (-cart_friction if velocity < ZERO else ZERO)
    rate = (force - drag + force_1 + force_2) / (ONE + mass_1 + mass_2)
    return (
        rate,
        THREE_QUARTERS / LENGTH_1 * (fall_1 - rate * cos_1),
        THREE_QUARTERS / LENGTH_2 * (fall_2 - rate * cos_2),
    )


def advanced(state, speeds, rates, time):
    """The state when speeds and accelerations have acted for a time."""
    x, velocity, angle_1, spin_1, angle_2, spin_2 = state
    return (
        x + time * speeds[0],
        velocity + time * rates[0],
        angle_1 + time * speeds[1],
        spin_1 + time * rates[1],
        angle_2 + time * speeds[2],
        spin_2 + time * rates[2],
    )


def speeds_of(state):
    return state[1], state[3], state[5]


def mean_slope(a, b, c, d):
    """Six times the weighted mean of Runge-Kutta 4's four slopes."""
    return (
        a[0] + TWO * (b[0] + c[0]) + d[0],
        a[1] + TWO * (b[1] + c[1]) + d[1],
        a[2] + TWO * (b[2] + c[2]) + d[2],
    )


def runge_kutta(state, force, cart_friction):
    """The state 0.01 s later."""
    a = two_poles(state, force, cart_friction)
    second = advanced(state, speeds_of(state), a, HALF_TAU)
    b = two_poles(second, force, cart_friction)
    third = advanced(state, speeds_of(second), b, HALF_TAU)
    c = two_poles(third, force, cart_friction)
    fourth = advanced(state, speeds_of(third), c, TAU)
    d = two_poles(fourth, force, cart_friction)
    speeds = mean_slope(speeds_of(state), speeds_of(second), speeds_of(third), speeds_of(fourth))
    return advanced(state, speeds, mean_slope(a, b, c, d), SIXTH_TAU)


def moved(state, action, cart_friction):
    """The state after an action, and whether cart or poles have left their limits."""
    force = FORCE * within_one(action[0])
    state = runge_kutta(runge_kutta(state, force, cart_friction), force, cart_friction)
    x, _, angle_1, _, angle_2, _ = state
    return state, (abs(x) > X_LIMIT) | (abs(angle_1) > ANGLE_LIMIT) | (abs(angle_2) > ANGLE_LIMIT)


def step_2002(state, action):
    state, lost = moved(state, action, ZERO)
    return state, ONE, lost


def step_2008(state, action):
    state, lost = moved(state, action, CART_FRICTION)
    return state, ONE, lost


def step_single(state, action):
    """The second pole stands still, without weight on the cart."""
    force = FORCE * within_one(action[0])
    state = single_runge_kutta(single_runge_kutta(state, force), force)
    x, _, angle, _ = state
    return state, ONE, (abs(x) > X_LIMIT) | (abs(angle) > NARROW_LIMIT)


def one_pole(state, force):
    """Time derivatives of the velocities."""
    _, velocity, angle, spin = state
    cosine, fall, pull, mass = pole(angle, spin, MASS_1, LENGTH_1, FRICTION_1)
    drag = CART_FRICTION if velocity > ZERO else (-CART_FRICTION if velocity < ZERO else ZERO)
    rate = (force - drag + pull) / (ONE + mass)
    return rate, THREE_QUARTERS / LENGTH_1 * (fall - rate * cosine)


def single_runge_kutta(state, force):
    """The state 0.01 s later."""
    x, v, angle, spin = state
    a, e = one_pole(state, force)
    v_2, spin_2 = v + HALF_TAU * a, spin + HALF_TAU * e
    b, f = one_pole((x, v_2, angle + HALF_TAU * spin, spin_2), force)
    v_3, spin_3 = v + HALF_TAU * b, spin + HALF_TAU * f
    c, g = one_pole((x, v_3, angle + HALF_TAU * spin_2, spin_3), force)
    v_4, spin_4 = v + TAU * c, spin + TAU * g
    d, h = one_pole((x, v_4, angle + TAU * spin_3, spin_4), force)
    return (
        x + SIXTH_TAU * (v + TWO * (v_2 + v_3) + v_4),
        v + SIXTH_TAU * (a + TWO * (b + c) + d),
        angle + SIXTH_TAU * (spin + TWO * (spin_2 + spin_3) + spin_4),
        spin + SIXTH_TAU * (e + TWO * (f + g) + h),
    )


START_2002 = (ZERO, ZERO, np.float32(0.07), ZERO, ZERO, ZERO)
START_2008 = (ZERO, ZERO, np.float32(math.radians(4)), ZERO, ZERO, ZERO)


def reset_2002(randoms):
    return START_2002


def reset_2008(randoms):
    return START_2008


def reset_single(randoms):
    return START_2008[:4]


def see_all(state):
    x, velocity, angle_1, spin_1, angle_2, spin_2 = state
    slow_1, slow_2 = HALF * spin_1, HALF * spin_2
    return X_SCALE * x, HALF * velocity, ANGLE_SCALE * angle_1, slow_1, ANGLE_SCALE * angle_2, slow_2


def see_places(state):
    return X_SCALE * state[0], ANGLE_SCALE * state[2], ANGLE_SCALE * state[4]


def see_one(state):
    x, velocity, angle, spin = state
    return X_SCALE * x, HALF * velocity, ANGLE_SCALE * angle, HALF * spin


def see_one_place(state):
    return X_SCALE * state[0], ANGLE_SCALE * state[2]


def act_2002(outputs):
    return (within_one(TWO * outputs[0] - ONE),)


def act_2008(outputs):
    return (within_one(outputs[0]),)


def swinging(state):
    """What Gruau's fitness and damping punish: |x| + its velocity + |angle| + its velocity, of the long pole."""
    return abs(state[0]) + abs(state[1]) + abs(state[2]) + abs(state[3])


def gruau(state, total, steps, recent):
    """0.1 t/1000 + 0.9 (0.75 / swinging in the last 100 steps), the latter 0 below 100 steps (Gruau et al. 1996)."""
    calm = THREE_QUARTERS / recent if steps >= RECENT else ZERO
    return TENTH * (THOUSANDTH * np.float32(steps)) + NINE_TENTHS * calm


@cache
def limited(env: NativeEnv, max_steps: int) -> NativeEnv:
    """The environment with other lengths of episodes; the same object each time, as kernels are bound to it."""
    return replace(env, max_steps=max_steps)


def long_trial(env: NativeEnv, networks: Networks) -> NDArray[np.float32]:
    """Steps balanced [P], of 100,000."""
    from envs.rollout import rollout, starting_states

    return rollout(limited(env, LONG_TRIAL), networks, starting_states(env, (0, 0), 0, 1)).returns[:, 0]


def generalisation(env: NativeEnv, networks: Networks) -> NDArray[np.int64]:
    """How many [P] of Gruau's 625 starts are balanced for 1,000 steps."""
    from envs.rollout import rollout

    places = (0.05, 0.25, 0.5, 0.75, 0.95)
    widths = (2.16, 1.35, math.radians(3.6), math.radians(8.6))
    grid = itertools.product(*([width * (2 * p - 1) for p in places] for width in widths))
    starts = np.array([(*start, 0.0, 0.0) for start in grid], np.float32)
    steps = rollout(limited(env, SHORT_TRIAL), networks, starts).steps
    passed: NDArray[np.int64] = (steps == SHORT_TRIAL).sum(axis=1)
    return passed


def gruau_test(env: NativeEnv, networks: Networks) -> NDArray[np.float64]:
    """Starts [P] of 625 that a network masters which balances 100,000 steps; others get less than 1."""
    balanced = long_trial(env, networks)
    score = balanced / np.float64(LONG_TRIAL + 1)
    able = balanced == LONG_TRIAL
    if able.any():
        score[able] = np.maximum(1, generalisation(env, networks)[able])
    return score


def draw(state):
    """One pole or two, in their whole length."""
    poles = zip(state[2::2], (float(TWO * LENGTH_1), float(TWO * LENGTH_2)), strict=False)
    return cart_and_poles(state[0], list(poles), float(X_LIMIT))


PICTURE = Picture(draw, (-2.6, -0.3), (2.6, 1.5), fps=50.0)


@cache
def double_pole_2002(velocities: bool = True) -> NativeEnv:
    """Stanley & Miikkulainen 2002; see the module."""
    task: dict[str, Any] = {"score": gruau, "measure": swinging, "window": RECENT, "check": gruau_test}
    return NativeEnv(
        id="DoublePole2002-v0",
        reset=reset_2002,
        observe=see_all if velocities else see_places,
        act=act_2002,
        step=step_2002,
        num_states=6,
        num_inputs=6 if velocities else 3,
        num_outputs=1,
        picture=PICTURE,
        max_steps=LONG_TRIAL if velocities else SHORT_TRIAL,
        actions=((-1.0,), (1.0,)),
        target=LONG_TRIAL if velocities else GENERALISED,
        **({"check": long_trial} if velocities else task),
    )


@cache
def double_pole_2008(velocities: bool = True, damping: bool | None = None) -> NativeEnv:
    """Gomez et al. 2008; see the module. ``damping`` is for hidden velocities, where it is the default."""
    damping = not velocities if damping is None else damping
    fitness: dict[str, Any] = {"score": gruau, "measure": swinging, "window": RECENT} if damping else {}
    return NativeEnv(
        id="DoublePole2008-v0",
        reset=reset_2008,
        observe=see_all if velocities else see_places,
        act=act_2008,
        step=step_2008,
        num_states=6,
        num_inputs=6 if velocities else 3,
        num_outputs=1,
        picture=PICTURE,
        max_steps=SHORT_TRIAL if damping else LONG_TRIAL,
        actions=((-1.0,), (1.0,)),
        target=LONG_TRIAL,
        check=long_trial,
        **fitness,
    )


@cache
def single_pole_2008(velocities: bool = True) -> NativeEnv:
    """Gomez et al. 2008 with the long pole only; see the module."""
    return NativeEnv(
        id="SinglePole2008-v0",
        reset=reset_single,
        observe=see_one if velocities else see_one_place,
        act=act_2008,
        step=step_single,
        num_states=4,
        num_inputs=4 if velocities else 2,
        num_outputs=1,
        picture=PICTURE,
        max_steps=LONG_TRIAL,
        actions=((-1.0,), (1.0,)),
        target=LONG_TRIAL,
        check=long_trial,
    )
