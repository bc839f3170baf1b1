"""Small Gymnasium environments that behave well, badly, or strangely."""

from __future__ import annotations

import ctypes
import os
import time
from pathlib import Path

import gymnasium
import numpy as np
from gymnasium import spaces


class Line(gymnasium.Env):
    """A point on a line, pushed left or right; the start and the wind come from the seed. Ends beyond 3."""

    observation_space = spaces.Box(-np.inf, np.inf, (2,), np.float32)
    action_space = spaces.Discrete(2)
    length = 60

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.x, self.steps = float(self.np_random.uniform(-1, 1)), 0
        self.wind = float(self.np_random.uniform(-0.1, 0.1))
        return self.seen(), {}

    def seen(self):
        return np.array([self.x, self.wind], np.float32)

    def step(self, action):
        self.steps += 1
        self.x += self.wind + (0.2 if action else -0.2)
        return self.seen(), 1.0 - abs(self.x), abs(self.x) > 3, self.steps >= self.length, {}


class Remembering(Line):
    """Its reset keeps something of the episode before."""

    past = 0.0

    def reset(self, *, seed=None, options=None):
        self.past += 0.01
        return super().reset(seed=seed)

    def step(self, action):
        self.x += self.past
        return super().step(action)


class Endless(Line):
    """No limit of its own."""

    length = 10**9

    def step(self, action):
        return self.seen(), 1.0, False, False, {}


class Raising(Line):
    """Raises an exception where it should end."""

    def step(self, action):
        if self.x > 1.5:
            raise RuntimeError("the line is broken")
        return super().step(action)


class Exiting(Line):
    """Asks its process to end where it should end itself."""

    def step(self, action):
        if self.x > 1.5:
            raise SystemExit("the line has gone")
        return super().step(action)


class Narrow(Line):
    """Observes one number where its space has two."""

    def seen(self):
        return np.array([self.x], np.float32)


class Hanging(Line):
    """Never comes back from its first step; leaves its process's id."""

    def __init__(self, folder):
        self.folder = folder

    def step(self, action):
        Path(self.folder, f"{os.getpid()}.hangs").touch()
        time.sleep(600)


class Stuck(Line):
    """Never comes back from a step on the right, and holds Python's lock all the while."""

    def step(self, action):
        if self.x > 1.5:
            ctypes.PyDLL(None).sleep(600)
        return super().step(action)


class Sluggish(Line):
    """Each step on the right takes a while, none takes long."""

    def step(self, action):
        if self.x > 1.5:
            time.sleep(0.3)
        return super().step(action)


class Changed(Line):
    """Its reset and its step return what is given, in place of what they should."""

    def __init__(self, reset=None, step=None):
        self.returned_by_reset, self.returned_by_step = reset, step

    def reset(self, **options):
        usual = super().reset(**options)
        return usual if self.returned_by_reset is None else self.returned_by_reset(*usual)

    def step(self, action):
        usual = super().step(action)
        return usual if self.returned_by_step is None else self.returned_by_step(*usual)


class NotANumber(Line):
    """Rewards with NaN on the right, observes NaN on the left."""

    def step(self, action):
        observation, reward, *rest = super().step(action)
        if self.x < -1.5:
            observation[1] = np.nan
        return observation, np.nan if self.x > 1.5 else reward, *rest


class Deadly(Line):
    """Kills its process in mid-episode: once for each file that it can make in a folder, or always without a folder."""

    def __init__(self, folder=None):
        self.folder = folder

    def step(self, action):
        if self.steps == 10 and self.x > 1.0 and (self.folder is None or _first(Path(self.folder))):
            os.kill(os.getpid(), 9)
        return super().step(action)


def _first(folder):
    try:
        (folder / "died").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


class Slow(Line):
    """Long enough to be killed from outside; leaves a mark when it begins to step."""

    def __init__(self, folder):
        self.folder = folder

    def step(self, action):
        Path(self.folder, "playing").touch()
        time.sleep(0.002)
        return super().step(action)
