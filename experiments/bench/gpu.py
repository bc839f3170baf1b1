"""The GPU: its tests, then forward, gradients and closed loops of whole populations.

``python -m experiments.bench.gpu --json FILE`` runs from a bare checkout with numpy, numba, numba-cuda, cupy, pytest.
Figures are written as they come; a part that fails is noted, and the rest goes on.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from experiments.bench.harness import Benchmark, Figure, rate, seconds
from experiments.errors import BadInput
from genomes.networks import Networks

__all__ = ["bench"]

_ROOT = Path(__file__).parents[2]
_BUDGET, _TESTS = 450.0, 240.0  # seconds of everything, and of the tests
ROWS, STEPS, REPEATS = 100_000, 500, 7
PURPOSE = 90  # of random numbers

Note = Callable[[Benchmark], None]


def bench(progress: Callable[[str], None], save: Note = lambda result: None) -> Benchmark:
    """Run the benchmark.

    Parameters
    ----------
    save : called after every part with what is known so far.
    """
    from envs.native import NATIVE_ENVS
    from genomes.backend import cuda_problem, device_name, multiprocessors

    problem = cuda_problem()
    if problem is not None:
        raise BadInput(f"the benchmark gpu: {problem}")
    work = {"gpu": device_name(), "multiprocessors": multiprocessors(), "rows": ROWS, "steps": STEPS}
    result = Benchmark("gpu", work)
    begin = time.monotonic()
    parts: list[tuple[str, Note]] = [
        ("tests", _tests),
        ("forward, 1,000 genomes", lambda r: _forward(r, 1)),
        ("forward, 10,000 genomes", lambda r: _forward(r, 10)),
        ("loss and gradient", _gradient),
        ("CartPole, 10,000 genomes", lambda r: _closed_loop(r, "CartPole-v1", 1)),
        ("CartPole, 100,000 genomes", lambda r: _closed_loop(r, "CartPole-v1", 10)),
    ]
    for env_id in NATIVE_ENVS:
        if env_id != "CartPole-v1":
            parts.append((env_id, lambda r, env_id=env_id: _closed_loop(r, env_id, 1)))  # type: ignore[misc]
    for name, part in parts:
        if time.monotonic() - begin > _BUDGET:
            result.notes.append(f"{name}: left out, the time was up")
            continue
        progress(f"{time.monotonic() - begin:4.0f} s  {name}")
        try:
            part(result)
        except Exception as error:  # the other figures are still worth having
            result.notes.append(f"{name}: failed: {type(error).__name__}: {str(error)[:2000]}")
            progress(result.notes[-1])
        _free_memory()
        save(result)
    return result


def _tests(result: Benchmark) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-o", "addopts=", "-p", "no:cacheprovider", "tests/cuda"]
    try:
        done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, timeout=_TESTS)
        lines = [line for line in done.stdout.splitlines() if "passed" in line or "failed" in line or "error" in line]
        result.notes.append("tests: " + (lines or [f"exit code {done.returncode}, no result"])[-1])
        if done.returncode:
            result.notes.append(done.stdout[-6000:])
    except subprocess.TimeoutExpired:
        result.notes.append(f"tests: not done after {_TESTS:.0f} s")


def _forward(result: Benchmark, thousands: int) -> None:
    """Outputs of all networks on all rows, networks and rows being on the device."""
    from experiments.bench.forward import EDGES, INPUTS, random_networks
    from genomes.backend import to_device
    from genomes.forward_cuda import forward_on_device

    networks = _repeated(random_networks(), thousands)
    columns = to_device(np.random.default_rng(1).standard_normal((INPUTS, ROWS)).astype(np.float32))
    name = f"forward_{len(networks)}"
    samples = _timed(result, name, lambda: forward_on_device(networks, columns))
    edge_rows = len(networks) * ROWS * EDGES
    result.figures[f"{name}_edge_rows_per_s"] = rate(edge_rows, samples, "edge-rows/s")
    result.figures[f"{name}_activations_per_s"] = rate(len(networks) * ROWS, samples, "activations/s")
    limit = _shared_memory_words()
    result.figures[f"{name}_share_of_limit"] = Figure.of([edge_rows / s / limit for s in samples], "of words/s")


def _gradient(result: Benchmark) -> None:
    """Cross-entropy of 4 classes and its gradient, 1,000 genomes."""
    from envs.losses import find_measure
    from envs.measuring_cuda import Data, gradient_sums_on_device, totals_on_device
    from envs.rows import Rows
    from experiments.bench.forward import INPUTS, OUTPUTS, random_networks

    rng = np.random.default_rng(1)
    networks, loss = random_networks(), find_measure("cross-entropy")
    X = rng.standard_normal((ROWS, INPUTS)).astype(np.float32)
    data = Data(Rows(X, rng.integers(OUTPUTS, size=ROWS).astype(np.int32)), INPUTS)
    forward = _timed(result, "loss_1000", lambda: totals_on_device(networks, data, loss))
    backward = _timed(result, "gradient_1000", lambda: gradient_sums_on_device(networks, data, loss))
    result.figures["loss_activations_per_s"] = rate(len(networks) * ROWS, forward, "activations/s")
    ratio = [b / f for b, f in zip(backward, forward, strict=True)]
    result.figures["gradient_by_loss"] = Figure.of(ratio, "times the loss alone")


def _closed_loop(result: Benchmark, env_id: str, tens: int) -> None:
    """10,000 genomes of 12 connections and more, one episode each, all steps run."""
    from envs.native import native_env
    from envs.rollout import starting_states
    from envs.rollout_cuda import play_on_device
    from experiments.bench.control import GENOMES, endless, networks_of, random_links
    from genomes.backend import to_device

    env, rng = native_env(env_id), np.random.default_rng(1)
    topologies = [random_links(rng, env.num_inputs, env.num_outputs) for _ in range(GENOMES)]
    networks = _repeated(networks_of(topologies, env.num_inputs, env.num_outputs, rng), tens)
    starts = to_device(starting_states(env, (1, 0), PURPOSE, 1))
    forever = dataclasses.replace(env, id=f"{env_id} without end", step=endless(env.step), max_steps=STEPS)
    name = f"{env_id.rsplit('-', 1)[0].lower()}_{len(networks)}"
    samples = _timed(result, name, lambda: play_on_device(forever, networks, starts))
    result.figures[f"{name}_steps_per_s"] = rate(len(networks) * STEPS, samples, "steps/s")


def _timed(result: Benchmark, name: str, work: Callable[[], Any]) -> list[float]:
    """Seconds of each repetition; the first call, which compiles, apart."""
    from genomes.backend import synchronize

    def whole() -> None:
        work()
        synchronize()

    result.figures[f"{name}_first_s"] = Figure.of(seconds(whole, repeats=1, warm_up=0), "s, compilation included")
    samples = seconds(whole, repeats=REPEATS)
    result.figures[f"{name}_s"] = Figure.of(samples, "s")
    return samples


def _repeated(networks: Networks, times: int) -> Networks:
    """The networks several times over, with weights of their own."""
    if times == 1:
        return networks
    size, edges = len(networks.bias), len(networks.weight)
    starts = np.arange(times, dtype=np.int64)[:, None]
    weight = np.random.default_rng(2).permutation(np.tile(networks.weight, times))
    return dataclasses.replace(
        networks,
        node_start=np.append((networks.node_start[:-1] + starts * size).ravel(), times * size),
        edge_start=np.append((networks.edge_start[:-1] + starts * edges).ravel(), times * edges),
        bias=np.tile(networks.bias, times),
        activation=np.tile(networks.activation, times),
        aggregation=np.tile(networks.aggregation, times),
        source=np.tile(networks.source, times),
        weight=weight,
        output_slot=np.tile(networks.output_slot, (times, 1)),
    )


def _shared_memory_words() -> float:
    """Words a second that shared memory gives: 32 a clock and multiprocessor, at the highest clock."""
    from genomes.backend import arrays, multiprocessors, simulated

    clock = 1e6 if simulated() else arrays().cuda.Device().attributes["ClockRate"]  # kHz
    return float(clock) * 1e3 * 32 * multiprocessors()


def _free_memory() -> None:
    from genomes.backend import arrays, simulated

    if not simulated():
        arrays().get_default_memory_pool().free_all_blocks()


def main() -> None:
    """Without the command line's libraries."""
    parser = argparse.ArgumentParser(description="Tests and figures of the GPU.")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write figures, as they come")
    file = parser.parse_args().json

    def save(result: Benchmark) -> None:
        if file is not None:
            file.write_text(json.dumps(result.as_dict() | {"notes": result.notes}, indent=2) + "\n", encoding="utf-8")

    try:
        result = bench(lambda text: print(text, file=sys.stderr, flush=True), save)
    except BadInput as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    for name, figure in result.figures.items():
        print(f"{name:40} {figure.median:14.6g} ({figure.min:.6g} .. {figure.max:.6g}) {figure.unit}")
    print("\n".join(result.notes))


if __name__ == "__main__":
    main()
