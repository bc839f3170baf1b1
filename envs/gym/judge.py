"""Judge a network on fresh episodes of a real Gymnasium environment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Score", "judge"]


@dataclass(frozen=True)
class Score:
    """Returns of the episodes."""

    mean: float
    std: float
    min: float
    max: float
    episodes: int


def judge(
    env_id: str,
    network: Callable[[Any], Any],
    act: Callable[..., Any],
    episodes: int = 100,
    seed: int = 1,
) -> Score:
    """Play ``episodes`` episodes of Gymnasium's environment ``env_id``; equal arguments give an equal score.

    Parameters
    ----------
    network : observation [I] to outputs [O]; its ``reset()``, where there is one, is called before each episode.
    act : tuple of outputs to action: an integer, or a tuple of floats (see `envs.native.NativeEnv`).
    seed : decides the seeds of all episodes.
    """
    import gymnasium

    if episodes < 1:
        raise ValueError(f"episodes must be at least 1, got {episodes}")
    forget: Callable[[], None] = getattr(network, "reset", lambda: None)
    env = gymnasium.make(env_id)
    returns = np.zeros(episodes)
    try:
        for k, episode_seed in enumerate(np.random.SeedSequence(seed).generate_state(episodes)):
            observation, _ = env.reset(seed=int(episode_seed))
            forget()
            over = False
            while not over:
                outputs = tuple(np.float32(v) for v in network(observation))
                observation, reward, terminated, truncated, _ = env.step(as_action(act(outputs)))
                returns[k] += float(reward)
                over = terminated or truncated
    finally:
        env.close()
    return Score(float(returns.mean()), float(returns.std()), float(returns.min()), float(returns.max()), episodes)


def as_action(action: Any) -> Any:
    """What Gymnasium takes for an action of a native environment."""
    return np.array(action, np.float32) if isinstance(action, tuple) else int(action)
