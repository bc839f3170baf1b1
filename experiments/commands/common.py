"""What several commands share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from experiments.errors import BadInput
from experiments.reading import read_stored
from genomes.stored import Stored

__all__ = ["conclude", "read_summary", "trusting"]

trusting = click.option(
    "--trust", is_flag=True, help="Run the task's own code, though neither below the current folder nor installed."
)


def conclude(summary: dict[str, Any], as_json: bool) -> int:
    """Print the summary when it is asked for; the exit code of a run that ended so."""
    if as_json:
        print(json.dumps(summary, indent=2))
    if summary["stopped"] == "interrupted":
        return 130
    if summary["champion"] is None:
        return 1
    return 0 if summary["solved"] or summary["target"] is None else 1


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
