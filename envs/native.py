"""An environment as four scalar functions, played by the rollout kernels and as a Gymnasium environment.

Read `NativeEnv`, then `envs.control.cartpole` for an example, `envs.rollout` for how whole populations play it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

__all__ = ["NATIVE_ENVS", "NativeEnv", "NativeEnvError", "native_env"]

NATIVE_ENVS = {"CartPole-v1": "envs.control.cartpole:CARTPOLE"}  # id -> module:name


class NativeEnvError(TypeError):
    """A function of an environment cannot be compiled, or returns what it should not; the message says where."""


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
    observation_limit : largest size of each observation; default infinite.
    gymnasium_id : the environment of Gymnasium that this one reproduces.
    target : mean return that counts as solved.
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
    observation_limit: tuple[float, ...] | None = None
    gymnasium_id: str | None = None
    target: float | None = None

    def __post_init__(self) -> None:
        for name in ("num_states", "num_inputs", "num_outputs", "max_steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"environment {self.id!r}: {name} must be at least 1, got {getattr(self, name)}")
        if self.observation_limit is not None and len(self.observation_limit) != self.num_inputs:
            raise ValueError(
                f"environment {self.id!r}: observation_limit must hold num_inputs={self.num_inputs} numbers"
            )

    @property
    def randoms(self) -> int:
        """Number of uniforms that ``reset`` is given."""
        return self.num_states if self.num_randoms is None else self.num_randoms

    @property
    def observation_high(self) -> tuple[float, ...]:
        """Largest size of each observation."""
        return self.observation_limit or (math.inf,) * self.num_inputs

    @property
    def functions(self) -> dict[str, Callable[..., Any]]:
        """The four functions by name, as the kernels are bound to them."""
        return {"reset": self.reset, "observe": self.observe, "act": self.act, "step": self.step}


def native_env(env_id: str) -> NativeEnv:
    """The native environment of this id; `KeyError` lists those that there are."""
    if env_id not in NATIVE_ENVS:
        raise KeyError(f"no native environment {env_id!r}; there are {', '.join(sorted(NATIVE_ENVS))}")
    module, name = NATIVE_ENVS[env_id].split(":")
    env: NativeEnv = getattr(import_module(module), name)
    return env
