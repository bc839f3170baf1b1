"""A run and its folder: begun, recorded, checkpointed, resumed, summed up."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from envs.task import Task
from experiments.champion import Champion
from experiments.checkpoint import Checkpoint, CheckpointError, last_checkpoint, write_checkpoint
from experiments.config import Config, read_config
from experiments.display import Display
from experiments.errors import BadInput, Failure
from experiments.record import CHECKPOINTS, RunFolder, Table, write_json, write_whole
from experiments.restore import restore
from experiments.run import Row, Run
from genomes.evaluation import Evaluation
from genomes.files import GenomeFileError, load_genome, load_scaling, save_genome
from genomes.kernels.parallel import available_cores, set_threads
from genomes.network import Network
from genomes.population import CONNECTION_GENES, NODE_GENES, Genome, InvalidGenome, Population
from genomes.scaling import Scaling
from neat.params import ParameterError
from neat.report import GenerationReport
from neat.state import check_genomes

if TYPE_CHECKING:
    from envs.task import Task
    from experiments.training.within import Tuner

__all__ = ["Session", "champion_score", "initial_genome", "load_champion", "make_run", "make_tuner"]

_Read = TypeVar("_Read")
SPECIES_COLUMNS = ("generation", "species", "size", "best", "mean", "age", "stagnation", "offspring")


@dataclass
class Session:
    """A run, recorded in a folder and shown on a display."""

    config: Config
    folder: RunFolder
    display: Display
    run: Run
    metrics: Table
    species: Table
    watch: Callable[[Row, Population, Evaluation, GenerationReport], Any] | None = None  # True ends the run
    last_checkpoint: float = 0.0
    raised: Exception | None = None  # by ``watch``

    @classmethod
    def begin(
        cls,
        config: Config,
        folder: RunFolder,
        display: Display,
        run: Run | None = None,
        watch: Callable[[Row, Population, Evaluation, GenerationReport], Any] | None = None,
        initial: Genome | None = None,
    ) -> Session:
        """A new run, in a folder that `RunFolder.create` gave; what that held goes when a generation is done."""
        config = dataclasses.replace(config, task=config.task.pinned())
        run = run or make_run(config)
        initial = initial or initial_genome(config)
        with _writing(folder.path, begun=False):
            folder.replace()
            if initial is not None:
                save_genome(initial, folder.path / "initial.json")
                config = config.replace_run(initial_genome=str((folder.path / "initial.json").resolve()))
            write_whole(folder.path / "config.toml", config.to_toml(folder.path))
            self = cls._with_tables(config, folder, display, run, None)
            if not folder.replaces:
                folder.settle()
        self.watch = watch
        return self

    @classmethod
    def resume(
        cls,
        folder: RunFolder,
        display: Display,
        generations: int | None = None,
        threads: int | None = None,
        device: str | None = None,
        trust: bool = False,
    ) -> Session:
        """The run of a folder, from its last checkpoint, or from its beginning when it has none; with other settings
        where they are given. ``trust``: see `experiments.trust`."""
        if (folder.path / "training.csv").exists():
            raise BadInput(f"{folder.path}: holds a champion that `neat refine` made, not a run to go on with")
        given = {"generations": generations, "device": device}
        options = {f"run.{key}": (f"--{key} {value}", value) for key, value in given.items() if value is not None}
        config = read_config(folder.path / "config.toml", options=options, trust=trust)
        if threads is not None:
            config = config.replace_run(threads=threads)
        run = make_run(config)

        def take(checkpoint: Checkpoint) -> None:
            digest = checkpoint.state.get("config")
            if isinstance(digest, str) and digest != config.digest():
                raise BadInput(
                    f"{folder.path / 'config.toml'}: was changed since the run's checkpoint: only limits, threads and "
                    f"names may change; start a new run with it instead"
                )
            restore(run, checkpoint)

        try:
            checkpoint = last_checkpoint(folder.path / CHECKPOINTS, display.message, take)
        except CheckpointError as error:
            raise BadInput(str(error)) from None
        if checkpoint is None:
            if (folder.path / "summary.json").exists():
                raise BadInput(
                    f"{folder.path / CHECKPOINTS}: is missing or empty: the run cannot go on; "
                    f"`neat run {folder.path / 'config.toml'}` repeats it in a new folder"
                )
            display.message(f"{folder.path}: no checkpoint was written yet: starting again")
        with _writing(folder.path):
            if options:
                write_whole(folder.path / "config.toml", config.to_toml(folder.path))
            self = cls._with_tables(config, folder, display, run, checkpoint)
            self._write_champion()
        return self

    @classmethod
    def _with_tables(
        cls, config: Config, folder: RunFolder, display: Display, run: Run, checkpoint: Checkpoint | None
    ) -> Session:
        marks = checkpoint.state["tables"] if checkpoint else {}
        metrics = Table(folder.path / "metrics.csv", Row.COLUMNS, marks.get("metrics"))
        species = Table(folder.path / "species.csv", SPECIES_COLUMNS, marks.get("species"))
        for table in (metrics, species):  # when both are known to be the run's
            table.cut()
        set_threads(config.run.threads or available_cores())
        return cls(config, folder, display, run, metrics, species)

    def go(self) -> dict[str, Any]:
        """Evolve to the end, whatever it is; the summary.

        Whatever ends the run, an exception or Ctrl-C once or often, what was done until then is kept.

        Raises
        ------
        Failure : the user's function or the machine failed.
        Exception : what ``watch`` raised, as it is.
        """
        from envs.fitness import FitnessError
        from envs.workers import WorkerError

        self.last_checkpoint = time.monotonic()
        try:
            show_notes(self.display, self.config, self.run.task)
            self.display.begin(self.config, self.run, self.folder.path)
            with self.run.interrupts:
                try:
                    self.run.go(self._record)
                except BaseException:
                    self._keep()
                    raise
                return self._finish(self.run.stopped)
        except (FitnessError, WorkerError) as error:
            raise Failure(str(error)) from error
        except ValueError as error:  # fitness that the parameters do not allow
            if error is self.raised:
                raise
            raise Failure(f"generation {self.run.generations}: {error}") from error
        except MemoryError as error:
            if error is self.raised:
                raise
            raise Failure(f"out of memory with neat.population = {self.config.neat.population}") from None
        finally:
            self.display.end()
            self.metrics.close()
            self.species.close()
            self.run.task.close()

    def _record(self, row: Row, population: Population, evaluation: Evaluation, report: GenerationReport) -> Any:
        with _writing(self.folder.path):
            self._write(row, report)
            self.folder.settle()
        self.display.failures(row, self.run.task.errors)
        self.display.generation(row, self.run)
        if time.monotonic() - self.last_checkpoint >= self.config.run.checkpoint_seconds:
            self._checkpoint()
        if self.watch is None:
            return None
        try:
            with self.run.interrupts.at_once():
                return bool(self.watch(row, population, evaluation, report))
        except Exception as error:
            self.raised = error
            raise

    def _write(self, row: Row, report: GenerationReport) -> None:
        self.metrics.write([row.cells()])
        self.metrics.flush()  # so that others can follow
        table = (report.id, report.size, report.best, report.mean, report.age, report.stagnation, report.offspring)
        columns = [column.tolist() for column in table]
        self.species.write([(row.generation, *values) for values in zip(*columns, strict=True)])
        champion = self.run.champion
        if champion is not None and champion.generation == row.generation:
            self._write_champion()

    def _keep(self) -> None:
        """Save what there is, after an exception; that one is told, not another."""
        if self.run.half_bred:
            return  # the last checkpoint is as far as anybody can go on from
        with contextlib.suppress(Failure, OSError):
            self._finish("failed")

    def _finish(self, stopped: str) -> dict[str, Any]:
        """The last checkpoint, the summary, the champion's test."""
        self.run.stopped = stopped
        summary = self.run.summary()
        if self.folder.replaces:
            self.display.finish(summary, self.config, None)
            self.display.message(f"{self.folder.path}: no generation was done: the run that it held stays")
            return summary
        self._checkpoint()
        with _writing(self.folder.path):
            write_json(self.folder.path / "summary.json", summary)
        champion = self.run.champion
        ended = stopped not in ("interrupted", "failed")
        if ended and champion is not None and (self.run.solved or self.config.task.test_unsolved):
            with contextlib.suppress(KeyboardInterrupt):  # then it goes untested
                summary |= self._test(champion)
            with _writing(self.folder.path):
                write_json(self.folder.path / "summary.json", summary)
                self._draw_champion()
        self.display.finish(summary, self.config, self.folder.path)
        return summary

    def _test(self, champion: Champion) -> dict[str, Any]:
        """What the summary says of the champion's last test."""
        with self.run.interrupts.at_once():
            network = _network(self.config, *self.config.task.deliver(champion.genome, champion.scaling))
            score = self.config.task.final_test(network, 100, self.run.settings.seed)
        return {} if score is None else {"test": score}

    def _write_champion(self) -> None:
        path = self.folder.path / "champion.json"
        if self.run.champion is None:
            path.unlink(missing_ok=True)
        else:
            genome, scaling = self.config.task.deliver(self.run.champion.genome, self.run.champion.scaling)
            save_genome(genome, path, scaling)

    def _draw_champion(self) -> None:
        from experiments.plot import draw_network, has_matplotlib

        if self.config.task.test_unsolved and has_matplotlib():
            title = f"{self.config.task.name}, seed {self.config.run.seed}: the champion"
            draw_network(load_champion(self.folder.path)[0], self.folder.path / "network.png", title)

    def _checkpoint(self) -> None:
        run, champion = self.run, self.run.champion
        arrays, scalars = run.algorithm.state_dict()
        arrays |= {f"task.{name}": array for name, array in run.task.state_dict().items()}
        state: dict[str, Any] = {
            "config": self.config.digest(),
            "algorithm": scalars,
            "run": {
                "generations": run.generations,
                "evaluations": run.evaluations,
                "seconds": run.seconds,
                "best_fitness": run.best_fitness,
                "solved": run.solved,
            },
            "tables": {"metrics": self.metrics.mark, "species": self.species.mark},
            "champion": None,
        }
        if champion is not None:
            genome = champion.genome
            arrays |= {f"champion.{name}": getattr(genome, name) for name in (*NODE_GENES, *CONNECTION_GENES)}
            state["champion"] = {
                "generation": champion.generation,
                "fitness": champion.fitness,
                "score": champion.score,
            }
            if champion.scaling is not None:
                arrays |= {f"champion.scaling.{name}": getattr(champion.scaling, name) for name in ("shift", "scale")}
                state["champion_limit"] = champion.scaling.limit
        with _writing(self.folder.path):
            for table in (self.metrics, self.species):
                table.flush(sync=True)
            write_checkpoint(self.folder.path / CHECKPOINTS, run.generations, Checkpoint(arrays, state))
        self.last_checkpoint = time.monotonic()


