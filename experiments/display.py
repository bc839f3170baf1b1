"""What a run shows while it goes on: a live display on a terminal, plain lines elsewhere, or nothing."""

from __future__ import annotations

import contextlib
import math
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.heartbeat import PREPARING, Heartbeat, duration

if TYPE_CHECKING:
    from experiments.config import Config
    from experiments.run import Row, Run
    from experiments.training.loop import Limits

__all__ = ["Display", "Lines", "Live", "TrainingLines", "make_display"]

BARS = "▁▂▃▄▅▆▇█"
PACE = 2.0  # s between plain lines
NARROWEST = 60  # columns of a terminal that a panel fits in
SILENCE = 10.0  # s at most without a line


class Display:
    """Shows messages only; the base of the others."""

    _told = -math.inf  # when it was last said why genomes failed

    def begin(self, config: Config, run: Run, folder: Path | None) -> None:
        """The run begins."""

    def generation(self, row: Row, run: Run) -> None:
        """A generation is done."""

    def finish(self, summary: dict[str, Any], config: Config, folder: Path | None) -> None:
        """The run has ended."""

    def end(self) -> None:
        """Leave the screen in order; also after a failure."""

    def note(self, text: str) -> None:
        """Something to know before the run begins."""

    def message(self, text: str) -> None:
        """A line that the user should see."""
        say(f"neat: {text}")

    def failures(self, row: Row, errors: Sequence[str]) -> None:
        """Say why genomes of a generation failed: the first error, whole; later its last line, after the first
        generations every few seconds."""
        now = time.monotonic()
        if not errors or (row.generation > 2 and now - self._told < PACE):
            return
        error = errors[0].strip()
        shown = error if self._told == -math.inf else error.rpartition("\n")[2]
        self._told = now
        what = f"{counted(row.failed, 'genome')} failed, the first" if row.failed else "checking the best failed"
        self.message(f"generation {row.generation}: {what}: {shown}")


class Lines(Display):
    """A line for the first generations, then one every few seconds."""

    def __init__(self) -> None:
        self._last = 0.0
        self._heartbeat: Heartbeat | None = None

    def begin(self, config: Config, run: Run, folder: Path | None) -> None:
        where = f" -> {folder}" if folder else ""
        facts = f"population {config.neat.population}, seed {run.settings.seed}"
        say(f"{config.task.name}: {facts}{where}")
        self._heartbeat = Heartbeat(run, say, SILENCE)

    def note(self, text: str) -> None:
        say(text)

    def generation(self, row: Row, run: Run) -> None:
        if self._heartbeat is not None:
            self._heartbeat.generation()
        if row.generation > 2 and time.monotonic() - self._last < PACE:
            return
        self._last = time.monotonic()
        say(_line(row, run))

    def end(self) -> None:
        if self._heartbeat is not None:
            self._heartbeat.end()
            self._heartbeat = None

    def finish(self, summary: dict[str, Any], config: Config, folder: Path | None) -> None:
        self.end()
        for line in closing_lines(summary, config, folder):
            say(line)


