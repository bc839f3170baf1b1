"""The study's page: index.html and its pictures, from results.csv alone."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments.bench.peers.poles import RESTART
from experiments.machine import whole
from experiments.plot import import_matplotlib
from experiments.study.answers import break_even, sentences
from experiments.study.measure import Row, network, solved
from experiments.study.plan import GRADIENTS, HARD, OPTIONS, Level, weights_of, why_not
from experiments.study.run import Results, mean_and_spread

__all__ = ["write_page"]

Cells = Sequence[str]
TITLES = {
    "zero-one": "The loss counts errors: gradients, elm and eki get a surrogate, cross-entropy or least squares",
    "noisy": "Noisy loss: 4 rows an evaluation",
    "saturated": "Bad start: all weights N(0, 1), units saturated",
    "maze": "A deceptive maze (score of the task's check; no gradient exists)",
    "delayed": "Delayed reward: MountainCar-v0 (mean return of 100 fresh episodes; solved at -110)",
    "architecture": "Architecture unknown: evaluations until two poles without velocities are balanced",
}


def write_page(folder: Path, results: Results, level: Level) -> list[str]:
    """Write index.html and its pictures; the answer, sentence by sentence."""
    _draw_sizes(folder / "sizes.png", results, level)
    _draw_cosines(folder / "cosine.png", results, level)
    _draw_break_even(folder / "parallel.png", results)
    answer = sentences(results, level)
    parts = [
        "<h1>Training networks without gradients</h1>",
        f"<p>Level {level.name}: seeds 1 to {level.seeds}; mean ± standard deviation over them. Times are processor "
        f"time of one thread of {html.escape(results.machine)}. Every number comes from results.csv beside this page, "
        f"which <code>neat study gradient-free --{level.name}</code> makes again (what a time limit ends may "
        "differ).</p>",
        "<h2>The answer</h2><ol>" + "".join(f"<li>{html.escape(text)}</li>" for text in answer) + "</ol>",
        "<h2 id=f1>Figure 1. Accuracy on digits by number of weights, the same time for each method</h2>",
        f"<p>One hidden layer; {level.seconds:g} s of processor time a training; settings chosen among two on the "
        "validation rows with the same time; accuracy on 359 test rows.</p>",
        "<img src=sizes.png>",
        _sizes_table(results, level),
        "<h2 id=f2>Figure 2. Cosine between the steepest descent and the first step</h2>",
        "<p>Cross-entropy on all train rows of digits, from a random start; by population.</p><img src=cosine.png>",
        "<h2 id=f3>Figure 3. Where gradients are said to fail</h2>",
        f"<p>The first three are on digits, {weights_of(HARD):,} weights, {level.seconds:g} s a training, settings "
        f"chosen as above. The maze and MountainCar-v0 take {level.tasks:,} evaluations, the poles {level.poles:,} "
        f"(a search begins anew every {RESTART:,}), with the settings that results.csv names.</p>",
        *(_hard_table(results, case) for case in TITLES),
        "<h2 id=f4>Figure 4. Parallel break-even</h2><img src=parallel.png>",
        _parallel_text(results),
    ]
    style = (
        "body{font:16px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}img{max-width:100%}"
        "table{border-collapse:collapse;margin:1em 0;font-size:14px}td,th{padding:.2em .8em;"
        "border-bottom:1px solid #ddd;text-align:right}td:first-child,th:first-child{text-align:left}"
    )
    text = f"<!doctype html><meta charset=utf-8><title>Without gradients</title><style>{style}</style>" + "\n".join(
        parts
    )
    with whole(folder / "index.html") as file:
        file.write_text(text + "\n", encoding="utf-8")
    return answer


# --- tables


def _table(head: Cells, rows: Sequence[Cells]) -> str:
    def line(cells: Cells, tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    return "<table>" + line(head, "th") + "".join(line(row, "td") for row in rows) + "</table>"


def shown(values: Sequence[float], digits: int = 3) -> str:
    """Mean ± deviation, and how many are missing."""
    mean, spread, count = mean_and_spread(values)
    if not count:
        return "never" if values else ""
    missing = f" ({count} of {len(values)})" if count < len(values) else ""
    pattern = f",.{digits}f" if abs(mean) < 1000 else ",.0f"
    return f"{mean:{pattern}} ± {spread:{pattern}}{missing}"


def _sizes_table(results: Results, level: Level) -> str:
    rows = []
    for method in OPTIONS:
        cells = [method]
        for hidden in level.hidden:
            own = [r for r in results.of("sizes") if r.method == method and r.weights == weights_of(hidden)]
            known = [r for r in own if not math.isnan(r.value)]
            if not known:
                cells.append(why_not(method, hidden) or (own[0].note[:60] if own else "not measured"))
                continue
            evaluations = mean_and_spread([r.evaluations for r in known])[0]
            seconds = mean_and_spread([r.seconds for r in known])[0]
            cells.append(f"{shown([r.value for r in own])} | {evaluations:,.0f} evaluations, {seconds:.2g} s")
        rows.append(cells)
    return _table(["method", *(f"{weights_of(hidden):,} weights" for hidden in level.hidden)], rows)


def _hard_table(results: Results, case: str) -> str:
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in results.of("hard", case):
        groups.setdefault((row.method, network(row)), []).append(row)
    poles, task = case == "architecture", case in ("architecture", "maze", "delayed")

    def rank(rows: list[Row]) -> tuple[int, float]:
        mean, _, count = mean_and_spread([row.value for row in rows])
        return (-count, mean if count else math.inf) if poles else (0, -mean if count else math.inf)

    lines = []
    for (method, net), own in sorted(groups.items(), key=lambda item: rank(item[1])):
        kind = "gradient" if method in GRADIENTS else "closed form" if method == "elm" else ""
        cells = [method, *([net] if task else []), shown([r.value for r in own], 0 if poles else 1 if task else 3)]
        if not poles:
            cells.append(f"{mean_and_spread([r.evaluations for r in own])[0]:,.0f}")
        lines.append([*cells, f"{sum(map(solved, own))} of {len(own)}" if task else kind])
    head = ["method", *(["network"] if task else []), "evaluations of the runs that solved it" if poles else "score"]
    head += ([] if poles else ["evaluations"]) + ["solved" if task else ""]
    return f"<h3>{TITLES[case]}</h3>" + _table(head, lines)


def _parallel_text(results: Results) -> str:
    found = break_even(results)
    if found is None:
        return "<p>A method did not reach the target within its time: there is no break-even to show.</p>"
    workers = f"{found.workers:,}" if found.workers else "no number of workers"
    return (
        f"<p>Measured: Adam reaches the accuracy in {found.adam:.3f} s; OpenAI-ES needs {found.generations:.0f} "
        f"generations of {found.population}, {1e6 * found.evaluation:.0f} µs a candidate, "
        f"{1e6 * found.update:.0f} µs a generation for drawing and summing the noise, {1e6 * found.message:.0f} µs a "
        f"message by a pipe of this machine. <b>Extrapolated</b>: with W workers a generation takes "
        f"⌈{found.population} / W⌉ evaluations, W messages one after another and the update: break-even at {workers}. "
        "Messages over a network are slower than a pipe, workers that each draw all the noise make the update "
        "parallel: neither was measured.</p>"
    )


# --- pictures


def _axes(title_x: str, title_y: str, count: int = 1) -> tuple[Any, Any]:
    import_matplotlib().use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, count, figsize=(4.6 * count + 3, 5), squeeze=False, layout="constrained")
    for axis in axes[0]:
        axis.set_xlabel(title_x)
        axis.set_ylabel(title_y)
        axis.set_xscale("log")
    return figure, axes[0]


def _save(figure: Any, path: Path) -> None:
    from matplotlib import pyplot

    with whole(path) as file:
        figure.savefig(file, dpi=110, format="png")
    pyplot.close(figure)


def _style(k: int, method: str) -> dict[str, Any]:
    from matplotlib import colormaps

    kind = "--" if method in GRADIENTS else ":" if method == "elm" else "-"
    return {
        "color": colormaps["tab20"](k % 20),
        "marker": "osv^D"[k % 5],
        "linestyle": kind,
        "markersize": 4,
        "capsize": 2,
    }


def _draw_sizes(path: Path, results: Results, level: Level) -> None:
    figure, (left, right) = _axes("weights", "accuracy on test rows", 2)
    for k, method in enumerate(OPTIONS):
        points = []
        for hidden in level.hidden:
            own = [r for r in results.of("sizes") if r.method == method and r.weights == weights_of(hidden)]
            mean, spread, count = mean_and_spread([r.value for r in own])
            if count:
                points.append((weights_of(hidden), mean, spread, mean_and_spread([r.evaluations for r in own])[0]))
        if points:
            x, y, error, evaluations = zip(*points, strict=True)
            left.errorbar(x, y, error, label=method, **_style(k, method))
            right.errorbar(x, evaluations, **_style(k, method))
    left.set_ylim(0, 1)
    right.set_yscale("log")
    right.set_ylabel("evaluations in the same time")
    figure.legend(loc="outside right upper", fontsize=8)
    _save(figure, path)


def _draw_cosines(path: Path, results: Results, level: Level) -> None:
    figure, axes = _axes("weights", "cosine", len(level.populations))
    methods = list(dict.fromkeys(row.method for row in results.of("cosine")))
    for axis, population in zip(axes, level.populations, strict=True):
        axis.set_title(f"population {population}")
        axis.set_ylim(-0.1, 1)
        for k, method in enumerate(methods):
            cases = (str(population), "1", "D + 1")
            own = [r for r in results.of("cosine") if r.method == method and r.case in cases]
            points = [
                (size, *mean_and_spread([r.value for r in own if r.weights == size])[:2])
                for size in sorted({r.weights for r in own})
            ]
            if points:
                x, y, error = zip(*points, strict=True)
                axis.errorbar(x, y, error, label=method, **_style(k, method))
    handles, names = axes[-1].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside right upper", fontsize=8)
    _save(figure, path)


def _draw_break_even(path: Path, results: Results) -> None:
    figure, (axis,) = _axes("workers", "seconds to the target")
    found = break_even(results)
    if found is not None:
        workers = [2**k for k in range(11)]
        axis.plot(workers, [found.seconds(w) for w in workers], "o-", label="OpenAI-ES: 1 measured, more extrapolated")
        axis.axhline(found.adam, color="C1", linestyle="--", label="Adam on one machine, measured")
        axis.set_yscale("log")
        axis.legend()
    _save(figure, path)
