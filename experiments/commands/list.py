"""`neat list`"""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["command"]


@click.command("list")
def command() -> None:
    """List the ready experiments, tasks and benchmarks."""
    from envs.datasets import dataset_names
    from experiments.config import preset_names, preset_path
    from experiments.tasks import OWN_DATA, task_names

    presets = [(name, _first_comment(preset_path(name))) for name in preset_names()]
    benches = [(name, _first_docstring(path)) for name, path in bench_files()]
    own = {OWN_DATA: "a CSV or npz file of your own: task.path"}
    sets = dict.fromkeys(dataset_names(), "data set") | {"parity-N": "data set: N bits", "openml:NAME": "data set"}
    tasks = [
        *(dict.fromkeys(task_names(), "built in") | sets | own | {"module:NAME": "a function of your own"}).items()
    ]
    for title, rows in (
        ("Experiments (neat run NAME)", presets),
        ("Tasks (task.name)", tasks),
        ("Benchmarks (neat bench NAME)", benches),
    ):
        click.echo(f"{title}\n")
        width = max(len(name) for name, _ in rows)
        for name, text in rows:
            click.echo(f"  {name:<{width}}  {text}")
        click.echo()


def bench_files() -> list[tuple[str, Path]]:
    """Name and file of each benchmark."""
    folder = Path(__file__).parent.parent / "bench"
    return [(path.stem, path) for path in sorted(folder.glob("*.py")) if path.stem not in ("__init__", "harness")]


def _first_comment(path: Path) -> str:
    return path.read_text(encoding="utf-8").splitlines()[0].removeprefix("#").strip()


def _first_docstring(path: Path) -> str:
    return path.read_text(encoding="utf-8").splitlines()[0].strip('"').strip()
