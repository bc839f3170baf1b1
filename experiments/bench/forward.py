"""Forward evaluation of irregular networks: activations (one genome on one row) per second, beside the machine's limit.

The limit is of multiply-adds at random rows of a small buffer.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from experiments.bench.harness import Benchmark, Figure, rate, seconds
from genomes.forward import forward
from genomes.functions import ACTIVATIONS, activation_code
from genomes.kernels.binding import kernel
from genomes.kernels.parallel import get_threads, parallel_for
from genomes.networks import Networks

__all__ = ["bench"]

GENOMES, ROWS, INPUTS, OUTPUTS, HIDDEN, EDGES = 1000, 1000, 8, 4, 20, 100
REPEATS = 51
LANES, LIMIT_PASSES = np.uint64(128), 20_000


def random_networks(seed: int = 1, genomes: int = GENOMES) -> Networks:
    """Feed-forward networks whose connections all matter: each hidden node feeds a later one."""
    rng = np.random.default_rng(seed)
    nodes = HIDDEN + OUTPUTS
    sources, counts = [], []
    for _ in range(genomes):
        links = {(INPUTS + h, int(rng.integers(h + 1, nodes))) for h in range(HIDDEN)}
        links |= {(int(rng.integers(INPUTS)), node) for node in range(nodes)}
        while len(links) < EDGES:
            target = int(rng.integers(nodes))
            links.add((int(rng.integers(INPUTS + min(target, HIDDEN))), target))
        ordered = sorted(links, key=lambda link: (link[1], link[0]))
        sources += [source for source, _ in ordered]
        counts += np.bincount([target for _, target in ordered], minlength=nodes).tolist()
    total = genomes * nodes
    return Networks(
        INPUTS,
        OUTPUTS,
        None,
        False,
        node_start=np.arange(genomes + 1, dtype=np.int64) * nodes,
        edge_start=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        bias=rng.standard_normal(total).astype(np.float32),
        activation=np.full(total, activation_code("tanh"), np.uint8),
        aggregation=np.zeros(total, np.uint8),
        source=np.array(sources, np.int32),
        weight=rng.standard_normal(len(sources)).astype(np.float32),
        output_slot=np.tile(np.arange(INPUTS + HIDDEN, INPUTS + nodes, dtype=np.int32), (genomes, 1)),
    )


def multiply_add(a, b, c):
    """a * b + c; bound to the fused operation."""
    return a * b + c


@kernel
def limit(begin, end, source, target, weight, passes):
    """Multiply-adds of a thread's own x [32, 128] and y [24, 128] along random edges, ``passes`` times over."""
    for _ in range(begin, end):
        x, y = np.ones(32 * LANES, np.float32), np.zeros(24 * LANES, np.float32)
        for _ in range(passes):
            for e in range(source.shape[0]):
                add_row(x, y, LANES * np.uint64(source[e]), LANES * np.uint64(target[e]), weight[e])


def add_row(x, y, source, target, weight):
    """y[target] += weight * x[source]"""
    for r in range(LANES):
        y[target + r] = multiply_add(weight, x[source + r], y[target + r])


def bench(progress: Callable[[str], None]) -> Benchmark:
    """Run the benchmark."""
    from genomes.kernels.vector import fused_multiply_add

    rng = np.random.default_rng(1)
    tanh = random_networks()
    mixed = replace(tanh, activation=rng.choice(list(ACTIVATIONS.values()), len(tanh.bias)).astype(np.uint8))
    X = rng.standard_normal((ROWS, INPUTS)).astype(np.float32)
    source, target = rng.integers(32, size=EDGES), rng.integers(24, size=EDGES)
    weight = rng.standard_normal(EDGES).astype(np.float32) * np.float32(1e-3)
    driver, threads = limit.bind(multiply_add=fused_multiply_add), get_threads()

    progress("forward, its limit and mixed functions in turn")
    works = (
        lambda: forward(tanh, X),
        lambda: parallel_for(driver, threads, source, target, weight, LIMIT_PASSES),
        lambda: forward(mixed, X),
    )
    samples = [[seconds(work, repeats=1, warm_up=int(k == 0))[0] for work in works] for k in range(REPEATS)]
    tanh_seconds, limit_seconds, mixed_seconds = zip(*samples, strict=True)

    activations, edge_rows = GENOMES * ROWS, GENOMES * ROWS * EDGES
    multiply_adds = threads * LIMIT_PASSES * EDGES * int(LANES)
    share = [edge_rows / own / (multiply_adds / limit) for own, limit in zip(tanh_seconds, limit_seconds, strict=True)]
    return Benchmark(
        "forward",
        {
            "genomes": GENOMES, "rows": ROWS, "inputs": INPUTS, "outputs": OUTPUTS, "hidden": HIDDEN,
            "connections": EDGES, "activations": len(ACTIVATIONS),
        },
        {
            "activations_per_s": rate(activations, tanh_seconds, "activations/s"),
            "ns_per_edge_row": Figure.of([s * 1e9 / edge_rows for s in tanh_seconds], "ns"),
            "share_of_limit": Figure.of(share, "of the multiply-adds/s"),
            "activations_per_s_mixed": rate(activations, mixed_seconds, "activations/s"),
            "limit": rate(multiply_adds, limit_seconds, "multiply-adds/s"),
        },
        ["an activation is one genome on one row; the limit is y[d[e], :128] += w[e] * x[s[e], :128] in each thread's"
         " first-level cache"],
    )  # fmt: skip
