"""`neat refine`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from experiments.commands.common import GivenPath, trusting

if TYPE_CHECKING:
    from experiments.training.refinement import Point

__all__ = ["command"]


@click.command("refine")
@click.argument("folder", metavar="DIR", type=GivenPath())
@click.option("--method", default="cma-es", metavar="NAME", help="Of neat.weights (default cma-es).")
@click.option("--evaluations", type=click.IntRange(0), default=0, metavar="N", help="Budget (default 10,000).")
@click.option("--minutes", type=click.FloatRange(0), default=0.0, metavar="N", help="Stop after this time.")
@click.option(
    "--seed", type=click.IntRange(0, 2**64 - 1), default=1, metavar="N", help="Decides the result (default 1)."
)
@click.option("--out", type=GivenPath(), metavar="DIR", help="New folder (default: beside the run's).")
@click.option("--overwrite", is_flag=True, help="Replace the run that it holds.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Of the method, e.g. sigma=0.1.")
@click.option("--threads", type=click.IntRange(0, 1024), default=0, metavar="N", help="Threads; 0: one a core.")
@click.option("--device", metavar="auto|cpu|cuda", help="Where networks compute (default: where the run's did).")
@trusting
@click.option("--quiet", is_flag=True, help="Show errors only.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def command(folder: Path, overrides: tuple[str, ...], threads: int, quiet: bool, as_json: bool, **options: Any) -> int:
    """Tune the weights of a run's champion by any method, its graph unchanged.

    The new champion goes to a folder of its own; the run stays as it is.
    """
    from experiments.commands.common import conclude, require_settings
    from experiments.config import parse_setting
    from experiments.display import TrainingLines, number
    from experiments.training.folder import refine_champion
    from experiments.training.loop import Limits

    settings = dict(parse_setting(text) for text in overrides)
    require_settings(settings, options["method"], refine_champion)
    lines = TrainingLines(Limits.of(options["evaluations"], options["minutes"]))

    def show(point: Point) -> None:
        if not quiet:
            lines(point.evaluations, point.seconds, f"best {number(point.best)}, champion {number(point.score)}")

    options["on_generation"] = show
    summary = refine_champion(folder, threads=threads or None, **options, **settings)
    if not quiet:
        _say_outcome(summary)
    return conclude(summary, as_json)


def _say_outcome(summary: dict[str, Any]) -> None:
    from experiments.display import say

    refined = summary["refined"]
    say(f"{refined['method']}, {refined['weights']} weights: {summary['evaluations']:,} evaluations, "
        f"{summary['seconds']:.1f} s, stopped: {summary['stopped']}")  # fmt: skip
    if refined["note"]:
        say(f"{refined['method']}: {refined['note']}")
    for name in ("before", "after"):
        judged = refined[name]
        test = judged.get("test", {})
        shown = "" if not test else f", test {test.get('score', test.get('mean')):.4g}"
        say(f"{name}: fitness {judged['fitness']:.6g}, check {judged['score']:.6g}{shown}")
    if not refined["improved"]:
        say("No better one was found: the champion is the run's")
    say(f"Everything is in {summary['folder']}")
