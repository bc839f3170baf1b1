"""Pictures of a run: the champion's network, fitness over the generations, species over the generations."""

from __future__ import annotations

import contextlib
import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.errors import BadInput
from experiments.reading import read_stored
from genomes.files import writing
from genomes.functions import activation_name
from genomes.graph import layered_layout
from genomes.population import Genome
from genomes.stored import shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "METRICS",
    "SPECIES",
    "draw_fitness",
    "draw_network",
    "draw_species",
    "has_matplotlib",
    "import_matplotlib",
    "read_table",
]

INK, FAINT = "#22303c", "#b8c2cc"
POSITIVE, NEGATIVE = "#1f77b4", "#d1495b"
KINDS = {"input": "#dfe7ee", "bias": "#f3e6c4", "hidden": "#ffffff", "output": "#d5ecd9"}
DPI = 150
CLEARANCE = 0.3  # inches between a connection and the middle of a node that is not its own
BENDS = (0.0, 0.12, -0.12, 0.22, -0.22, 0.34, -0.34, 0.48, -0.48)  # of a connection, as matplotlib's arc3 counts
MOST = 2**53  # of a count
LARGEST = 1e300  # that an axis can show
METRICS = {"generation": True} | dict.fromkeys(("best", "mean", "score", "nodes", "connections"), False)
SPECIES = dict.fromkeys(("generation", "species", "size"), True)
LARGE = 20, 150  # nodes of a layer, connections: with more, a network is drawn without labels


def has_matplotlib() -> bool:
    """Whether pictures can be drawn: they need the extra `report`."""
    from importlib.util import find_spec

    return find_spec("matplotlib") is not None


def import_matplotlib() -> Any:
    """matplotlib, whatever the variable MPLBACKEND says: pictures go to files, no window is opened."""
    import os

    backend = os.environ.pop("MPLBACKEND", None)
    try:
        import matplotlib
    finally:
        if backend is not None:
            os.environ["MPLBACKEND"] = backend
    if backend is not None:
        with contextlib.suppress(ValueError):  # there is no backend of this name
            matplotlib.rcParams["backend"] = backend
    return matplotlib


def draw_network(genome: Genome, path: Path, title: str = "") -> None:
    """Nodes in layers; connections coloured by sign, as wide as their weights, dashed where disabled."""
    import_matplotlib()
    from matplotlib.patheffects import withStroke

    graph, place = genome.to_networkx(), layered_layout(genome)
    columns = len({x for x, _ in place.values()})
    tallest = max(np.unique([x for x, _ in place.values()], return_counts=True)[1])
    if tallest > LARGE[0] or len(genome.weight) > LARGE[1]:
        _draw_large_network(genome, graph, place, path, title)
        return
    width, height = max(6.0, 1.9 * columns), max(3.8, 0.75 * tallest + 1.4)
    figure, axes = _canvas(width, height, title)
    axes.set_axis_off()
    axes.set(xlim=(-0.16, 1.16), ylim=(-0.12, 1.08))
    scale = width / 1.32, 0.85 * height / 1.2  # inches of the unit square
    strongest = max((abs(edge["weight"]) for *_, edge in graph.edges(data=True)), default=1.0) or 1.0
    for source, target, edge in sorted(graph.edges(data=True), key=lambda e: e[2]["enabled"]):
        strength = abs(edge["weight"]) / strongest
        enabled = edge["enabled"]
        style: dict[str, Any] = {
            "arrowstyle": "-|>,head_length=0.55,head_width=0.24",
            "color": (POSITIVE if edge["weight"] >= 0 else NEGATIVE) if enabled else FAINT,
            "linewidth": 0.7 + 3.3 * strength if enabled else 0.9,
            "linestyle": "-" if enabled else (0, (4, 3)),
            "alpha": 0.55 + 0.4 * strength if enabled else 0.9,
            "shrinkA": 13,
            "shrinkB": 14,
            "connectionstyle": f"arc3,rad={_bend(place, source, target, scale)}",
        }
        axes.annotate("", place[target], place[source], arrowprops=style, zorder=1 + enabled)
    for node, data in graph.nodes(data=True):
        x, y = place[node]
        axes.scatter([x], [y], s=640, color=KINDS[data["kind"]], edgecolors=INK, linewidths=1.2, zorder=3)
        axes.annotate(str(node), (x, y), ha="center", va="center", fontsize=9, color=INK, zorder=4)
        side: dict[str, Any] = {"ha": "center", "va": "top", "textcoords": "offset points", "zorder": 4}
        label = data["kind"] if data["kind"] in ("input", "bias") else data["activation"].replace("_", " ")
        if data["kind"] not in ("input", "bias") and data["aggregation"] != "sum":
            label += f" of {data['aggregation']}"
        text = axes.annotate(label, (x, y), (0, -16), fontsize=7.5, color=INK, **side)
        text.set_path_effects([withStroke(linewidth=2.5, foreground="white")])
    signs = [("positive weight", POSITIVE, "-"), ("negative weight", NEGATIVE, "-")]
    if not genome.enabled.all():
        signs.append(("disabled", FAINT, "--"))
    for label, color, line in signs:
        axes.plot([], [], color=color, linestyle=line, linewidth=2, label=label)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, -0.02), ncol=3, frameon=False, fontsize=8, labelcolor=INK)
    _save(figure, path)


