"""Judge a network on fresh episodes of a real Gymnasium environment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.gym.make import close
from envs.gym.spaces import ActionMap

__all__ = ["Score", "judge", "play"]


@dataclass(frozen=True)
class Score:
    """Returns of the episodes."""

    mean: float
    std: float
    min: float
    max: float
    episodes: int


def judge(
    env: str | Callable[[], Any],
    network: Callable[[Any], Any],
    act: Callable[..., Any],
    episodes: int = 100,
    seed: int = 1,
    *,
    observe: Callable[[Any], Any] | None = None,
    fresh: bool = False,
) -> Score:
    """Play ``episodes`` episodes; equal arguments give an equal score.

    Parameters
    ----------
    env : an id of Gymnasium's, or what makes an environment.
    network : observation [I] to outputs [O]; its ``reset()``, where there is one, is called before each episode.
    act : tuple of outputs to action: an integer, or a tuple of floats (see `envs.native.NativeEnv`); or an `ActionMap`.
    seed : decides the seeds of all episodes.
    observe : observation to what the network is given, see `ObservationMap`; None: the observation itself.
    fresh : make a new environment for each episode, see `envs.gym.make.keeps_history`.
    """
    import gymnasium

    if episodes < 1:
        raise ValueError(f"episodes must be at least 1, got {episodes}")
    make = (lambda: gymnasium.make(env)) if isinstance(env, str) else env
    returns = np.zeros(episodes)
    world = make()
    try:
        for k, episode_seed in enumerate(episode_seeds(seed, episodes)):
            if fresh and k:
                close(world)
                world = make()
            returns[k] = play(world, network, act, episode_seed, observe)
    finally:
        close(world)
    return Score(float(returns.mean()), float(returns.std()), float(returns.min()), float(returns.max()), episodes)


def episode_seeds(seed: int, episodes: int) -> list[int]:
    """Seeds of the resets of the episodes of a test."""
    return [int(s) >> 1 for s in np.random.SeedSequence(seed).generate_state(episodes)]  # some take 31 bits


def play(
    env: Any,
    network: Callable[[Any], Any],
    act: Callable[..., Any],
    seed: int,
    observe: Callable[[Any], Any] | None = None,
    look: Callable[[float], Any] | None = None,
) -> float:
    """The return of one episode (see `judge`); ``look`` is called with the return so far before the first step and
    after each."""
    forget: Callable[[], None] = getattr(network, "reset", lambda: None)
    observation, _ = env.reset(seed=seed)
    forget()
    total, over = 0.0, False
    while True:
        if look is not None:
            look(total)
        if over:
            return total
        outputs = network(observation if observe is None else observe(observation))
        observation, reward, terminated, truncated, _ = env.step(action_of(act, outputs))
        total += float(reward)
        over = terminated or truncated


def action_of(act: Callable[..., Any], outputs: Any) -> Any:
    """What Gymnasium takes for an action."""
    if isinstance(act, ActionMap):
        row: NDArray[np.float32] = np.asarray(outputs, np.float32)[None]
        return act(row)[0]
    action = act(tuple(np.float32(v) for v in outputs))
    return np.array(action, np.float32) if isinstance(action, tuple) else int(action)
