"""What several commands share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from experiments.errors import BadInput

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
    """summary.json of a run; None when the run has not ended."""
    path = folder / "summary.json"
    try:
        summary = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(f"{path}: is damaged: {error}") from None
    if not isinstance(summary, dict):
        raise BadInput(f"{path}: is damaged: must be a JSON object")
    return summary
