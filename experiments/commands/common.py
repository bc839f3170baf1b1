"""What several commands share."""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from experiments.errors import BadInput
from experiments.reading import read_stored
from genomes.stored import Stored

__all__ = ["GivenPath", "conclude", "read_summary", "require_settings", "require_writable", "trusting"]

trusting = click.option(
    "--trust", is_flag=True, help="Run the task's own code, though neither below the current folder nor installed."
)


class GivenPath(click.Path):
    """A path of an argument or an option; an empty one, mostly a variable that is not set, is refused: it would be
    the current folder."""

    def __init__(self, dir_okay: bool = True) -> None:
        super().__init__(path_type=Path, dir_okay=dir_okay)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not str(value):
            self.fail("the path is empty: a variable that is not set?", param, ctx)
        return super().convert(value, param, ctx)


def require_settings(
    settings: dict[str, Any], method: str, function: Callable[..., Any], allowed: Sequence[str] = ()
) -> None:
    """`BadInput` for settings of a method that are arguments of the function which takes them, but for the
    ``allowed``."""
    for key in sorted(set(inspect.signature(function).parameters) & set(settings) - set(allowed)):
        raise BadInput(f"{key} = {settings[key]!r}: is no setting of the method {method!r}")


def conclude(summary: dict[str, Any], as_json: bool) -> int:
    """Print the summary when it is asked for; the exit code of a run that ended so."""
    if as_json:
        print(json.dumps(summary, indent=2))
    if summary["stopped"] == "interrupted":
        return 130
    if summary["champion"] is None:
        return 1
    return 0 if summary["solved"] or summary["target"] is None else 1


def require_writable(path: Path, option: str) -> None:
    """`BadInput` where a file cannot be written: before the work, not after it."""
    from genomes.files import writing

    try:
        if not path.parent.is_dir():
            raise BadInput(f"{option} {path}: there is no folder {path.parent}")
        if path.is_file() and not os.access(path, os.W_OK):
            raise BadInput(f"{option} {path}: cannot be written: it is read-only")
        with writing(path) as file:
            if path.exists() and not path.is_file():  # a pipe or a device
                return
            file.open("ab").close()
            raise _Enough
    except _Enough:
        pass
    except OSError as error:
        raise BadInput(f"{option} {path}: cannot be written: {error.strerror or error}") from None


class _Enough(Exception):
    """Nothing is to be written yet."""


def read_summary(folder: Path) -> dict[str, Any] | None:
    """summary.json of a run, which may come from elsewhere; None when the run has not ended.

    Raises
    ------
    BadInput : it is none; what is said at the end of a run needs all that is checked here.
    """
    path = folder / "summary.json"
    try:
        summary = json.loads(read_stored(path))
        _check_summary(Stored({}, summary))
    except FileNotFoundError:
        return None
    except BadInput:
        raise
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path}: is damaged: {error}") from None
    found: dict[str, Any] = summary
    return found


def _check_summary(summary: Stored) -> None:
    summary.flag("solved")
    summary.text("stopped")
    summary.integer("generations")
    summary.integer("evaluations")
    summary.number("seconds", 0.0)
    summary.optional("target")
    champion = summary.value("champion")
    if champion is not None:
        found = Stored({}, champion, "champion.")
        found.integer("hidden")
        found.integer("connections")
        found.number("fitness")
        found.number("score")
    if "test" in summary:
        test = summary.within("test")
        rows = "metric" in test
        for name in ("metric", "part") if rows else ():
            test.text(name)
        for name in ("score",) if rows else ("mean", "min", "max"):
            test.number(name)
        test.integer("rows" if rows else "episodes")