def show_notes(display: Display, config: Config, task: Task) -> None:
    """Say what was chosen for the user."""
    here = config.run.device == "cuda" and not task.follows_device
    device = ['device "cuda": the networks of this task compute on the CPU all the same'] if here else []
    for text in (*config.notes, *task.notes, *device):
        display.note(text)


def load_champion(folder: Path, config: Config | None = None, by_name: bool = False) -> tuple[Genome, Scaling | None]:
    """The champion of a run's folder, and how its inputs are scaled. With the run's configuration, one that cannot
    compute in its mode is refused. ``by_name``: see `load_genome`."""
    path = folder / "champion.json"
    if not path.exists():
        raise BadInput(f"{path}: is missing: the run has no champion yet")
    genome, scaling = _read(path, partial(load_genome, by_name=by_name)), _read(path, load_scaling)
    if config is not None:
        try:
            check_genomes(Population.of([genome]), config.neat)
        except InvalidGenome as error:
            raise BadInput(f"{path}: {error}") from None
    return genome, scaling


def initial_genome(config: Config) -> Genome | None:
    """The genome that the first generation starts from, where the configuration names one."""
    if not config.run.initial_genome:
        return None
    return _read(config.folder / config.run.initial_genome, load_genome)


def _read(path: Path, load: Callable[[Path], _Read]) -> _Read:
    try:
        return load(path)
    except GenomeFileError as error:
        raise BadInput(str(error)) from None
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from None