def _draw_large_network(
    genome: Genome, graph: Any, place: dict[int, tuple[float, float]], path: Path, title: str
) -> None:
    """Enabled connections as thin lines, nodes as dots as large as there is room for."""
    from matplotlib.collections import LineCollection

    figure, axes = _canvas(10.0, 7.0, title)
    axes.set_axis_off()
    axes.set(xlim=(-0.04, 1.04), ylim=(-0.06, 1.02))
    edges = sorted(
        ((abs(edge["weight"]), edge["weight"], s, t) for s, t, edge in graph.edges(data=True) if edge["enabled"])
    )
    strongest = edges[-1][0] if edges and edges[-1][0] else 1.0
    axes.add_collection(
        LineCollection(
            [(place[s], place[t]) for *_, s, t in edges],
            colors=[(POSITIVE if weight >= 0 else NEGATIVE) for _, weight, *_ in edges],
            linewidths=[0.3 + 1.7 * strength / strongest for strength, *_ in edges],
            alpha=[min(1.0, 0.15 + 0.7 * strength / strongest) for strength, *_ in edges],
            zorder=1,
        )
    )
    linked = {node for *_, s, t in edges for node in (s, t)}
    layers: dict[float, list[int]] = {}
    for node, (x, _) in place.items():
        layers.setdefault(x, []).append(node)
    for nodes in layers.values():
        size = float(np.clip(4000.0 / len(nodes), 3.0, 150.0))
        for node in nodes:
            kind = graph.nodes[node]["kind"]
            faint = kind == "input" and node not in linked
            color, rim = (FAINT, "none") if faint else (KINDS[kind], INK)
            axes.scatter(*place[node], s=size / (3 if faint else 1), color=color, edgecolors=rim, lw=0.6, zorder=3)
    used = sum(graph.nodes[n]["kind"] == "input" for n in linked)
    facts = f"{used} of {genome.num_inputs} inputs, {genome.num_hidden} hidden nodes, {genome.num_outputs} outputs"
    axes.text(0.5, -0.04, f"{facts}, {len(edges)} connections", ha="center", fontsize=8, color=INK)
    _save(figure, path)


def draw_fitness(rows: dict[str, Any], path: Path, title: str = "") -> None:
    """Best and mean fitness, and the size of the genomes below, of the columns of metrics.csv."""
    rows = {name: np.clip(values, -LARGEST, LARGEST) for name, values in rows.items()}
    figure, (upper, lower) = _canvas(8.0, 5.2, title, panels=2)
    generation = rows["generation"]
    upper.plot(generation, rows["best"], color=POSITIVE, linewidth=1.8, label="best")
    upper.plot(generation, rows["mean"], color="#e09f3e", linewidth=1.4, label="mean")
    checked = np.isfinite(rows["score"])
    if checked.any() and _same_scale(rows["score"][checked], rows["best"]):
        upper.plot(generation[checked], rows["score"][checked], "o", color=INK, markersize=3, label="check")
    upper.set_ylabel("fitness")
    lower.plot(generation, rows["nodes"], color="#4d8b74", linewidth=1.4, label="nodes")
    lower.plot(generation, rows["connections"], color="#7b5ea7", linewidth=1.4, label="enabled connections")
    lower.set_ylabel("mean of a genome")
    lower.set_xlabel("generation")
    for axes in (upper, lower):
        axes.legend(frameon=False, fontsize=8, labelcolor=INK, loc="best")
        _tidy(axes, generation)
    _save(figure, path)


def draw_species(rows: dict[str, Any], path: Path, title: str = "") -> None:
    """Sizes of the species, stacked, of the columns of species.csv."""
    matplotlib = import_matplotlib()
    generations = np.unique(rows["generation"])
    ids, row = np.unique(rows["species"], return_inverse=True)
    sizes = np.zeros((len(ids), len(generations)))
    sizes[row, np.searchsorted(generations, rows["generation"])] = rows["size"]
    figure, axes = _canvas(8.0, 4.2, title)
    palette = matplotlib.colormaps["turbo"]  # the hue tells when a species was founded
    colors = [_shade(palette(0.08 + 0.84 * k / max(len(ids) - 1, 1)), 1 + k % 3) for k in range(len(ids))]
    step = np.append(generations, generations[-1] + 1)  # a single generation has a width, too
    axes.stackplot(
        step,
        np.column_stack((sizes, sizes[:, -1])),
        colors=colors,
        edgecolor="white",
        linewidth=0.3 if len(generations) <= 100 else 0.0,
        step="post",
    )
    axes.set(xlabel="generation", ylabel="genomes", ylim=(0, max(sizes.sum(axis=0).max(), 1)))
    lasting = np.argsort(-sizes.sum(axis=1), kind="stable")[:12]
    for k in lasting:
        at = int(np.argmax(sizes[k]))
        if sizes[k, at] > 0.08 * sizes[:, at].sum():
            middle = sizes[:k, at].sum() + sizes[k, at] / 2
            axes.text(step[at] + 0.5, middle, str(int(ids[k])), ha="center", va="center", fontsize=7.5, color=INK)
    axes.text(1.0, 1.02, f"{len(ids)} species in all", transform=axes.transAxes, ha="right", fontsize=8, color=INK)
    _tidy(axes, step)
    _save(figure, path)