class Live(Display):
    """A panel that follows the run."""

    def __init__(self) -> None:
        from rich.console import Console

        self.console = Console(stderr=True)
        self._live: Any = None
        self._best: list[float] = []
        self._drawn = 0.0
        self._heartbeat: Heartbeat | None = None
        self._shown: Any = None  # the table of the last generation

    @property
    def fits(self) -> bool:
        """Whether the terminal can show a panel."""
        return not self.console.is_dumb_terminal and self.console.width >= NARROWEST

    def begin(self, config: Config, run: Run, folder: Path | None) -> None:
        from rich.live import Live as RichLive
        from rich.text import Text

        facts = f"population {config.neat.population:,} · seed {run.settings.seed}" + (f" · {folder}" if folder else "")
        self._title = Text.assemble(" ", (config.task.name, "bold"), "  ", (facts, "dim"), " ")
        self._live = RichLive(console=self.console, refresh_per_second=8, transient=False)
        self._live.start()
        self._live.update(self._panel(PREPARING))
        self._heartbeat = Heartbeat(run, self._wait, 1.0)

    def generation(self, row: Row, run: Run) -> None:
        self._best.append(row.best)
        if self._heartbeat is not None:
            self._heartbeat.generation()
        now = time.monotonic()
        if now - self._drawn < 0.1 and not run.solved:
            return
        self._drawn = now
        self._shown = self._table(row, run)
        self._live.update(self._panel(self._shown))

    def _wait(self, text: str) -> None:
        """Under what is shown, what the run waits for."""
        from rich.console import Group
        from rich.text import Text

        line, live = Text(text, style="dim"), self._live
        if live is not None:
            live.update(self._panel(line if self._shown is None else Group(self._shown, Text(), line)))

    def _panel(self, content: Any) -> Any:
        from rich.panel import Panel

        return Panel(
            content,
            title=self._title,
            title_align="left",
            border_style="cyan",
            padding=(1, 2),
            width=min(self.console.width, 100),
        )

    def _table(self, row: Row, run: Run) -> Any:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        settings = run.settings
        minutes = (run.seconds, settings.minutes * 60)
        limits = (run.generations, settings.generations), (run.evaluations, settings.evaluations), minutes
        done, left = progress(limits, run.seconds)
        of = f" of {settings.generations}" if settings.generations else ""
        far = f"[dim]generation[/] {row.generation + 1}{of}   [dim]{left}[/]"
        grid = Table.grid(padding=(0, 2))
        grid.add_column(style="dim", no_wrap=True)
        grid.add_column(no_wrap=True)
        grid.add_column(style="dim", no_wrap=True)
        grid.add_column(no_wrap=True)
        grid.add_row("best", f"[bold green]{number(row.best)}[/]", "species", str(row.species))
        grid.add_row("mean", number(row.mean), "nodes", f"{row.nodes:.1f} a genome")
        grid.add_row("evaluations", f"{row.evaluations:,}", "connections", f"{row.connections:.1f} a genome")
        champion = run.champion
        if champion is not None:
            target, mark = run.task.target, ""
            if target is not None:
                mark = "  [bold green]passed[/]" if run.solved else f"  [dim]of {number(target)}[/]"
            size = f"{champion.genome.num_hidden} hidden, {int(champion.genome.enabled.sum())} links"
            grid.add_row("champion", f"{number(champion.score)}{mark}", "size", size)
        if row.failed:
            grid.add_row("[red]failed[/]", f"[red]{row.failed}[/]", "", "")
        bar = Table.grid(padding=(0, 1))
        width = min(self.console.width, 100) - 8
        bar.add_row(ProgressBar(100, 100 * done, width=max(8, min(width - 46, 40))), far)
        return Group(bar, Text(), grid, Text(), Text(sparkline(self._best, width), style="green"))

    def finish(self, summary: dict[str, Any], config: Config, folder: Path | None) -> None:
        self.end()
        for k, line in enumerate(closing_lines(summary, config, folder)):
            style = ("bold green" if summary["solved"] else "yellow") if k == 0 else ""
            self.console.print(line, style=style, highlight=False, markup=False, soft_wrap=True)

    def end(self) -> None:
        if self._heartbeat is not None:
            self._heartbeat.end()
            self._heartbeat = None
        if self._live is not None:
            self._live.stop()
            self._live = None

    def note(self, text: str) -> None:
        self.console.print(text, style="dim", highlight=False, markup=False, soft_wrap=True)

    def message(self, text: str) -> None:
        self.console.print(f"neat: {text}", style="yellow", highlight=False, markup=False, soft_wrap=True)


class TrainingLines:
    """A line every few seconds on a training of weights, with what remains."""

    def __init__(self, limits: Limits) -> None:
        self.limits, self._last = limits, time.monotonic()

    def __call__(self, evaluations: int, seconds: float, found: str) -> None:
        """Say what was found in so many evaluations."""
        if time.monotonic() - self._last < PACE:
            return
        self._last = time.monotonic()
        used = (evaluations, self.limits.evaluations), (seconds, 60 * self.limits.minutes)
        say(f"{counted(evaluations, 'evaluation')}: {found}, {progress(used, seconds)[1]}")