def make_run(config: Config) -> Run:
    try:
        task = config.task.make(config.run.on_error)
        return Run.new(
            config.neat, task, config.run, initial_genome(config), config.task.learning(), make_tuner(config, task)
        )
    except BadInput:
        raise
    except ValueError as error:
        raise BadInput(f"{config.run.initial_genome or config.task.name}: {error}") from None
    except MemoryError:
        raise Failure(f"out of memory with neat.population = {config.neat.population}") from None


def make_tuner(config: Config, task: Task | None = None) -> Tuner | None:
    """What tunes the weights of the best genomes; `BadInput` where the method does not fit the task."""
    if config.weights is None:
        return None
    if config.task.learning() is not None:
        raise BadInput(
            f"weights.method = {config.weights.method!r}: goes with task.gradient_steps = 0 and task.readout = none: "
            "one of them learns"
        )
    try:
        return config.weights.tuner(task or config.task.make(config.run.on_error), config.neat, config.run.device)
    except ParameterError as error:
        raise BadInput(f"weights.{error}") from None


@contextmanager
def _writing(folder: Path, begun: bool = True) -> Iterator[None]:
    """A block that writes into a run's folder; what goes wrong on the disk is told in one line, as a `Failure`."""
    try:
        yield
    except OSError as error:
        kept = sorted(p.name for p in (folder / CHECKPOINTS).glob("*") if p.name.isdigit())
        last = f"the checkpoint of generation {int(kept[-1])} is kept" if kept else "there was no checkpoint yet"
        end = f"{last}: `neat resume {folder}` goes on" if begun else "the run has not begun, nothing was replaced"
        where = error.filename or folder
        raise Failure(f"{where}: cannot be written: {error.strerror or error}; {end}") from None


