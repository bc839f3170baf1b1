"""The configuration of a run: strict TOML with the sections [task], [neat], [weights] and [run].

Whatever is wrong gives one line with the file (or the option), the key, the value and what would be right. Only names
of the form ``module:NAME`` run code, the user's own; see `experiments.trust`. Reading with ``trust=None`` runs none.
"""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from experiments.errors import BadInput
from neat.params import PRESETS, NEATParams, ParameterError, checked, parameter

if TYPE_CHECKING:
    from experiments.tasks import TaskSettings
    from experiments.training.within import WeightSettings

__all__ = [
    "Config",
    "RunSettings",
    "load_config",
    "parse_setting",
    "preset_names",
    "preset_path",
    "read_config",
    "read_run_config",
]

_PRESET_FOLDER = Path(__file__).parent / "presets"


@dataclass(frozen=True)
class RunSettings:
    """How a run goes and when it ends. A limit of 0 is none."""

    name: str = parameter("run", "part of the run folder's name", "own")
    seed: int = parameter(1, "decides the run", "own", low=0, high=2**64 - 1)
    generations: int = parameter(100, "at most this many generations", "own", low=0, high=2**32 - 1)
    evaluations: int = parameter(0, "at most this many evaluations, in whole generations", "own", low=0)
    minutes: float = parameter(0.0, "no new generation begins after this time", "own", low=0.0)
    stop_when_solved: bool = parameter(True, "the run ends when a champion passes its check", "own")
    device: str = parameter(
        "auto",
        "where networks compute on data and in native environments; auto: on a GPU where there is one and it gains",
        "own",
        choices=("auto", "cpu", "cuda"),
    )
    threads: int = parameter(0, "threads; 0: one a core. Never changes a result", "own", low=0, high=1024)
    checkpoint_seconds: float = parameter(30.0, "time between checkpoints", "own", low=0.0)
    on_error: str = parameter(
        "stop", "an exception of a user's function ends the run, or makes that genome worst", "own",
        choices=("stop", "worst"),
    )  # fmt: skip
    initial_genome: str = parameter("", "genome file that the first generation starts from", "own")

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, checked(field, getattr(self, field.name)))
        if not re.fullmatch(r"[\w.+-]{1,100}", self.name) or self.name.startswith("."):
            raise ParameterError("name", self.name, "must be of letters, digits and _ . + -, and not begin with a dot")


@dataclass(frozen=True)
class Config:
    """A whole configuration, checked."""

    task: TaskSettings
    preset: str
    neat: NEATParams
    run: RunSettings
    folder: Path  # relative paths and the user's module are found from here
    notes: tuple[str, ...] = ()  # what was chosen for the user, to be said
    weights: WeightSettings | None = None  # a method that tunes the best genomes; None: none

    def sections(self) -> dict[str, dict[str, Any]]:
        """Every setting, by section and key; settings without a value are left out."""
        tables = {"task": _table(self.task), "neat": {"preset": self.preset} | _table(self.neat)}
        if self.weights is not None:
            tables["weights"] = _table(self.weights)
        return tables | {"run": _table(self.run)}

    def digest(self) -> str:
        """A digest of the settings that decide a run's course: a checkpoint fits no other."""
        sections = self.sections()
        sections["run"] = {key: sections["run"][key] for key in ("seed", "on_error")}
        for key in ("folder", "workers", "time_limit"):
            sections["task"].pop(key, None)
        return hashlib.sha256(json.dumps(sections, sort_keys=True).encode()).hexdigest()

    def replace_run(self, **changes: Any) -> Config:
        """The same configuration with other run settings."""
        return dataclasses.replace(self, run=dataclasses.replace(self.run, **changes))

    def to_toml(self, run_folder: Path) -> str:
        """The text of a config.toml in ``run_folder`` that repeats the run."""
        import os

        import tomli_w

        def seen_from_there(path: Path) -> str:
            try:
                return Path(os.path.relpath(path, run_folder.resolve())).as_posix()
            except ValueError:  # another drive
                return path.as_posix()

        sections = self.sections()
        if "folder" in sections["task"]:
            sections["task"]["folder"] = seen_from_there(self.folder)
        if self.run.initial_genome:
            sections["run"]["initial_genome"] = seen_from_there(self.folder / self.run.initial_genome)
        return "# Everything that decides this run: `neat run` with this file repeats it.\n\n" + tomli_w.dumps(sections)


