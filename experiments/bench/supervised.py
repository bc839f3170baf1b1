"""Supervised evaluation: losses and gradients of whole populations on data, against the rate of forward alone.

Forward and loss are one pass. The last figure is the memory that many genomes on many rows take.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from envs.measuring import gradients, measure
from envs.rows import Rows
from experiments.bench import forward as forward_bench
from experiments.bench.forward import EDGES, GENOMES, INPUTS, OUTPUTS, random_networks
from experiments.bench.harness import Benchmark, Figure, rate, seconds
from genomes.forward import forward
from genomes.networks import Networks

__all__ = ["bench"]

ROWS, GRADIENT_ROWS, REPEATS = 100_000, 20_000, 5
MEMORY_GENOMES = 10_000
_PEAK = "from experiments.bench.supervised import peak; print(peak())"


def rows_of_data(kind: str) -> Rows:
    """Random rows with ``"numbers"`` or ``"classes"`` as targets."""
    rng = np.random.default_rng(2)
    X = rng.standard_normal((ROWS, INPUTS)).astype(np.float32)
    if kind == "numbers":
        return Rows(X, rng.standard_normal((ROWS, OUTPUTS)).astype(np.float32))
    return Rows(X, rng.integers(OUTPUTS, size=ROWS).astype(np.int32))


def repeated(networks: Networks, times: int) -> Networks:
    """The same networks several times over."""
    arrays: dict[str, Any] = {
        name: np.tile(getattr(networks, name), times)
        for name in ("bias", "activation", "aggregation", "source", "weight")
    }
    starts: dict[str, Any] = {
        name: np.append(np.concatenate([start[:-1] + k * start[-1] for k in range(times)]), times * start[-1])
        for name, start in (("node_start", networks.node_start), ("edge_start", networks.edge_start))
    }
    return replace(networks, **arrays, **starts, output_slot=np.tile(networks.output_slot, (times, 1)))


def peak() -> int:
    """Bytes that a process of its own takes at most for a large population on all rows."""
    import resource

    measure(repeated(random_networks(), MEMORY_GENOMES // GENOMES), rows_of_data("classes"), "cross-entropy", OUTPUTS)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def bench(progress: Callable[[str], None]) -> Benchmark:
    """Run the benchmark."""
    networks, numbers, classes = random_networks(), rows_of_data("numbers"), rows_of_data("classes")
    few_numbers, few_classes = (rows.select(np.arange(GRADIENT_ROWS)) for rows in (numbers, classes))
    stretches = range(0, ROWS, forward_bench.ROWS)

    def forward_alone() -> None:
        for first in stretches:
            forward(networks, classes.X[first : first + forward_bench.ROWS])

    works: dict[str, Callable[[], object]] = {
        "forward": forward_alone,
        "cross_entropy": lambda: measure(networks, classes, "cross-entropy", OUTPUTS),
        "mse": lambda: measure(networks, numbers, "mse"),
        "accuracy": lambda: measure(networks, classes, "accuracy", OUTPUTS),
        "gradient": lambda: gradients(networks, few_classes, "cross-entropy", OUTPUTS),
        "gradient_mse": lambda: gradients(networks, few_numbers, "mse"),
    }
    progress("forward, losses and gradients in turn")
    times: dict[str, list[float]] = {name: [] for name in works}
    for k in range(REPEATS):
        for name, work in works.items():
            times[name] += seconds(work, repeats=1, warm_up=int(k == 0))
    progress(f"peak memory of {MEMORY_GENOMES:,} genomes")
    peak = float(subprocess.run([sys.executable, "-c", _PEAK], check=True, capture_output=True, text=True).stdout)

    def over_forward(name: str, scale: float = 1.0) -> list[float]:
        return [scale * own / base for own, base in zip(times[name], times["forward"], strict=True)]

    def share(name: str) -> Figure:
        return Figure.of([1 / ratio for ratio in over_forward(name)], "of forward's rate")

    activations, more = GENOMES * ROWS, ROWS / GRADIENT_ROWS
    return Benchmark(
        "supervised",
        {
            "genomes": GENOMES, "rows": ROWS, "gradient rows": GRADIENT_ROWS, "inputs": INPUTS, "outputs": OUTPUTS,
            "connections": EDGES,
        },
        {
            "activations_per_s": rate(activations, times["cross_entropy"], "activations/s"),
            "share_of_forward": share("cross_entropy"),
            "share_of_forward_mse": share("mse"),
            "share_of_forward_accuracy": share("accuracy"),
            "gradient_over_forward": Figure.of(over_forward("gradient", more), "of forward's time"),
            "gradient_over_forward_mse": Figure.of(over_forward("gradient_mse", more), "of forward's time"),
            "forward_activations_per_s": rate(activations, times["forward"], "activations/s"),
            "peak_memory": Figure.of([peak / 2**20], "MiB"),
        },
        ["an activation is one genome on one row; the loss is cross-entropy (softmax) where none is named; gradients"
         " count their own forward pass; peak memory is a whole process's, "
         f"{MEMORY_GENOMES:,} genomes on {ROWS:,} rows"],
    )  # fmt: skip
