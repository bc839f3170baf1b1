"""A native environment as a Gymnasium environment."""

from __future__ import annotations

import math
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from envs.native import NativeEnv, native_env

__all__ = ["NativeGymEnv"]


class NativeGymEnv(gymnasium.Env[Any, Any]):
    """Steps the same scalar functions as the rollout kernels do, in plain Python.

    ``reset(options={"state": ...})`` starts from a given state. The time limit is Gymnasium's wrapper.

    Parameters
    ----------
    native : an environment, or the id of a registered one.
    render_mode : ``"human"`` (a window) or ``"rgb_array"``, where the environment has a picture; both need pygame.
    parameters : of the environment with that id, see `envs.native.native_env`.
    """

    metadata = {"render_modes": ["human", "rgb_array"], "render_fps": 50}  # noqa: RUF012  Gymnasium's own form

    def __init__(self, native: NativeEnv | str, render_mode: str | None = None, **parameters: Any) -> None:
        self.native = native_env(native, **parameters) if isinstance(native, str) else native
        picture = self.native.picture
        self.metadata = {"render_modes": []}
        if picture is not None:
            self.metadata = type(self).metadata | {"render_fps": picture.fps}
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            raise ValueError(f"{self.native.id} has no picture: render_mode must be None, got {render_mode!r}")
        self.render_mode = render_mode
        self._canvas: Any = None
        low, high = (np.array(bound, np.float32) for bound in self.native.observation_bounds)
        self.observation_space = spaces.Box(low, high, dtype=np.float32)
        actions = self.native.actions
        self.action_space: spaces.Space[Any]
        if isinstance(actions, int):
            self.action_space = spaces.Discrete(actions)
        else:
            low, high = (np.array(bound, np.float32) for bound in actions)
            self.action_space = spaces.Box(low, high, dtype=np.float32)
        self.state: tuple[np.float32, ...] | None = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start an episode, from ``options["state"]`` where it is given."""
        super().reset(seed=seed)
        given = (options or {}).get("state")
        if given is None:
            randoms = self.np_random.random(self.native.randoms, np.float32)
            given = self.native.reset(tuple(randoms))
        self.state = self._checked(given)
        self._show()
        return self._observation(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """One step; an action outside the action space is an error."""
        if self.state is None:
            raise RuntimeError("call reset before step")
        if not self.action_space.contains(action):
            raise ValueError(f"{self.native.id} has no action {action!r}; its actions are {self.action_space}")
        native_action = np.int32(action) if isinstance(self.native.actions, int) else _floats(action)
        with np.errstate(divide="ignore", invalid="ignore"):  # as in compiled code
            state, reward, terminated = self.native.step(self.state, native_action)
        self.state = _floats(state)
        self._show()
        return self._observation(), float(reward), bool(terminated), False, {}

    def render(self) -> Any:
        """The picture as an array [height, width, 3] of uint8; None where it is in a window."""
        if self.state is None:
            raise RuntimeError("call reset before render")
        return self._draw().array(self.state) if self.render_mode == "rgb_array" else None

    def close(self) -> None:
        """Close the window."""
        if self._canvas is not None:
            self._canvas.close()
            self._canvas = None

    def _show(self) -> None:
        if self.render_mode == "human":
            self._draw().show(self.state)

    def _draw(self) -> Any:
        from envs.gym.canvas import Canvas

        if self._canvas is None:
            assert self.native.picture is not None
            self._canvas = Canvas(self.native.picture, self.native.id if self.render_mode == "human" else None)
        return self._canvas

    def _checked(self, given: Any) -> tuple[np.float32, ...]:
        try:
            with np.errstate(over="ignore"):
                state = _floats(map(float, given))  # an array is no number, though np.float32 takes one
        except (TypeError, ValueError):
            state = ()
        if len(state) != self.native.num_states or not all(map(math.isfinite, state)):
            raise ValueError(f"a state of {self.native.id} is {self.native.num_states} finite numbers, got {given!r}")
        return state

    def _observation(self) -> Any:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.array(self.native.observe(self.state), np.float32)


def _floats(values: Any) -> tuple[np.float32, ...]:
    return tuple(np.float32(v) for v in values)
