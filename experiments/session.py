"""A run and its folder: begun, recorded, checkpointed, resumed, summed up."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from envs.task import Task
from experiments.champion import Champion
from experiments.checkpoint import Checkpoint, CheckpointError, last_checkpoint, write_checkpoint
from experiments.config import Config, read_config
from experiments.display import Display
from experiments.errors import BadInput, Failure
from experiments.record import RunFolder, Table, write_json, write_whole
from experiments.run import Row, Run
from genomes.evaluation import Evaluation
from genomes.files import GenomeFileError, load_genome, load_scaling, save_genome
from genomes.kernels.parallel import available_cores, set_threads
from genomes.network import Network
from genomes.population import CONNECTION_GENES, NODE_GENES, Genome, Population
from genomes.scaling import Scaling
from neat.algorithm import NEAT
from neat.params import ParameterError
from neat.report import GenerationReport

if TYPE_CHECKING:
    from envs.task import Task
    from experiments.training.within import Tuner

__all__ = ["Session", "champion_score", "initial_genome", "load_champion", "make_tuner"]

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

    @classmethod
    def begin(
        cls,
        config: Config,
        folder: RunFolder,
        display: Display,
        run: Run | None = None,
        watch: Callable[[Row, Population, Evaluation, GenerationReport], Any] | None = None,
    ) -> Session:
        """A new run, in a folder that `RunFolder.create` gave."""
        config = dataclasses.replace(config, task=config.task.pinned())
        run = run or _make_run(config)
        try:
            write_whole(folder.path / "config.toml", config.to_toml(folder.path))
        except OSError as error:
            raise _disk_failure(error, folder.path) from None
        self = cls._with_tables(config, folder, display, run, None)
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
    ) -> Session:
        """The run of a folder, from its last checkpoint, or from its beginning when it has none; with other settings
        where they are given."""
        if (folder.path / "training.csv").exists():
            raise BadInput(f"{folder.path}: holds a champion that `neat refine` made, not a run to go on with")
        given = {"generations": generations, "device": device}
        options = {f"run.{key}": (f"--{key} {value}", value) for key, value in given.items() if value is not None}
        config = read_config(folder.path / "config.toml", options=options)
        if threads is not None:
            config = config.replace_run(threads=threads)
        try:
            checkpoint = last_checkpoint(folder.path / "checkpoints", display.message)
        except CheckpointError as error:
            raise BadInput(str(error)) from None
        run = _make_run(config)
        if checkpoint is None:
            display.message(f"{folder.path}: no checkpoint was written yet: starting again")
        else:
            if checkpoint.state.get("config") != config.digest():
                raise BadInput(
                    f"{folder.path / 'config.toml'}: was changed since the run's checkpoint: only limits, threads and "
                    f"names may change; start a new run with it instead"
                )
            _restore(run, checkpoint, folder.path)
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
        set_threads(config.run.threads or available_cores())
        return cls(config, folder, display, run, metrics, species)

    def go(self) -> dict[str, Any]:
        """Evolve to the end, whatever it is; the summary.

        Raises
        ------
        Failure : the user's function or the machine failed. What was done until then is kept.
        """
        from envs.fitness import FitnessError
        from envs.workers import WorkerError

        self.last_checkpoint = time.monotonic()
        try:
            show_notes(self.display, self.config, self.run.task)
            self.display.begin(self.config, self.run, self.folder.path)
            try:
                self.run.go(self._record)
            except (FitnessError, WorkerError) as error:
                self._finish("failed")
                raise Failure(str(error)) from error
            except ValueError as error:  # fitness that the parameters do not allow
                raise Failure(f"generation {self.run.generations}: {error}") from error
            return self._finish(self.run.stopped)
        except OSError as error:
            raise _disk_failure(error, self.folder.path) from None
        except MemoryError:
            raise Failure(f"out of memory with neat.population = {self.config.neat.population}") from None
        finally:
            self.display.end()
            self.metrics.close()
            self.species.close()
            self.run.task.close()

    def _record(self, row: Row, population: Population, evaluation: Evaluation, report: GenerationReport) -> Any:
        self.metrics.write([row.cells()])
        table = (report.id, report.size, report.best, report.mean, report.age, report.stagnation, report.offspring)
        self.metrics.flush()  # so that others can follow
        columns = [column.tolist() for column in table]
        self.species.write([(row.generation, *values) for values in zip(*columns, strict=True)])
        champion = self.run.champion
        if champion is not None and champion.generation == row.generation:
            self._write_champion()
        self.display.failures(row, self.run.task.errors)
        self.display.generation(row, self.run)
        if time.monotonic() - self.last_checkpoint >= self.config.run.checkpoint_seconds:
            self._checkpoint()
        if self.watch is None:
            return None
        with self.run.interrupts.at_once():
            return self.watch(row, population, evaluation, report)

    def _finish(self, stopped: str) -> dict[str, Any]:
        """The last checkpoint, the champion's test, the summary."""
        self.run.stopped = stopped
        self._checkpoint()
        summary = self.run.summary()
        ended = stopped not in ("interrupted", "failed")
        champion = self.run.champion
        if ended and champion is not None and (self.run.solved or self.config.task.test_unsolved):
            network = _network(self.config, *self.config.task.deliver(champion.genome, champion.scaling))
            score = self.config.task.final_test(network, 100, self.run.settings.seed)
            if score is not None:
                summary["test"] = score
            self._draw_champion()
        write_json(self.folder.path / "summary.json", summary)
        self.display.finish(summary, self.config, self.folder.path)
        return summary

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
        for table in (self.metrics, self.species):
            table.flush(sync=True)
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
        write_checkpoint(self.folder.path / "checkpoints", run.generations, Checkpoint(arrays, state))
        self.last_checkpoint = time.monotonic()


