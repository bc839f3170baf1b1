"""An environment as a few scalar functions, played by the rollout kernels and as a Gymnasium environment.

Read `NativeEnv`, then `envs.control.cartpole` for an example, `envs.rollout` for how whole populations play it. An
environment of your own is a declaration of ten to thirty lines::

    import numpy as np
    from envs import NativeEnv
    from experiments import evolve

    DT, LIMIT, ZERO, ONE, TWO = (np.float32(v) for v in (0.05, 2.0, 0.0, 1.0, 2.0))

    def reset(randoms):  # two numbers in [0, 1): place and speed, each in -1 .. 1
        place, speed = randoms
        return TWO * place - ONE, TWO * speed - ONE

    def observe(state):
        return state

    def act(outputs):  # one output: push left or right
        return np.int32(outputs[0] > ZERO)

    def step(state, action):  # a puck on ice, to be brought to rest at 0
        place, speed = state
        speed += DT if action == 1 else -DT
        place += DT * speed
        return (place, speed), ONE - abs(place), abs(place) > LIMIT

    PUCK = NativeEnv("Puck", reset, observe, act, step, num_states=2, num_inputs=2, num_outputs=1, max_steps=200,
                     actions=2, target=180.0)

    result = evolve(PUCK)

The state may hold any number of float32. `envs.gym.native.NativeGymEnv` (``NativeGymEnv(PUCK)``) is the same as a
Gymnasium environment. A function that cannot be compiled gives a `NativeEnvError` with its name, file and line.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from types import FunctionType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from envs.picture import Picture
    from genomes.networks import Networks

__all__ = ["NATIVE_ENVS", "NativeEnv", "NativeEnvError", "native_env"]

# id -> module:name of an environment, or of a function that makes one from keyword parameters
NATIVE_ENVS = {
    "CartPole-v1": "envs.control.cartpole:CARTPOLE",
    "MountainCar-v0": "envs.control.mountain_car:MOUNTAIN_CAR",
    "MountainCarContinuous-v0": "envs.control.mountain_car_continuous:MOUNTAIN_CAR_CONTINUOUS",
    "Acrobot-v1": "envs.control.acrobot:ACROBOT",
    "Pendulum-v1": "envs.control.pendulum:PENDULUM",
    "CartPoleSwingUp-v0": "envs.control.swing_up:SWING_UP",
    "MazeMedium-v0": "envs.control.maze:MAZE_MEDIUM",
    "MazeHard-v0": "envs.control.maze:MAZE_HARD",
    "SlimeVolley-v0": "envs.control.slime_volley:SLIME_VOLLEY",
    "SinglePole2008-v0": "envs.control.poles:single_pole_2008",
    "DoublePole2002-v0": "envs.control.poles:double_pole_2002",
    "DoublePole2008-v0": "envs.control.poles:double_pole_2008",
}


class NativeEnvError(TypeError):
    """A function of an environment cannot be compiled, or returns what it should not; the message says where."""


def _are_bounds(low: tuple[float, ...], high: tuple[float, ...]) -> bool:
    return len(low) == len(high) > 0 and all(a <= b for a, b in zip(low, high, strict=True))


@dataclass(frozen=True, eq=False)
class NativeEnv:
    """An environment declared by plain Python functions of float32 numbers, which Numba must be able to compile.

    They refer to ``math``, constants (``np.float32(0.5)``, as ``0.5 * x`` is float64) and other such functions.
    Conditional expressions in place of branches, and the functions of `genomes.functions.elementary`, let the rollout
    run many episodes in one vector register.

    Parameters
    ----------
    id : name of the environment.
    reset : ``reset(randoms) -> state``: a starting state from ``num_randoms`` independent uniforms in [0, 1).
    observe : ``observe(state) -> observation``: the ``num_inputs`` numbers that a network is given.
    act : ``act(outputs) -> action``: what the ``num_outputs`` outputs of a network mean; an integer, or a tuple of
        floats within the bounds of ``actions``.
    step : ``step(state, action) -> (state, reward, terminated)``.
    num_states, num_inputs, num_outputs : lengths of the tuples state, observation and outputs.
    max_steps : an episode that has not terminated is cut off here.
    actions : number of discrete actions, or a tuple (low, high) of tuples.
    num_randoms : uniforms that ``reset`` is given; default ``num_states``.
    observations : bounds (low, high) of the observation, a tuple of tuples; default infinite.
    gymnasium_id : the environment of Gymnasium that this one reproduces.
    target : score of a champion's check that counts as solved: a mean return, or what ``check`` gives.
    score : ``score(state, total, steps, recent) -> number``: fitness of an episode that ended in ``state`` after
        ``steps`` steps with the return ``total``. Default: the return.
    measure, window : ``measure(state) -> number``; ``recent`` is its sum over the last ``window`` steps.
    behaviour, num_behaviours : ``behaviour(state) -> tuple``: what an episode that ended in ``state`` amounts to, for
        novelty search.
    check : ``check(env, networks) -> score [P]``, not compiled: how champions are checked where fresh episodes say
        nothing, as every episode begins alike.
    picture : how it is drawn, for replays; see `envs.picture`.
    """

    id: str
    reset: Callable[..., Any]
    observe: Callable[..., Any]
    act: Callable[..., Any]
    step: Callable[..., Any]
    num_states: int
    num_inputs: int
    num_outputs: int
    max_steps: int
    actions: int | tuple[tuple[float, ...], tuple[float, ...]]
    num_randoms: int | None = None
    observations: tuple[tuple[float, ...], tuple[float, ...]] | None = None
    gymnasium_id: str | None = None
    target: float | None = None
    score: Callable[..., Any] | None = None
    measure: Callable[..., Any] | None = None
    window: int = 0
    behaviour: Callable[..., Any] | None = None
    num_behaviours: int = 0
    check: Callable[[NativeEnv, Networks], NDArray[Any]] | None = None
    picture: Picture | None = None

    def __post_init__(self) -> None:
        for name in ("num_states", "num_inputs", "num_outputs", "max_steps"):
            count = getattr(self, name)
            if not isinstance(count, int) or count < 1:
                raise ValueError(f"environment {self.id!r}: {name} must be a whole number of at least 1, got {count!r}")
        for name, given in self.functions.items():
            if not isinstance(given, FunctionType):
                raise NativeEnvError(f"environment {self.id!r}: {name} must be a plain function, got {given!r}")
        if not (self.actions >= 1 if isinstance(self.actions, int) else _are_bounds(*self.actions)):
            raise ValueError(
                f"environment {self.id!r}: actions must be a number of at least 1, or (low, high) of equal lengths "
                f"with low <= high, got {self.actions}"
            )
        if self.observations is not None and {len(bound) for bound in self.observations} != {self.num_inputs}:
            raise ValueError(
                f"environment {self.id!r}: observations must be (low, high), each of num_inputs={self.num_inputs}"
            )
        for function, length in (("measure", "window"), ("behaviour", "num_behaviours")):
            if (getattr(self, function) is None) != (getattr(self, length) < 1):
                raise ValueError(f"environment {self.id!r}: {function} and {length} (at least 1) go together")

    @property
    def randoms(self) -> int:
        """Number of uniforms that ``reset`` is given."""
        return self.num_states if self.num_randoms is None else self.num_randoms

    @property
    def observation_bounds(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Lowest and highest value of each observation."""
        return self.observations or ((-math.inf,) * self.num_inputs, (math.inf,) * self.num_inputs)

    @property
    def functions(self) -> dict[str, Callable[..., Any]]:
        """The functions by name, as the kernels are bound to them."""
        names = ("reset", "observe", "act", "step", "score", "measure", "behaviour")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}


def native_env(env_id: str, **parameters: Any) -> NativeEnv:
    """The native environment of this id.

    Parameters
    ----------
    parameters : of the environments that have any: ``velocities=False`` of the pole balancing ones.

    Raises
    ------
    KeyError : there is none; lists those that there are.
    ValueError : it has no such parameter, or one of another value than True and False.
    """
    if env_id not in NATIVE_ENVS:
        raise KeyError(f"no native environment {env_id!r}; there are {', '.join(sorted(NATIVE_ENVS))}")
    module, name = NATIVE_ENVS[env_id].split(":")
    found = getattr(import_module(module), name)
    if isinstance(found, NativeEnv):
        if parameters:
            raise ValueError(f"{env_id} has no parameter {next(iter(parameters))!r}")
        return found
    known = found.__wrapped__.__annotations__.keys() - {"return"}
    for key, value in parameters.items():
        if key not in known:
            raise ValueError(f"{env_id} has no parameter {key!r}; it has {', '.join(sorted(known))}")
        if not isinstance(value, bool):
            raise ValueError(f"{env_id}: {key} must be True or False, got {value!r}")
    env: NativeEnv = found(**parameters)
    return env