def say(text: str) -> None:
    """A line on standard error. Where that is closed or full, or its reader has gone, the run goes on all the same."""
    if sys.stderr is not None:  # of None, print would make standard output
        with contextlib.suppress(OSError, ValueError):
            print(text, file=sys.stderr, flush=True)


def make_display(quiet: bool) -> Display:
    """The display that suits standard error."""
    if quiet:
        return Display()
    if sys.stderr is None or not sys.stderr.isatty():
        return Lines()
    live = Live()
    return live if live.fits else Lines()


def progress(limits: Iterable[tuple[float, float]], seconds: float) -> tuple[float, str]:
    """Part of the nearest limit that is used up, 0 to 1, and the remaining time in words.

    Parameters
    ----------
    limits : of each, how much is used and how much there is; 0: no limit.
    seconds : since the beginning.
    """
    done = min(max((used / limit for used, limit in limits if limit), default=0.0), 1.0)
    return done, f"at most {duration(seconds * (1 - done) / done)} more" if done else ""


def counted(count: int, thing: str) -> str:
    """A count and its noun."""
    return f"{count:,} {thing}" + "s" * (count != 1)


def number(value: float) -> str:
    """With the digits that matter."""
    return rounded(value, 0) if abs(value) >= 1e5 else f"{value:.4g}"


def rounded(value: float, places: int) -> str:
    """With so many decimal places; of a number of very many digits, the first four."""
    return f"{value:,.{places}f}" if abs(value) < 1e15 else f"{value:.4g}"


def sparkline(values: list[float], width: int) -> str:
    """The values as a row of bars; each bar is the largest of its share of them."""
    finite = [v for v in values if v == v]
    if len(finite) < 2:
        return ""
    step = max(1, -(-len(finite) // max(1, width)))
    points = [max(finite[i : i + step]) / 2 for i in range(0, len(finite), step)]  # halves: the span must be finite
    low, span = min(points), (max(points) - min(points)) or 1.0
    return "".join(BARS[round((p - low) / span * (len(BARS) - 1))] for p in points)


def _line(row: Row, run: Run) -> str:
    score = f", champion {number(run.champion.score)}" if run.champion else ""
    failed = f", {row.failed} failed" if row.failed else ""
    return (
        f"generation {row.generation}: best {number(row.best)}, mean {number(row.mean)}, {row.species} species, "
        f"{row.nodes:.1f} nodes, {row.connections:.1f} connections{score}{failed}"
    )


def closing_lines(summary: dict[str, Any], config: Config, folder: Path | None) -> list[str]:
    """What is said when a run has ended."""
    done = counted(summary["generations"], "generation")
    effort = f"{done}, {summary['evaluations']:,} evaluations, {summary['seconds']:.1f} s"
    stopped = summary["stopped"]
    if stopped == "interrupted":
        lines = [f"Interrupted: {effort}" + (f"; `neat resume {folder}` goes on" if folder else "")]
    elif summary["solved"]:
        lines = [f"Solved: {effort}"]
    elif summary["target"] is None:
        lines = [f"Done: {effort}"]
    else:
        lines = [f"Not solved ({stopped}): {effort}"]
    champion = summary["champion"]
    if champion:
        size = f"{counted(champion['hidden'], 'hidden node')}, {counted(champion['connections'], 'connection')}"
        lines.append(f"Champion: {size}, fitness {number(champion['fitness'])}, check {number(champion['score'])}")
    elif summary["generations"]:
        lines.append("No champion: every genome failed, by an exception or a number that is not finite")
    if "test" in summary:
        test = summary["test"]
        if "metric" in test:
            unseen = "on the train rows: there are no others" if test["part"] == "train" else "on test rows"
            lines.append(f"Test: {test['metric']} {number(test['score'])} ({test['rows']} rows, {unseen})")
        else:
            returns = f"mean {rounded(test['mean'], 1)} over {test['episodes']} fresh episodes"
            span = f"min {rounded(test['min'], 0)}, max {rounded(test['max'], 0)}"
            lines.append(f"Tested in Gymnasium's {config.task.name}: {returns} ({span})")
    if folder is not None:
        lines.append(f"Everything is in {folder}: `neat show {folder}`")
    return lines