def preset_names() -> list[str]:
    """Names of the ready experiments."""
    return sorted(path.stem for path in _PRESET_FOLDER.glob("*.toml"))


def preset_path(name: str) -> Path:
    """The file of a ready experiment."""
    return _PRESET_FOLDER / f"{name}.toml"


def load_config(
    name: str,
    overrides: Sequence[str] = (),
    options: Mapping[str, tuple[str, Any]] | None = None,
    *,
    trust: bool | None = False,
) -> Config:
    """The configuration of a preset or a file.

    Parameters
    ----------
    name : a preset, a data set or an environment by name, or the path of a TOML, CSV or npz file.
    overrides : ``KEY=VALUE`` strings, KEY being section.key; the value is read as TOML, else as a string.
    options : section.key -> (how it was given, value), applied last.
    trust : whether code of the user's own runs that is neither below the current folder nor installed; None: no code
        runs, and the configuration can be looked at only.
    """
    path = Path(name)
    if not name.endswith(".toml") and name in preset_names() and not path.is_file():
        path = preset_path(name)
    elif not name.endswith(".toml") and (task := _task_of(name)):
        reader, called = _Reader(path), path.stem if "path" in task else name
        return _configure(reader, {"task": task}, overrides, options, called, Path.cwd(), trust, suggest=True)
    home = Path.cwd() if path.parent == _PRESET_FOLDER else None
    return read_config(path, overrides, options, default_name=path.stem, home=home, trust=trust)


def _task_of(name: str) -> dict[str, Any]:
    """The [task] that a name alone stands for; empty where it is that of another file."""
    from envs.datasets import is_dataset
    from experiments.tasks import OWN_DATA, is_environment_id

    if name.endswith((".csv", ".npz")):
        return {"name": OWN_DATA, "path": str(Path(name).absolute())}
    if Path(name).is_file():
        return {}
    if is_dataset(name) or is_environment_id(name):
        return {"name": name}
    near = _nearest(name, preset_names()) or _nearest_environment(name)
    presets = ", ".join(preset_names())
    raise BadInput(
        f"{name!r} is neither a preset ({presets}), nor a data set (see `neat list`), nor an environment's id, nor a "
        f"TOML, CSV or npz file{near}"
    )


def read_config(
    path: Path,
    overrides: Sequence[str] = (),
    options: Mapping[str, tuple[str, Any]] | None = None,
    default_name: str = "run",
    home: Path | None = None,
    *,
    trust: bool | None = False,
) -> Config:
    """The configuration in a file, with changes from the command line (see `load_config`); paths in it start from
    ``home``, by default the file's folder."""
    return _configure(_Reader(path), _read_toml(path), overrides, options, default_name, home or path.parent, trust)


def read_run_config(folder: Path, trust: bool | None = None) -> Config:
    """The configuration of a run that does not go on: on the CPU, so that a run on a GPU can be judged anywhere. With
    ``trust=None`` it is only looked at: no code runs, and the task may be one that is not here."""
    return read_config(folder / "config.toml", options={"run.device": ("the CPU", "cpu")}, trust=trust)