def _shade(color: Any, depth: int) -> tuple[float, ...]:
    """A little lighter, so that neighbours differ."""
    return tuple(c + (1.0 - c) * 0.18 * depth for c in color[:3])


def _canvas(width: float, height: float, title: str, panels: int = 1) -> tuple[Any, Any]:
    import_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    ratios = {"height_ratios": [2, 1]} if panels == 2 else None
    axes = figure.subplots(panels, 1, sharex=True, gridspec_kw=ratios)
    if title:
        figure.suptitle(title, fontsize=11, color=INK, x=0.02, ha="left", parse_math=False)
    return figure, axes


def _tidy(axes: Axes, generation: Any) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.xaxis.label.set_color(INK)
    axes.yaxis.label.set_color(INK)
    axes.tick_params(colors=INK, labelsize=8, color=FAINT)
    axes.grid(axis="y", color="#eef1f4", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(generation) > 1:
        axes.set_xlim(generation[0], generation[-1])


def _save(figure: Any, path: Path) -> None:
    with writing(path) as file:
        figure.savefig(file, dpi=DPI, format="png", facecolor="white")


def _bend(place: dict[int, tuple[float, float]], source: int, target: int, size: tuple[float, float]) -> float:
    """How far a connection swings out of the straight line: the least that clears all other nodes."""
    if source == target:
        return 1.5
    ends = {node: np.multiply(xy, size) for node, xy in place.items()}
    start, end = ends[source], ends[target]
    others = np.array([xy for node, xy in ends.items() if node not in (source, target)]).reshape(-1, 2)
    t = np.linspace(0.0, 1.0, 33)[:, None]
    straight = (start + end) / 2
    side = np.array([end[1] - start[1], start[0] - end[0]])
    clear = {}
    for bend in BENDS if start[0] < end[0] else BENDS[2:]:
        curve = (1 - t) ** 2 * start + 2 * t * (1 - t) * (straight + bend * side) + t**2 * end
        distance = np.hypot(*(curve[:, None] - others).transpose(2, 0, 1)).min(initial=np.inf)
        if distance > CLEARANCE:
            return bend
        clear[bend] = distance
    return max(clear, key=lambda bend: clear[bend])


def _same_scale(scores: Any, fitness: Any) -> bool:
    finite = fitness[np.isfinite(fitness)]
    return bool(len(finite)) and 0.2 < (np.abs(scores).max() + 1e-9) / (np.abs(finite).max() + 1e-9) < 5.0


def read_table(path: Path, columns: dict[str, bool]) -> dict[str, Any] | None:
    """Columns of a run's CSV file as float64, NaN where a cell is empty. None where there is no file, or no row.

    Parameters
    ----------
    columns : names of those that are read, and whether they hold counts: whole numbers.

    Raises
    ------
    BadInput : it is no such file; one line that names the line, the column and the value.
    """
    try:
        text = read_stored(path).decode("utf-8")
        # Of a run that goes on, the last line may be half there.
        rows = list(csv.reader(text[: text.rfind("\n") + 1].splitlines()))
    except FileNotFoundError:
        return None
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"{path}: is damaged: {error}") from None
    if not text:  # the run has just begun
        return None
    header, *rows = rows or [[]]
    missing = [name for name in columns if name not in header]
    if missing:
        raise BadInput(f"{path}: is damaged: its first line must have the column {missing[0]}")
    table = {name: np.empty(len(rows)) for name in columns}
    for k, row in enumerate(rows):
        cells = dict(zip(header, row, strict=False))
        for name, count in columns.items():
            value = _number(cells.get(name, "none"), count)
            if value is None:
                wanted = "a whole number of 0 or more" if count else "a number"
                found = shown(cells.get(name))
                raise BadInput(f"{path}, line {k + 2}: is damaged: {name} must be {wanted}, got {found}")
            table[name][k] = value
    return table if rows else None


def _number(cell: str, count: bool) -> float | None:
    """The number in a cell, NaN in an empty one; None where there is none, or no count where there should be one."""
    try:
        value = float(cell or "nan")
    except ValueError:
        return None
    return None if count and not (0 <= value <= MOST and value == int(value)) else value


def describe_functions(genome: Genome) -> str:
    """The activations of a genome's computing nodes, with their counts."""
    codes, counts = np.unique(genome.activation[genome.num_inputs :], return_counts=True)
    return ", ".join(f"{activation_name(int(c))} ({n})" for c, n in zip(codes, counts, strict=True))
