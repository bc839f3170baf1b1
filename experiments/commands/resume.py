"""`neat resume`"""

from __future__ import annotations

from pathlib import Path

import click

from experiments.commands.common import GivenPath, trusting

__all__ = ["command"]


@click.command("resume")
@click.argument("folder", metavar="DIR", type=GivenPath())
@click.option("--generations", type=int, metavar="N", help="New limit, counted from the run's beginning; 0: none.")
@click.option(
    "--threads", type=click.IntRange(0, 1024), metavar="N", help="Threads; never changes a result. 0: one a core."
)
@click.option("--device", metavar="auto|cpu|cuda", help="Where networks compute from now on.")
@trusting
@click.option("--quiet", is_flag=True, help="Show errors only.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def command(
    folder: Path, generations: int | None, threads: int | None, device: str | None, trust: bool, quiet: bool,
    as_json: bool,
) -> int:  # fmt: skip
    """Go on with a run that was interrupted, or further with a finished one.

    The result is bit for bit that of a run that was never interrupted; on another device than before, fitness may
    differ in its last digits.
    """
    from experiments.commands.common import conclude
    from experiments.display import make_display
    from experiments.record import RunFolder
    from experiments.session import Session

    held = RunFolder.open(folder)
    try:
        session = Session.resume(held, make_display(quiet), generations, threads, device, trust)
        return conclude(session.go(), as_json)
    finally:
        held.close()
