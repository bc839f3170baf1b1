"""Any Gymnasium environment as a task: worker processes play the episodes of all genomes.

Networks cross to a worker once a generation, fitness comes back (`envs.gym.play` is what a worker does). Each episode
is reset with a seed of its own, a function of the run's seed, the generation and the episode, so that neither the
number of workers nor the order of episodes changes a result.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.fitness import FitnessError, check_time_limit, too_late
from envs.gym.jobs import EpisodeJobs
from envs.gym.make import TRIAL, EnvMaker, Factory, close
from envs.gym.play import Batch, Player
from envs.gym.scaling import SCALINGS, bounds_scaling, choose_scaling, running_scaling
from envs.gym.spaces import action_map, observation_map
from envs.mark import Doing, Mark, said
from envs.task import Key, Task, stored_timed_out
from envs.workers import WorkerError, WorkerPool, unsendable
from genomes.evaluation import Evaluation
from genomes.kernels.parallel import get_threads
from genomes.networks import Networks
from genomes.rng import random_bits
from genomes.scaling import Scaling
from genomes.stored import Stored

__all__ = ["FITNESS", "STARTS", "GymTask"]

# Purposes of random numbers
EPISODES, RECHECK, VALIDATION = 210, 211, 212

LANES = 16  # environments of a worker: enough to share the cost of a forward, few enough to stay in the caches
STARTS = ("common", "own")
FITNESS = ("mean", "min", "median", "quantile")
LARGEST = 3.5e38  # of a float32, and a little more
TRYING = "an episode with random actions, which tries the environment,"
PART = 5  # a check begins with one of so many parts of its episodes


class GymTask(Task):
    """Fitness is made of the returns of ``episodes`` episodes.

    Parameters
    ----------
    env : an environment's id, or a function without arguments that makes one.
    kwargs : for `gymnasium.make`, with an id.
    episodes : K, episodes of each genome in a generation.
    starts : ``"common"``: all genomes of a generation face the same episodes; ``"own"``: each its own.
    fitness : of K returns: ``"mean"``, ``"min"``, ``"median"`` or ``"quantile"``.
    quantile : between 0 and 1, for ``fitness="quantile"``.
    max_steps : an episode is cut off here; 0: at the environment's own limit, or 1,000 where it registers none.
    give_up : ends an episode of training after so many steps without a new highest return; 0: never.
    scaling : of observations. ``"none"``; ``"bounds"``: each bounded number to [-1, 1]; ``"running"``: by mean and
        standard deviation of all that was observed in generations before, clipped at 10 (see `absorb`); ``"auto"``:
        none where all bounds are within ±1, else running.
    action : how Box actions are made, see `envs.gym.spaces.action_map`.
    discrete : how a choice of two is made, see there, too.
    recheck : the best of a generation is chosen among so many by ``recheck_episodes`` further episodes; 0: by fitness.
    validation_episodes : fresh episodes that check a champion; a fifth of them ends the check of a network that reaches
        neither the target nor the champion's score (see `envs.task.Task.check`).
    target : mean return of the check that counts as solved; None: the environment's own threshold, if it has one.
    workers : processes; 0: play in this process; None: one a thread of `genomes.kernels.parallel.get_threads`. Never
        changes a result.
    on_error : ``"stop"``: an exception of an environment raises `FitnessError`; ``"worst"``: it fails that genome, and
        is kept in ``errors``.
    folder : where the module of the id ``module:Name-v0`` is looked for first; empty: on the search path alone.
    time_limit : seconds that the environment may take for one episode, in worker processes, which are ended then; 0:
        there is no limit. An episode that takes longer counts as an exception.

    Raises
    ------
    EnvError : the environment cannot be made.
    SpaceError : its spaces cannot be mapped.
    """

    episodes_change = True
    follows_device = False

    def __init__(
        self,
        env: str | Callable[[], Any],
        *,
        kwargs: dict[str, Any] | None = None,
        episodes: int = 5,
        starts: str = "common",
        fitness: str = "mean",
        quantile: float = 0.25,
        max_steps: int = 0,
        give_up: int = 0,
        scaling: str = "auto",
        action: str = "clip",
        discrete: str = "sign",
        recheck: int = 0,
        recheck_episodes: int = 20,
        validation_episodes: int = 100,
        target: float | None = None,
        workers: int | None = None,
        on_error: str = "stop",
        time_limit: float = 0.0,
        folder: str = "",
    ) -> None:
        choices = {"starts": (starts, STARTS), "fitness": (fitness, FITNESS), "scaling": (scaling, SCALINGS)}
        _check_choices(choices | {"on_error": (on_error, ("stop", "worst"))})
        counts = {"episodes": episodes, "recheck_episodes": recheck_episodes}
        _check_counts(counts | {"validation_episodes": validation_episodes})
        if not 0 <= quantile <= 1:
            raise ValueError(f"quantile must be between 0 and 1, got {quantile}")
        if isinstance(env, str):
            self.make: EnvMaker | Factory = EnvMaker(env, dict(kwargs or {}), max_steps, folder)
        else:
            self.make = Factory(env, max_steps)
        self.episodes, self.starts, self.fitness, self.quantile = episodes, starts, fitness, quantile
        self.give_up, self.scaling_kind, self.on_error = give_up, scaling, on_error
        self.action_rules = (action, discrete)
        self.recheck, self.recheck_episodes, self.validation_episodes = recheck, recheck_episodes, validation_episodes
        self.workers = workers
        self.time_limit = check_time_limit(time_limit, 1 if workers is None else workers)
        self.errors: list[str] = []  # one text for each genome that failed in the last evaluation
        probe = self.make()
        try:
            self.observations = observation_map(probe.observation_space)
            self.actions = action_map(probe.action_space, *self.action_rules)
            threshold = probe.spec.reward_threshold if probe.spec is not None else None
        finally:
            close(probe)
        if scaling == "auto":
            self.scaling_kind = choose_scaling(self.observations.low, self.observations.high)
        self.target = target if target is not None else threshold
        self.num_inputs, self.num_outputs = self.observations.size, self.actions.size
        self._moments = np.zeros(1 + 2 * self.num_inputs)  # all observations so far: count, sums, sums of squares
        self._fixed: Scaling | None = None  # see `fix_scaling`
        self._player: Player | None = None
        self._pool: WorkerPool | None = None
        self._jobs: EpisodeJobs | None = None  # of the evaluation under way
        self._mark = Mark()  # what this process is at
        self._checking = False

    def fix_scaling(self, scaling: Scaling | None) -> None:
        """Scale observations so from now on, whatever is observed."""
        self.scaling_kind, self._fixed = "fixed", scaling

    @property
    def notes(self) -> list[str]:
        """What was read off the environment, a line each."""
        scaling = {
            "none": "not scaled",
            "bounds": "scaled by their bounds",
            "running": "scaled by mean and deviation",
            "fixed": "scaled as the champion's are",
        }
        seen, episodes = self.observations, "1 episode" if self.episodes == 1 else f"{self.episodes} episodes"
        lines = [
            f"inputs: {seen.size}, observations, {scaling[self.scaling_kind]}",
            f"outputs: {self.actions.size}, {self.actions.meaning}",
            f"fitness: {self.fitness} return of {episodes}, "
            + ("the same for all genomes of a generation" if self.starts == "common" else "other ones for each genome"),
        ]
        if self.target is not None:
            lines.append(f"solved at a mean return of {self.target:g} over {self.validation_episodes} fresh episodes")
        return lines + [f"left out of what networks see: {entry}" for entry in seen.omitted]

    @property
    def scaling(self) -> Scaling | None:
        """How observations are scaled now."""
        if self.scaling_kind in ("none", "fixed"):
            return self._fixed
        bounds = bounds_scaling(self.observations.low, self.observations.high)
        return bounds if self.scaling_kind == "bounds" else running_scaling(self._moments, bounds)

    def evaluate(self, networks: Networks, key: Key) -> Evaluation:
        """Fitness of every network.

        Raises
        ------
        FitnessError : the environment raised an exception or took too long, and ``on_error`` is ``"stop"``.
        WorkerError : a worker process cannot be started.
        """
        self.errors = []
        seeds = self._seeds(key, EPISODES, self.episodes, len(networks))
        returns, steps, moments = self._play(networks, seeds, self.give_up, checks=False)
        extras = {} if moments is None else {"observations": moments}
        return dataclasses.replace(Evaluation.of(self._fitness(returns), steps), extras=extras)

    def reconsider(self, networks: Networks, key: Key) -> Evaluation:
        """Mean return of the best of a generation over further episodes, the same for all."""
        return self._mean(networks, self._seeds(key, RECHECK, self.recheck_episodes, len(networks), common=True))

    def validate(self, networks: Networks, key: Key) -> Evaluation:
        """Mean return over fresh episodes, other ones than `evaluate` gives for any key."""
        return self._mean(networks, self._validation_seeds(key, len(networks)))

    def check(self, networks: Networks, key: Key, held: float = math.nan) -> float:
        """As `envs.task.Task.check`; the part is the first fifth of the episodes."""
        first = self.validation_episodes // PART
        if math.isnan(held) or not first:
            return super().check(networks, key)
        seeds = self._validation_seeds(key, 1)
        early = self._play(networks, seeds[:, :first], 0)[0]
        score = float(early.mean())
        if not any(score >= bar for bar in (held, self.target) if bar is not None):
            return score
        return float(np.concatenate([early, self._play(networks, seeds[:, first:], 0)[0]], axis=1).mean())

    def memory(self, genomes: int) -> dict[str, float]:
        """A seed, a number, a return and steps for each episode, and what is observed where the scaling needs it."""
        each = 32 + (8 * (1 + 2 * self.num_inputs) if self.scaling_kind == "running" else 0)
        return {"episodes": each * genomes, "validation_episodes": each, "recheck_episodes": each * self.recheck}

    def absorb(self, evaluation: Evaluation) -> None:
        """Running scaling: take a generation's observations into account, in the genomes' order, for the next."""
        for row in evaluation.extras.get("observations", ()):
            if np.isfinite(row).all():
                self._moments = self._moments + row

    def activity(self) -> str:
        """How many episodes are played, and which genome's has run for longest."""
        jobs, pool, mark = self._jobs, self._pool, self._mark
        if jobs is None:
            return ""
        numbers: Any = jobs.batch.network
        doing = pool.doing() if pool is not None else []
        if self.workers == 0:
            doing = [Doing(np.arange(len(numbers)), *(mark.read() or (0, 0.0)), mark.done)]
        done = jobs.done + sum(one.done for one in doing)

        def name(one: Doing) -> str:
            job: Any = one.job
            if one.item == TRIAL:
                return TRYING
            return f"an episode of genome {numbers[job[one.item]]}"

        text = said(done, len(numbers), "episodes played", doing, name)
        return f"checking the best: {text}" if self._checking else text

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """What a checkpoint must keep."""
        state = {"observations": self._moments} if self.scaling_kind == "running" else {}
        return state | super().state_dict()

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Go on from a `state_dict`; ValueError where it is none."""
        given = Stored(state, {}, "task.")
        moments, timed_out = self._moments, stored_timed_out(given)
        if self.scaling_kind == "running":
            moments = given.finite("observations", np.float64, len(moments))
            count, sums, squares = moments[0], moments[1 : 1 + self.num_inputs], moments[1 + self.num_inputs :]
            possible = (np.abs(sums) <= count * LARGEST).all() and (squares <= count * LARGEST**2).all()
            if count < 0 or count % 1 or not possible or (squares < 0).any():
                raise given.fail("observations", "must be a count, sums, and sums of squares of so many float32")
        given.end()
        self._moments, self.timed_out = moments, timed_out

    def close(self) -> None:
        """End the worker processes."""
        if self._pool is not None:
            self._pool.close()
        if self._player is not None:
            self._player.close()
        self._pool = self._player = None

    @property
    def player(self) -> Player:
        """What plays in each worker."""
        if self._player is None:
            self._player = Player(self.make, self.action_rules, LANES, time_limit=self.time_limit)
        return self._player

    def _seeds(self, key: Key, purpose: int, episodes: int, genomes: int, common: bool = False) -> NDArray[np.int64]:
        """Seeds [P, K] of the environments' resets."""
        own = self.starts == "own" and not common
        index = (np.arange(1, genomes + 1) if own else np.zeros(genomes)).astype(np.uint32)
        draw = np.arange(episodes, dtype=np.uint32)
        with np.errstate(over="ignore"):
            bits: Any = random_bits(key[0], key[1], purpose, *np.broadcast_arrays(index[:, None], draw))[0]  # type: ignore[no-untyped-call]
        return np.asarray(bits >> np.uint32(1), np.int64)  # some environments take 31 bits

    def _validation_seeds(self, key: Key, genomes: int) -> NDArray[np.int64]:
        return self._seeds(key, VALIDATION, self.validation_episodes, genomes, common=True)

    def _mean(self, networks: Networks, seeds: NDArray[np.int64]) -> Evaluation:
        returns, steps, _ = self._play(networks, seeds, 0)
        return Evaluation.of(returns.mean(axis=1), steps)

    def _fitness(self, returns: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.fitness == "quantile":
            return np.quantile(returns, self.quantile, axis=1)
        judged: Any = {"mean": np.mean, "min": np.min, "median": np.median}[self.fitness]
        return np.asarray(judged(returns, axis=1))

    def _play(
        self, networks: Networks, seeds: NDArray[np.int64], give_up: int, checks: bool = True
    ) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64] | None]:
        """Returns [P, K], steps [P], and where the scaling wants them the observations' moments [P, 1 + 2I]."""
        size, episodes = seeds.shape
        numbers = np.repeat(np.arange(size), episodes)
        moments = self.scaling_kind == "running"
        batch = Batch(networks, numbers, seeds.ravel(), self.scaling, give_up, moments, self.on_error == "stop")
        workers = get_threads() if self.workers is None else self.workers
        self._jobs = jobs = EpisodeJobs(batch, max(workers, 1))
        self._checking = checks
        try:
            if workers == 0:
                self._mark.clear()
                jobs.add(np.arange(size * episodes), self.player(batch, self._mark))
            elif size * episodes:
                self._workers(workers).run(jobs, workers)
        finally:
            self._jobs = None
        self._report(jobs, size)
        sums = None if jobs.moments is None else jobs.moments.reshape(size, episodes, -1).sum(axis=1)
        return jobs.returns.reshape(size, episodes), jobs.steps.reshape(size, episodes).sum(axis=1), sums

    def _workers(self, workers: int) -> WorkerPool:
        if self._pool is None:
            try:
                self._pool = WorkerPool(self.player, workers, self.time_limit)
            except WorkerError:
                raise
            except Exception as error:
                made_by = self.make.make if isinstance(self.make, Factory) else self.make
                raise FitnessError(f"the factory {unsendable(made_by, error)}") from None
        return self._pool

    def _report(self, jobs: EpisodeJobs, size: int) -> None:
        for p in sorted(jobs.too_late):
            self._fail(too_late(f"genome {p}: an episode", self.time_limit))
            self.timed_out += 1
        for k in sorted(jobs.errors):
            self._fail(f"an episode of genome {jobs.batch.network[k]} failed:\n{jobs.errors[k].rstrip()}")
        if jobs.stuck:
            raise FitnessError(too_late(TRYING, self.time_limit))
        if jobs.broken:
            raise FitnessError(jobs.broken)
        if size > 1 and len(jobs.lost) == size:
            raise FitnessError("every worker process died at its episodes: the environment ends its process")
        self.errors += [f"genome {p}: its worker process died twice" for p in sorted(jobs.lost)]
        if self._checking:
            return
        reasons = {int(jobs.batch.network[k]): jobs.reasons[k] for k in sorted(jobs.reasons, reverse=True)}
        self.errors += [f"genome {p}: {reasons[p]} of an episode" for p in sorted(reasons)]

    def _fail(self, error: str) -> None:
        if self.on_error == "stop":
            raise FitnessError(error)
        self.errors.append(error)


def _check_choices(choices: Mapping[str, tuple[str, Sequence[str]]]) -> None:
    for name, (value, allowed) in choices.items():
        if value not in allowed:
            raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {value!r}")


def _check_counts(counts: Mapping[str, int]) -> None:
    for name, count in counts.items():
        if count < 1:
            raise ValueError(f"{name} must be at least 1, got {count}")
