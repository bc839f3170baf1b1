"""`neat list`"""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable
from pathlib import Path

import click

__all__ = ["command"]

NARROWEST = 40  # columns that names are wrapped to


@click.command("list")
def command() -> None:
    """List the ready experiments, tasks and benchmarks."""
    from envs.datasets import dataset_names
    from experiments.config import preset_names, preset_path
    from experiments.tasks import OWN_DATA, task_names
    from experiments.training.presets import training_names, training_path

    presets = [(name, _first_comment(preset_path(name))) for name in preset_names()]
    trainings = [(name, _first_comment(training_path(name))) for name in training_names()]
    benches = [(name, _first_docstring(path)) for name, path in bench_files()]
    others = [
        ("any id of Gymnasium", "also MODULE:ID, where MODULE registers it"),
        (OWN_DATA, "a CSV or npz file of your own: task.path"),
        ("parity-N", "all rows of N bits"),
        ("openml:NAME", "a data set from openml.org"),
        ("MODULE:NAME", "a function of your own"),
    ]
    for title, rows in (
        ("Experiments (neat run NAME)", presets),
        ("Trainings of fixed networks (neat train NAME --method METHOD)", trainings),
        ("Benchmarks (neat bench NAME)", benches),
        ("Tasks (neat run NAME, or task.name in a file)", others),
    ):
        print(f"{title}\n")
        width = max(len(name) for name, _ in rows)
        for name, text in rows:
            print(f"  {name:<{width}}  {text}")
        print()
    _paragraph("built in", [name for name in task_names() if name not in {OWN_DATA, *dataset_names()}])
    _paragraph("data sets", dataset_names())


def _paragraph(title: str, names: Iterable[str]) -> None:
    first, width = f"  {title}: ", max(NARROWEST, shutil.get_terminal_size((120, 24)).columns)
    text = textwrap.fill(
        ", ".join(names), width, initial_indent=first, subsequent_indent=" " * len(first), break_on_hyphens=False
    )
    print(text)


def bench_files() -> list[tuple[str, Path]]:
    """Name and file of each benchmark."""
    folder = Path(__file__).parent.parent / "bench"
    return [(path.stem, path) for path in sorted(folder.glob("*.py")) if path.stem not in ("__init__", "harness")]


def _first_comment(path: Path) -> str:
    return path.read_text(encoding="utf-8").splitlines()[0].removeprefix("#").strip()


def _first_docstring(path: Path) -> str:
    return path.read_text(encoding="utf-8").splitlines()[0].strip('"').strip()
