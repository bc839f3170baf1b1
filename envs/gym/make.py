"""Environments by id or by a user's factory: made in any process, with a step limit, and with clear errors."""

from __future__ import annotations

import contextlib
import difflib
import importlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import numpy as np

from envs.gym.spaces import observation_map
from envs.mark import Mark
from envs.own import import_own, importing_from
from envs.workers import alone

__all__ = [
    "STEP_LIMIT",
    "TRIAL",
    "EnvError",
    "EnvMaker",
    "Factory",
    "close",
    "depends_on_seed",
    "keeps_history",
    "nearest_ids",
    "tried",
]

STEP_LIMIT = 1000  # where an environment registers none, as CliffWalking-v1
PACKAGES = {"ALE/": "ale_py", "MiniGrid-": "minigrid", "BabyAI-": "minigrid"}  # register on import: id -> module
EXTRAS = {"box2d": "box2d", "mujoco": "mujoco", "ale_py": "atari"}  # part of an entry point's module -> our extra
KEEP_HISTORY = ("gymnasium.envs.box2d.bipedal_walker", "gymnasium.envs.box2d.car_racing")  # they keep their b2World
PROBE_STEPS = 200
TRIAL = -1  # item of a mark: an episode with random actions that tries an environment


class EnvError(ValueError):
    """An environment cannot be made; the message says why, and what would help."""


@dataclass(frozen=True)
class EnvMaker:
    """Makes an environment by its id.

    Parameters
    ----------
    env_id : as Gymnasium has it, also ``module:EnvId-v0``; packages that register on import are imported.
    kwargs : for `gymnasium.make`. Atari observes its RAM unless they say otherwise.
    max_steps : an episode is cut off here; 0: at the environment's own limit, or `STEP_LIMIT` where it has none.
    folder : where the module is looked for first; empty: on the search path alone.
    """

    env_id: str
    kwargs: dict[str, Any] = field(default_factory=dict)
    max_steps: int = 0
    folder: str = ""

    @cached_property
    def full_id(self) -> str:
        """The id, with the module that registers it where that is known."""
        module = next((module for start, module in PACKAGES.items() if self.env_id.startswith(start)), None)
        return f"{module}:{self.env_id}" if module else self.env_id

    def __call__(self, render_mode: str | None = None) -> Any:
        """A new environment.

        Raises
        ------
        EnvError : there is none of this id, a package is missing, or the arguments are wrong.
        """
        arguments = ({"obs_type": "ram"} if self.full_id.startswith("ale_py:") else {}) | self.kwargs
        if render_mode is not None:
            arguments["render_mode"] = render_mode
        module, _, name = self.full_id.rpartition(":")
        found = importing_from(self.folder, module) if self.folder else contextlib.nullcontext()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                with found:
                    return self._made(module, name, arguments)
            except Exception as error:
                raise self._explained(error) from error

    def _made(self, module: str, name: str, arguments: dict[str, Any]) -> Any:
        import gymnasium

        if self.folder:
            import_own(module, self.folder)
        elif module:
            importlib.import_module(module)
        spec = gymnasium.spec(name)
        _hush(f"{spec.entry_point}")
        limit = self.max_steps or spec.max_episode_steps or STEP_LIMIT
        return gymnasium.make(name, max_episode_steps=limit, disable_env_checker=True, **arguments)

    def _explained(self, error: Exception) -> EnvError:
        import gymnasium

        unknown = (gymnasium.error.UnregisteredEnv, gymnasium.error.DeprecatedEnv)
        if isinstance(error, gymnasium.error.DependencyNotInstalled | ModuleNotFoundError):
            extra, missing = self._extra(), getattr(error, "name", None)
            advice = f'; install the extra: pip install "speciate[{extra}]"' if extra else ""
            if not extra and missing in PACKAGES.values():
                advice = f": pip install {missing}"
            return EnvError(f"{self.env_id}: {_line(error)}{advice}")
        if isinstance(error, unknown) or type(error) is gymnasium.error.Error:
            near = nearest_ids(self.env_id)
            hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else f": {_line(error)}"
            return EnvError(f"there is no environment {self.env_id!r}{hint}")
        return EnvError(f"{self.env_id} cannot be made: {type(error).__name__}: {_line(error)}")

    def _extra(self) -> str | None:
        import gymnasium

        spec = gymnasium.registry.get(self.env_id)
        place = f"{spec.entry_point if spec else ''} {self.full_id}"
        return next((extra for part, extra in EXTRAS.items() if part in place), None)


