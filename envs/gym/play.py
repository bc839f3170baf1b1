"""Episodes of many networks in one process: several environments advance together, one batched forward a step.

An environment whose episode ends takes the next episode at once. What an episode gives depends on its network and its
seed alone: not on what runs beside it, and not on what its environment has played before.
"""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.gym.answers import AnswerError, beginning, number, outcome, position_of_nan
from envs.gym.make import close, keeps_history
from envs.gym.spaces import ActionMap, ObservationMap, action_map, observation_map
from envs.mark import Mark
from genomes.lanes import Lanes
from genomes.networks import Networks
from genomes.scaling import Scaling

__all__ = ["Batch", "Played", "Player"]


@dataclass(frozen=True, eq=False)
class Batch:
    """B episodes to play."""

    networks: Networks
    network: NDArray[np.int64]  # [B] which network plays
    seed: NDArray[np.int64]  # [B] of the environment's reset
    scaling: Scaling | None = None
    give_up: int = 0  # an episode ends after so many steps without a new highest return; 0: never
    moments: bool = False  # whether to sum up the observations
    stop: bool = False  # whether an exception ends the batch


@dataclass(frozen=True, eq=False)
class Played:
    """What B episodes gave. The return is NaN where an observation, an output or a reward was not finite."""

    returns: NDArray[np.float64]  # [B] sum of rewards
    steps: NDArray[np.int64]  # [B]
    moments: NDArray[np.float64] | None = None  # [B, 1 + 2I] observations: count, sums, sums of squares
    errors: dict[int, str] = field(default_factory=dict)  # episode -> traceback of the environment's exception
    late: set[int] = field(default_factory=set)  # episodes that took longer than the time limit
    reasons: dict[int, str] = field(default_factory=dict)  # episode -> why its return is not finite


class Player:
    """Plays batches of episodes; its environments live from batch to batch.

    Parameters
    ----------
    make : makes an environment.
    rules : how outputs become actions, the arguments of `action_map`.
    lanes : environments that advance together.
    fresh : make a new environment for each episode; None: where `keeps_history` says so, found out by trying.
    time_limit : seconds that the environment may take for an episode; 0: there is no limit.
    """

    def __init__(
        self,
        make: Callable[[], Any],
        rules: tuple[str, ...],
        lanes: int,
        fresh: bool | None = None,
        time_limit: float = 0.0,
    ) -> None:
        self.make, self.rules, self.lanes, self.fresh = make, rules, lanes, fresh
        self.time_limit = time_limit or math.inf
        self._idle: list[tuple[Any, float]] = []
        self._maps: tuple[ObservationMap, ActionMap] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_idle": [], "_maps": None}  # environments stay where they were made

    def __call__(self, batch: Batch, mark: Mark | None = None) -> Played:
        """Play a batch; its episodes are the items of the mark."""
        mark = mark or Mark()
        if self.fresh is None:
            self.fresh = keeps_history(self.make, mark=mark)
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite fails its genome
            return _Game(self, batch, mark).played()

    def close(self) -> None:
        """Close the environments."""
        while self._idle:
            close(self._idle.pop()[0])

    def maps(self, env: Any) -> tuple[ObservationMap, ActionMap]:
        """Of the spaces of an environment, which are the same in all."""
        if self._maps is None:
            self._maps = observation_map(env.observation_space), action_map(env.action_space, *self.rules)
        return self._maps

    def take(self) -> tuple[Any, float]:
        """An environment for one episode, and the steps after which it is cut off."""
        return self._idle.pop() if self._idle else without_counters(self.make())

    def give(self, env: Any, limit: float, whole: bool) -> None:
        """Give an environment back, its episode over; one that has raised an exception is not used again."""
        if whole and not self.fresh:
            self._idle.append((env, limit))
        else:
            close(env)


@dataclass(slots=True)
class _Episode:
    """An episode on its way."""

    number: int
    env: Any
    limit: float
    total: float = 0.0
    steps: int = 0
    best: float = -math.inf  # highest return so far
    best_step: int = 0
    seconds: float = 0.0  # that the environment took


