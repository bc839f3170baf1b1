"""`neat bench`"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from experiments.commands.common import GivenPath

if TYPE_CHECKING:
    from experiments.bench.harness import Benchmark

__all__ = ["command"]


@click.command("bench")
@click.argument("name")
@click.option("--json", "file", type=GivenPath(dir_okay=False), metavar="FILE", help="Write figures.")
@click.option("--seeds", type=click.IntRange(2), metavar="N", help="Runs of each figure over seeds, to shorten it.")
def command(name: str, file: Path | None, seeds: int | None) -> None:
    """Run a benchmark: print its table, and write its figures with --json."""
    import inspect
    from importlib import import_module

    from experiments.commands.common import require_writable
    from experiments.commands.list import bench_files
    from experiments.errors import BadInput
    from experiments.machine import whole

    names = [bench for bench, _ in bench_files()]
    if name not in names:
        raise BadInput(f"there is no benchmark {name!r}: must be one of {', '.join(names)}")
    if file is not None:
        require_writable(file, "--json")
    module = import_module(f"experiments.bench.{name}")
    options = {} if seeds is None else {"seeds": seeds}
    if options and "seeds" not in inspect.signature(module.bench).parameters:
        raise BadInput(f"--seeds {seeds}: the benchmark {name} has no seeds")
    benchmark: Benchmark = module.bench(lambda text: print(text, file=sys.stderr, flush=True), **options)
    _show(benchmark)
    if file is not None:
        with whole(file) as made:
            made.write_text(json.dumps(benchmark.as_dict(), indent=2) + "\n", encoding="utf-8")


def _show(benchmark: Benchmark) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    if not console.is_terminal:  # a file or a pipe has no width of its own
        console = Console(highlight=False, width=160)
    work = ", ".join(f"{key} {value}" for key, value in benchmark.work.items())
    table = Table(title=f"{benchmark.name}: {work}", title_justify="left", title_style="bold")
    table.add_column("figure", no_wrap=True)
    for column in ("median", "min", "max"):
        table.add_column(column, justify="right")
    table.add_column("unit")
    table.add_column("mean [95 %], runs")
    for name, figure in benchmark.figures.items():
        interval = ""
        if figure.mean is not None:
            interval = f"{_short(figure.mean)}"
            if figure.low is not None and figure.high is not None:
                interval += f" [{_short(figure.low)}, {_short(figure.high)}]"
            if figure.runs is not None:
                interval += f", {figure.runs}"
        table.add_row(name, *(_short(v) for v in (figure.median, figure.min, figure.max)), figure.unit, interval)
    console.print(table)
    for note in benchmark.notes:
        console.print(note, markup=False)


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