def _network(config: Config, champion: Genome, scaling: Scaling | None) -> Network:
    return Network(champion, scaling=scaling, **config.neat.computing)


def champion_score(
    config: Config, champion: Genome, scaling: Scaling | None, episodes: int, seed: int
) -> dict[str, Any]:
    """What the task's final test says of a champion; where it has none, its one check in the form of episodes."""
    from envs.fitness import FitnessError
    from envs.workers import WorkerError
    from genomes.networks import compile_population

    try:
        score = config.task.final_test(_network(config, champion, scaling), episodes, seed)
    except ValueError as error:
        raise BadInput(f"{config.task.name}: {error}") from None
    if score is not None:
        return score
    task = config.task.make("stop")
    champions = Population.of([champion])
    shape, wanted = (champions.task_inputs, champion.num_outputs), (task.num_inputs, task.num_outputs)
    if shape != wanted:
        task.close()
        raise BadInput(f"{config.task.name}: needs {wanted[0]} inputs and {wanted[1]} outputs, the champion has "
                       f"{shape[0]} and {shape[1]}")  # fmt: skip
    networks = compile_population(champions, device=config.run.device, **config.neat.computing)
    try:
        value = float(task.validate(networks, (seed, 0)).fitness[0])
    except (FitnessError, WorkerError) as error:
        raise Failure(str(error)) from None
    finally:
        task.close()
    return {"mean": value, "std": 0.0, "min": value, "max": value, "episodes": 1}