def _configure(
    reader: _Reader,
    document: dict[str, Any],
    overrides: Sequence[str],
    options: Mapping[str, tuple[str, Any]] | None,
    default_name: str,
    home: Path,
    trust: bool | None,
    suggest: bool = False,
) -> Config:
    """The configuration of a document; with ``suggest`` the task fills in settings of [neat] and [run]."""
    from experiments.tasks import NamedTask, settings_class

    tables = reader.tables(document)
    for text in overrides:
        key, value, origin = _parse_override(text)
        reader.override(tables, key, value, origin)
        reader.text[key] = text.partition("=")[2].strip()
    for key, (origin, value) in (options or {}).items():
        reader.override(tables, key, value, origin)
    tables["run"].setdefault("name", re.sub(r"[^\w.+-]", "-", default_name).lstrip(".") or "run")

    task_name = tables["task"].get("name")
    if type(task_name) is not str:
        raise reader.wrong("task", "name", task_name, 'must be "xor", an environment\'s id, or "module:NAME"')
    try:
        task_class = settings_class(task_name, tables["task"])
    except ParameterError as error:
        if trust is not None:
            raise reader.wrong("task", "name", task_name, error.requirement) from None
        task_class, tables["task"] = NamedTask, {"name": task_name}
    task = reader.section("task", task_class, tables["task"], explain=task_class.explain)
    folder = (home / getattr(task, "folder", ".")).resolve()
    task.load(folder, trust)  # imports the user's module, which may register activation functions
    if trust is None:
        _declare_activations(tables["neat"])
    task, notes = _suggest(task, tables, folder, trust) if suggest else (task, ())
    preset = tables["neat"].pop("preset", "default")
    if type(preset) is not str or preset not in PRESETS:
        hint = _nearest(str(preset), PRESETS)
        raise reader.wrong("neat", "preset", preset, f"must be one of {', '.join(PRESETS)}{hint}")
    neat = reader.section("neat", NEATParams, tables["neat"], PRESETS[preset])
    try:
        neat = task.adapt(neat)
    except ParameterError as error:
        raise reader.wrong("neat", error.key, error.value, error.requirement) from None
    run = reader.section("run", RunSettings, tables["run"])
    if run.initial_genome:
        run = dataclasses.replace(run, initial_genome=str((home / run.initial_genome).resolve()))
    if 0 < run.evaluations < neat.population:
        requirement = f"must be 0 or at least neat.population = {neat.population}: one generation"
        raise reader.wrong("run", "evaluations", run.evaluations, requirement)
    if run.device == "cuda":
        from genomes.backend import cuda_problem

        problem = cuda_problem()
        if problem is not None:
            raise reader.wrong("run", "device", "cuda", f'{problem}; must be "auto" or "cpu" here (--device cpu)')
    return Config(task, preset, neat, run, folder, notes, _weights(reader, tables["weights"]))


def _weights(reader: _Reader, table: dict[str, Any]) -> WeightSettings | None:
    if not table:
        return None
    from experiments.training.within import WeightSettings

    settings = reader.section("weights", WeightSettings, table)
    return settings if settings.method else None


def _declare_activations(table: dict[str, Any]) -> None:
    """Let names stand for the functions that code of the user's would register."""
    from genomes.functions import declare_activation

    names = table.get("activations")
    for name in (*(names if isinstance(names, list) else ()), table.get("output_activation")):
        if isinstance(name, str) and name:
            with suppress(ValueError):  # too many: the check of the names says so
                declare_activation(name)


def _suggest(
    task: TaskSettings, tables: dict[str, dict[str, Any]], folder: Path, trust: bool | None
) -> tuple[TaskSettings, tuple[str, ...]]:
    """Fill in what the task suggests and the user has not set; also gives lines that say so."""
    chosen = {}
    for section, settings in task.suggest().items():
        for key, value in settings.items():
            if key not in tables[section]:
                tables[section][key] = value
                chosen[f"{section}.{key}"] = value
    task = dataclasses.replace(task, **{k: v for k, v in tables["task"].items() if f"task.{k}" in chosen})
    task.load(folder, trust)
    said = f"chosen for you: {', '.join(f'{key} = {_shown(value)}' for key, value in chosen.items())}" if chosen else ""
    return task, tuple(text for text in (task.remark(), said) if text)


_Section = TypeVar("_Section")