class _Game:
    """One batch on its way: lane l plays ``self.busy[l]``; the lanes behind it are empty."""

    def __init__(self, player: Player, batch: Batch, mark: Mark) -> None:
        size = len(batch.seed)
        self.player, self.batch, self.ended = player, batch, 0
        # Between two forwards the mark is at the episode whose environment was called last. Only with a time limit does
        # each step take the time.
        self.mark, self.item, self.timed = mark, mark.cells, player.time_limit < math.inf
        self.lanes = Lanes(batch.networks, min(player.lanes, max(size, 1)))
        self.seen = np.empty_like(self.lanes.inputs)  # observations, before scaling
        self.busy: list[_Episode] = []
        self.waiting = iter(range(size))
        self.write: Callable[[Any, Any], None] | None = None
        self.give_up = batch.give_up
        inputs = self.lanes.inputs.shape[1]
        moments = np.zeros((size, 1 + 2 * inputs)) if batch.moments else None
        self.result = Played(np.full(size, np.nan), np.zeros(size, np.int64), moments)

    def played(self) -> Played:
        while len(self.busy) < len(self.seen) and (episode := self._next(len(self.busy))) is not None:
            self.busy.append(episode)
        self.mark.end()
        while self.busy and not (self.batch.stop and (self.result.errors or self.result.late)):
            outputs = self._outputs(len(self.busy))
            sound = self._sound(outputs)
            actions = self.player.maps(self.busy[0].env)[1](outputs)
            self.mark.begin(self.busy[-1].number)
            for lane in range(len(self.busy) - 1, -1, -1):  # downwards: the lane that fills a gap has had its step
                if sound is None or sound[lane]:
                    self._step(lane, actions[lane])
                else:
                    self._end(lane, math.nan, reason=position_of_nan(self.seen[lane]))
            self.mark.end()
        for episode in self.busy:
            close(episode.env)
        return self.result

    def _outputs(self, count: int) -> NDArray[np.float32]:
        seen, scaling, moments = self.seen[:count], self.batch.scaling, self.result.moments
        if scaling is None:
            self.lanes.inputs[:count] = seen
        else:
            self.lanes.inputs[:count] = scaling(seen)
        if moments is not None:
            wide = seen.astype(np.float64)
            row = np.concatenate([np.ones((count, 1)), wide, wide * wide], axis=1)
            moments[[episode.number for episode in self.busy]] += row
        return self.lanes.forward(count)

    def _sound(self, outputs: NDArray[np.float32]) -> NDArray[np.bool_] | None:
        """Which lanes see and say numbers; None: all."""
        seen = self.seen[: len(outputs)]
        if math.isfinite(outputs.sum() + seen.sum()):  # so are all, then
            return None
        return np.asarray(np.isfinite(outputs).all(axis=1) & ~np.isnan(seen).any(axis=1))

    def _next(self, lane: int) -> _Episode | None:
        """The next episode, begun in a lane; None: there is none left."""
        for k in self.waiting:
            env, start = None, self.mark.begin(k)
            try:
                env, limit = self.player.take()
                observation = beginning(env.reset(seed=int(self.batch.seed[k])))
                self.write = self.player.maps(env)[0].write
                self.write(observation, self.seen[lane])
            except (Exception, SystemExit) as error:
                self.result.errors[k] = _text(error)
                if env is not None:
                    close(env)
                self._count()
                if self.batch.stop:
                    return None
            else:
                self.lanes.begin(lane, int(self.batch.network[k]))
                return _Episode(k, env, limit, seconds=time.monotonic() - start)
        return None

    def _step(self, lane: int, action: Any) -> None:
        episode = self.busy[lane]
        if self.timed:
            start = self.mark.begin(episode.number, episode.seconds)
        else:
            self.item[0] = episode.number
        try:
            returned = episode.env.step(action)
            try:
                observation, reward, terminated, truncated, _ = returned
                episode.total += float(reward)
            except (TypeError, ValueError):
                observation, reward, terminated, truncated = outcome(returned)
                episode.total += number(reward)
            episode.steps += 1
            over = terminated or truncated or episode.steps >= episode.limit
            over = over or (self.give_up and self._hopeless(episode))
            if not over:
                self.write(observation, self.seen[lane])  # type: ignore[misc]
        except (Exception, SystemExit) as error:
            self.result.errors[episode.number] = _text(error)
            self._end(lane, math.nan, whole=False)
            return
        if self.timed:
            episode.seconds += time.monotonic() - start
        if episode.seconds > self.player.time_limit:
            self.result.late.add(episode.number)
            self._end(lane, math.nan, whole=False)
        elif over or math.isnan(episode.total):
            reason = "" if math.isfinite(episode.total) else f"a reward was {reward}"
            self._end(lane, episode.total, reason=reason)

    def _hopeless(self, episode: _Episode) -> bool:
        if episode.total > episode.best:
            episode.best, episode.best_step = episode.total, episode.steps
        return episode.steps - episode.best_step >= self.give_up

    def _count(self) -> None:
        self.ended += 1
        self.mark.count(self.ended)

    def _end(self, lane: int, total: float, whole: bool = True, reason: str = "") -> None:
        """Note an episode that is over; its lane takes the next one, or where there is none the last lane's."""
        episode = self.busy[lane]
        self._count()
        if reason:
            self.result.reasons[episode.number] = f"{reason} at step {episode.steps}"
        self.result.returns[episode.number], self.result.steps[episode.number] = total, episode.steps
        self.player.give(episode.env, episode.limit, whole)
        following = self._next(lane)
        if following is not None:
            self.busy[lane] = following
            return
        last = len(self.busy) - 1
        if lane != last:
            self.lanes.move(last, lane)
            self.seen[lane] = self.seen[last]
            self.busy[lane] = self.busy[last]
        self.busy.pop()


def without_counters(env: Any) -> tuple[Any, float]:
    """An environment without Gymnasium's outer wrappers that count its steps and the order of calls, and its limit: at
    every step, theirs is a part of the cost that can be spared."""
    from gymnasium.wrappers import OrderEnforcing, TimeLimit

    limit = math.inf
    while type(env) in (OrderEnforcing, TimeLimit):
        limit = min(limit, getattr(env, "_max_episode_steps", math.inf))
        env = env.env
    return env, limit


def _text(error: BaseException) -> str:
    return str(error) if isinstance(error, AnswerError) else traceback.format_exc()