def show_notes(display: Display, config: Config, task: Task) -> None:
    """Say what was chosen for the user."""
    here = config.run.device == "cuda" and not task.follows_device
    device = ['device "cuda": the networks of this task compute on the CPU all the same'] if here else []
    for text in (*config.notes, *task.notes, *device):
        display.note(text)


def load_champion(folder: Path) -> tuple[Genome, Scaling | None]:
    """The champion of a run's folder, and how its inputs are scaled."""
    path = folder / "champion.json"
    if not path.is_file():
        raise BadInput(f"{path}: is missing: the run has no champion yet")
    return _read(path, load_genome), _read(path, load_scaling)


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


def _make_run(config: Config) -> Run:
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


def _restore(run: Run, checkpoint: Checkpoint, folder: Path) -> None:
    arrays, state = checkpoint.arrays, checkpoint.state
    try:
        run.algorithm = NEAT.restore(
            run.params,
            arrays,
            state["algorithm"],
            maximize=run.task.maximize,
            episodes_change=run.task.episodes_change,
            initial=run.algorithm._initial,
            device=run.algorithm.device,
        )
        for name, value in state["run"].items():
            setattr(run, name, value)
        if state["champion"] is not None:
            genes: dict[str, Any] = {name: arrays[f"champion.{name}"] for name in (*NODE_GENES, *CONNECTION_GENES)}
            shape = {key: state["algorithm"][key] for key in ("num_inputs", "num_outputs", "bias_input")}
            scaling = None
            if "champion_limit" in state:
                parts = arrays["champion.scaling.shift"], arrays["champion.scaling.scale"]
                scaling = Scaling(*parts, state["champion_limit"])
            run.champion = Champion(Genome(**shape, **genes), **state["champion"], scaling=scaling)
        run.task.restore({k.removeprefix("task."): v for k, v in arrays.items() if k.startswith("task.")})
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise BadInput(f"{folder / 'checkpoints'}: the checkpoint does not fit this release: {error!r}") from None


def _disk_failure(error: OSError, folder: Path) -> Failure:
    kept = sorted(p.name for p in (folder / "checkpoints").glob("*") if p.name.isdigit())
    last = f"the checkpoint of generation {int(kept[-1])} is kept" if kept else "there was no checkpoint yet"
    where = f"{error.filename}: " if error.filename else f"{folder}: "
    return Failure(f"{where}cannot be written: {error.strerror or error}; {last}: `neat resume {folder}` goes on")


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
    networks = compile_population(champions, device=config.run.device, **config.neat.computing)
    try:
        value = float(task.validate(networks, (seed, 0)).fitness[0])
    except (FitnessError, WorkerError) as error:
        raise Failure(str(error)) from None
    finally:
        task.close()
    return {"mean": value, "std": 0.0, "min": value, "max": value, "episodes": 1}