class _Reader:
    """Reads sections, and says where a wrong value came from."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.origin: dict[str, str] = {}  # section.key -> the option that set it
        self.text: dict[str, str] = {}  # section.key -> its value as --set has it, before it was read as TOML

    def wrong(self, section: str, key: str, value: Any, requirement: str) -> BadInput:
        origin = self.origin.get(f"{section}.{key}", str(self.path))
        return BadInput(f"{origin}: {section}.{key} = {_shown(value)}: {requirement}")

    def tables(self, document: dict[str, Any]) -> dict[str, dict[str, Any]]:
        for name, table in document.items():
            if name not in _SECTIONS:
                hint = _nearest(name, _SECTIONS) or _home_of(name)
                raise BadInput(
                    f"{self.path}: unknown section or key {name!r}: must be [task], [neat], [weights] or [run]{hint}"
                )
            if not isinstance(table, dict):
                raise BadInput(f"{self.path}: {name} = {_shown(table)}: must be a section, [{name}]")
        return {name: dict(document.get(name, {})) for name in _SECTIONS}

    def override(self, tables: dict[str, dict[str, Any]], key: str, value: Any, origin: str) -> None:
        section, _, name = key.partition(".")
        if section not in _SECTIONS or not name:
            hint = _home_of(key) or (_nearest(section, _SECTIONS) if section not in _SECTIONS else "")
            raise BadInput(f"{origin}: unknown key {key!r}: must be task.KEY, neat.KEY, weights.KEY or run.KEY{hint}")
        name, _, inner = name.partition(".")
        if inner:  # task.kwargs.NAME
            table = tables[section].get(name, {})
            value = (table if isinstance(table, dict) else {}) | {inner: value}
        if f"{section}.{name}" in _PATHS and type(value) is str and value:  # from where the command is given
            value = str(Path(value).absolute())
        tables[section][name] = value
        self.origin[f"{section}.{name}"] = origin

    def section(
        self,
        name: str,
        cls: type[_Section],
        table: dict[str, Any],
        base: Any = None,
        explain: Callable[[str], str] = lambda key: "",
    ) -> _Section:
        """The settings of a table; ``explain`` may know where a key belongs that these settings lack."""
        fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
        for key, value in table.items():
            if key not in fields:
                known = [*fields, *(["preset"] if name == "neat" else [])]
                hint = explain(key) or _nearest(key, known) or _home_of(key)
                raise self.wrong(name, key, value, f"unknown key in [{name}]{hint}")
            if type(value) is int and abs(value) > 2**64:
                raise self.wrong(name, key, value, "must be below 2**64 in size")
        # a text stays one, also where it looks like a number: a column may be called 0
        texts = {key: self.text.get(f"{name}.{key}") for key in table if str(fields[key].type).startswith("str")}
        table = table | {key: text for key, text in texts.items() if text and not isinstance(table[key], str)}
        try:
            values = {key: checked(fields[key], value) for key, value in table.items()}
            return dataclasses.replace(base, **values) if base is not None else cls(**values)
        except ParameterError as error:
            raise self.wrong(name, error.key, error.value, error.requirement) from None


_SECTIONS = ("task", "neat", "weights", "run")
_PATHS = ("task.path", "task.folder", "run.initial_genome")


def _read_toml(path: Path) -> dict[str, Any]:
    text = ""
    try:
        text = path.read_bytes().decode("utf-8")
        return tomllib.loads(text)
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: is not UTF-8 text: byte {error.start} is {error.object[error.start]:#04x}") from None
    except (ValueError, RecursionError) as error:
        end = f"at line {len(text.splitlines()) or 1}, the end"
        raise BadInput(f"{path}: is not TOML: {_one_line(str(error)).replace('at end of document', end)}") from None


def parse_setting(text: str) -> tuple[str, Any]:
    """KEY=VALUE of the command line; the value is read as TOML, else as a string."""
    return _parse_override(text)[:2]


def _parse_override(text: str) -> tuple[str, Any, str]:
    key, equals, value = text.partition("=")
    origin = f"--set {_one_line(text)}"
    if not equals:
        raise BadInput(f"{origin}: must be KEY=VALUE, for example neat.population=300")
    try:
        parsed = tomllib.loads(f"value = {value}")
    except (ValueError, RecursionError):
        parsed = {}
    return key.strip(), parsed["value"] if set(parsed) == {"value"} else value, origin


def _table(settings: Any) -> dict[str, Any]:
    values = {field.name: getattr(settings, field.name) for field in dataclasses.fields(settings) if field.init}
    return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items() if v is not None}


def _nearest(word: str, candidates: Iterable[str]) -> str:
    match = difflib.get_close_matches(word, list(candidates), 1, 0.6)
    return f"; did you mean {match[0]!r}?" if match else ""


def _nearest_environment(name: str) -> str:
    from envs.gym.make import nearest_ids

    near = nearest_ids(name, 1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _home_of(key: str) -> str:
    """Names the section that a lost key belongs to."""
    for section, cls in (("neat", NEATParams), ("run", RunSettings)):
        if key in {field.name for field in dataclasses.fields(cls)}:
            return f"; did you mean '{section}.{key}'?"
    return ""


def _shown(value: Any) -> str:
    try:
        shown = json.dumps(value, default=str) if isinstance(value, str | bool | list | dict) else str(value)
    except (ValueError, RecursionError):  # Python refuses to write a number of thousands of digits
        shown = f"a {type(value).__name__} too long to show"
    return _one_line(shown)


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text[:200]) + ("..." if len(text) > 200 else "")