@dataclass(frozen=True)
class Factory:
    """A user's factory of environments, with the step limit (see `EnvMaker`)."""

    make: Callable[[], Any]
    max_steps: int = 0

    def __call__(self, render_mode: str | None = None) -> Any:
        """A new environment. `EnvError` when the factory makes something else."""
        import gymnasium

        env = self.make() if render_mode is None else self.make(render_mode=render_mode)  # type: ignore[call-arg]
        if not isinstance(env, gymnasium.Env):
            raise EnvError(f"the factory must make a gymnasium.Env, it made {type(env).__name__}")
        registered = env.spec.max_episode_steps if env.spec is not None else None
        limit = self.max_steps or (0 if registered else STEP_LIMIT)
        return gymnasium.wrappers.TimeLimit(env, limit) if limit else env


def close(env: Any) -> None:
    """Close an environment, whatever state it is in."""
    with contextlib.suppress(Exception):  # its episode has been judged: nothing hangs on it any more
        env.close()


def nearest_ids(env_id: str, count: int = 3) -> list[str]:
    """Registered ids that resemble one that is not, best first."""
    import gymnasium

    ids = list(gymnasium.registry)
    near = difflib.get_close_matches(env_id, ids, count, 0.6)
    if not near:
        lower = {name.lower(): name for name in ids}
        near = [lower[name] for name in difflib.get_close_matches(env_id.lower(), lower, count, 0.6)]
    return near


def keeps_history(make: Callable[[], Any], seed: int = 1, mark: Mark | None = None) -> bool:
    """Whether an episode depends on what its environment has played before, although its reset was given a seed.

    Plays the same episode in a new environment and again after another one. Some environments whose difference can
    take long to show are known by name. Each of these episodes is item `TRIAL` of the mark.
    """
    mark = mark or Mark()
    env = make()
    try:
        entry = str(env.unwrapped.spec.entry_point) if env.unwrapped.spec is not None else ""
        if entry.startswith(KEEP_HISTORY) or type(env.unwrapped).__module__.startswith(KEEP_HISTORY):
            return True
        first = _trace(env, seed, mark)
        _trace(env, seed + 1, mark)
        return not np.array_equal(first, _trace(env, seed, mark), equal_nan=True)
    finally:
        close(env)


def depends_on_seed(make: Callable[[], Any], mark: Mark | None = None) -> bool:
    """Whether episodes with equal actions and different seeds differ. Each is item `TRIAL` of the mark."""
    mark = mark or Mark()
    env = make()
    try:
        return not np.array_equal(_trace(env, 1, mark), _trace(env, 2, mark), equal_nan=True)
    finally:
        close(env)


def tried(make: Callable[[], Any], time_limit: float = 0.0) -> bool:
    """`depends_on_seed`, found out in a process of its own, which some environments end; True where it does so when it
    is played, or where an episode takes longer than the time limit. What raises an exception there is tried again here.

    Raises
    ------
    EnvError : the process ends when the environment is made.
    WorkerError : there can be no such process.
    """
    try:
        answer = alone(partial(depends_on_seed, make), time_limit)
    except TimeoutError:
        return True  # the workers that play it will say more
    except ChildProcessError:
        answer = {"value": True}  # as above
        try:
            alone(lambda mark: make().close())
        except ChildProcessError:
            raise EnvError("the process in which it is made ends: the environment exits, or crashes") from None
    return depends_on_seed(make) if "error" in answer else bool(answer["value"])


def _trace(env: Any, seed: int, mark: Mark) -> Any:
    """Observations and rewards of an episode with random actions, to its end or to an exception."""
    seen = observation_map(env.observation_space)
    env.action_space.seed(1)
    rows = []
    mark.begin(TRIAL)
    with contextlib.suppress(Exception, SystemExit):  # an evaluation that meets it will say so
        observation, _ = env.reset(seed=seed)
        rows.append(np.append(seen(observation).astype(np.float64), 0.0))
        for _ in range(PROBE_STEPS):
            observation, reward, terminated, truncated, _ = env.step(env.action_space.sample())
            rows.append(np.append(seen(observation).astype(np.float64), float(reward)))
            if terminated or truncated:
                break
    mark.end()
    return np.array(rows)


def _hush(entry_point: str) -> None:
    """Simulators that speak to standard error, or into a file of the working folder, from every process."""
    with contextlib.suppress(ImportError, AttributeError):
        if "mujoco" in entry_point:
            importlib.import_module("mujoco").set_mju_user_warning(lambda text: None)
        elif "ale_py" in entry_point:
            atari = importlib.import_module("ale_py")
            atari.ALEInterface.setLoggerMode(atari.LoggerMode.Error)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
