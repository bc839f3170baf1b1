"""What the benchmark of the GPU measures, section by section. Each writes its figures as it has them."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from experiments.bench.device.watch import timed
from experiments.bench.harness import Benchmark, Figure, rate, seconds
from genomes.backend import arrays, multiprocessors, simulated, synchronize, to_device
from genomes.functions import activation_code
from genomes.networks import Networks
from genomes.population import Genome

__all__ = ["SECTIONS", "Section", "Sizes"]

PURPOSE = 90  # of random numbers
CONNECTIONS = 100  # of the genomes of a whole generation


@dataclass(frozen=True)
class Sizes:
    """How much work."""

    genomes: int = 1000  # on data, and ten times as many
    rows: int = 100_000
    players: int = 10_000  # in closed loop, and ten times as many
    steps: int = 500
    repeats: int = 7
    generations: int = 5

    @classmethod
    def here(cls) -> Sizes:
        """In the simulator next to nothing."""
        return cls(3, 9, 3, 4, 1, 1) if simulated() else cls()


@dataclass(frozen=True)
class Section:
    """A part of the benchmark, and the seconds that it may take."""

    run: Callable[[Benchmark, Sizes], None]
    seconds: float


def forward_on_data(result: Benchmark, sizes: Sizes) -> None:
    """Outputs of all networks on all rows, networks and rows being on the device."""
    from experiments.bench.forward import EDGES, INPUTS, random_networks
    from genomes.forward_cuda import forward_on_device

    columns = to_device(np.random.default_rng(1).standard_normal((INPUTS, sizes.rows)).astype(np.float32))
    base = random_networks(genomes=sizes.genomes)
    for times in (1, 10):
        networks = repeated(base, times)
        name = f"forward_{len(networks)}"
        samples = timed(result, name, lambda nets=networks: forward_on_device(nets, columns), sizes.repeats)  # type: ignore[misc]
        edge_rows = len(networks) * sizes.rows * EDGES
        result.figures[f"{name}_edge_rows_per_s"] = rate(edge_rows, samples, "edge-rows/s")
        result.figures[f"{name}_activations_per_s"] = rate(len(networks) * sizes.rows, samples, "activations/s")
        share = [edge_rows / s / shared_memory_words() for s in samples]
        result.figures[f"{name}_share_of_limit"] = Figure.of(share, "of the words/s of shared memory")


def losses_and_gradients(result: Benchmark, sizes: Sizes) -> None:
    """Cross-entropy of 4 classes and its gradient."""
    from envs.losses import find_measure
    from envs.measuring_cuda import Data, gradient_sums_on_device, totals_on_device
    from envs.rows import Rows
    from experiments.bench.forward import INPUTS, OUTPUTS, random_networks

    rng = np.random.default_rng(1)
    networks, loss = random_networks(genomes=sizes.genomes), find_measure("cross-entropy")
    X = rng.standard_normal((sizes.rows, INPUTS)).astype(np.float32)
    rows = Rows(X, rng.integers(OUTPUTS, size=sizes.rows).astype(np.int32))
    data, size = Data(rows, INPUTS), len(networks)
    forward = timed(result, f"loss_{size}", lambda: totals_on_device(networks, data, loss), sizes.repeats)
    backward = timed(result, f"gradient_{size}", lambda: gradient_sums_on_device(networks, data, loss), sizes.repeats)
    result.figures["loss_activations_per_s"] = rate(size * sizes.rows, forward, "activations/s")
    ratio = [b / f for b, f in zip(backward, forward, strict=True)]
    result.figures["gradient_by_loss"] = Figure.of(ratio, "times the loss alone; 4 at most is asked for")


def cartpole(result: Benchmark, sizes: Sizes) -> None:
    """10,000 and 100,000 genomes of 12 connections: 2 and 10 ms are asked for."""
    for times in (1, 10):
        closed_loop(result, "CartPole-v1", sizes, times)


def environments(result: Benchmark, sizes: Sizes) -> None:
    """The other native environments."""
    from envs.native import NATIVE_ENVS

    for env_id in NATIVE_ENVS:
        if env_id != "CartPole-v1":
            closed_loop(result, env_id, sizes, 1)


def closed_loop(result: Benchmark, env_id: str, sizes: Sizes, times: int) -> None:
    """Genomes of 12 connections and more, one episode each, all steps run."""
    from envs.native import native_env
    from envs.rollout import starting_states
    from envs.rollout_cuda import play_on_device
    from experiments.bench.control import networks_of, random_links

    env, rng = native_env(env_id), np.random.default_rng(1)
    topologies = [random_links(rng, env.num_inputs, env.num_outputs) for _ in range(sizes.players)]
    networks = repeated(networks_of(topologies, env.num_inputs, env.num_outputs, rng), times)
    starts = to_device(starting_states(env, (1, 0), PURPOSE, 1))
    forever = endless_env(env_id, sizes.steps)
    name = f"{env_id.rsplit('-', 1)[0].lower()}_{len(networks)}"
    samples = timed(result, name, lambda: play_on_device(forever, networks, starts), sizes.repeats)
    result.figures[f"{name}_steps_per_s"] = rate(len(networks) * sizes.steps, samples, "steps/s")


def generation(result: Benchmark, sizes: Sizes) -> None:
    """A whole generation of 100,000 genomes of 100 connections on CartPole, the genomes evolving on the host."""
    whole_generation(result, sizes, "cpu")


def generation_on_device(result: Benchmark, sizes: Sizes) -> None:
    """The same, the genomes evolving on the device: 20 ms are asked for."""
    import inspect

    from neat.algorithm import NEAT

    if "device" not in inspect.signature(NEAT.__init__).parameters:
        result.notes.append("generation on the device: genomes evolve on the host only")
        return
    whole_generation(result, sizes, "cuda")


def whole_generation(result: Benchmark, sizes: Sizes, device: str) -> None:
    """Ask, compile, play, tell; medians of some generations after the first, and the parts of the time in a note."""
    from envs.native import native_env
    from envs.rollout import starting_states
    from envs.rollout_cuda import play_on_device
    from genomes.evaluation import Evaluation
    from genomes.networks import compile_population
    from neat.algorithm import NEAT
    from neat.params import NEATParams

    env = native_env("CartPole-v1")
    first = layered_genome(env.num_inputs, env.num_outputs, CONNECTIONS)
    params = NEATParams(population=10 * sizes.players, population_stagnation=0)
    where: dict[str, Any] = {"device": device} if device != "cpu" else {}
    algorithm = NEAT(params, env.num_inputs, env.num_outputs, initial=first, **where)
    starts, forever = to_device(starting_states(env, (1, 0), PURPOSE, 1)), endless_env(env.id, sizes.steps)
    # All play all steps, so all are equally fit, and equal parents breed by a rarer and slower rule: differ a little.
    luck = to_device(np.random.default_rng(1).random(params.population, np.float32))
    name = f"generation_{params.population}_{'host' if device == 'cpu' else 'device'}"
    phases: dict[str, list[float]] = {"compile": [], "play": [], "evolve": []}
    for turn in range(1 + sizes.generations):
        times = [time.perf_counter()]
        networks = compile_population(algorithm.ask(), device="cuda")
        times.append(_now())
        returns, _, _ = play_on_device(forever, networks, starts)
        fitness = returns.mean(axis=1) + luck
        times.append(_now())
        algorithm.tell(Evaluation.of(fitness if device != "cpu" or simulated() else fitness.get()))
        times.append(_now())
        if turn == 0:
            result.figures[f"{name}_first_s"] = Figure.of([times[-1] - times[0]], "s, compilation included")
            continue
        for phase, a, b in zip(phases, times, times[1:], strict=False):
            phases[phase].append(b - a)
    result.figures[f"{name}_s"] = Figure.of([sum(parts) for parts in zip(*phases.values(), strict=True)], "s")
    parts = ", ".join(f"{phase} {1e3 * np.median(own):.2f} ms" for phase, own in phases.items())
    result.notes.append(f"{name}: {parts}; {len(networks.weight) / len(networks):.0f} connections")


def crossover(result: Benchmark, sizes: Sizes) -> None:
    """From how many multiply-adds on the GPU is faster, networks and data crossing to it: what "auto" goes by."""
    from envs.native import native_env
    from envs.rollout import rollout, starting_states
    from experiments.bench.control import networks_of, random_links
    from experiments.bench.forward import INPUTS, random_networks
    from genomes.forward import forward, networks_work

    rng, env = np.random.default_rng(1), native_env("CartPole-v1")
    base, starts = random_networks(genomes=min(sizes.genomes, 100)), starting_states(env, (1, 0), PURPOSE, 1)
    forever = endless_env(env.id, sizes.steps)
    supervised, rollouts = [], []
    for rows in (100, 1000, 10_000, 100_000) if not simulated() else (9,):
        X = rng.standard_normal((rows, INPUTS)).astype(np.float32)
        work = networks_work(base) * rows
        supervised.append((work, *_both(base, lambda nets, X=X: forward(nets, X))))  # type: ignore[misc]
    for players in (30, 300, 3000, 30_000) if not simulated() else (3,):
        links = [random_links(rng, env.num_inputs, env.num_outputs) for _ in range(players)]
        networks = networks_of(links, env.num_inputs, env.num_outputs, rng)
        work = networks_work(networks) * sizes.steps
        rollouts.append((work, *_both(networks, lambda nets: rollout(forever, nets, starts))))
    for name, points in (("supervised", supervised), ("rollouts", rollouts)):
        table = "; ".join(f"{work:.2g}: cpu {1e3 * cpu:.3g} ms, cuda {1e3 * gpu:.3g} ms" for work, cpu, gpu in points)
        result.notes.append(f"auto, {name}, by multiply-adds: {table}")
        faster = [work for work, cpu, gpu in points if gpu < cpu]
        if faster:
            result.figures[f"auto_{name}_from"] = Figure.of([min(faster)], "multiply-adds: the least at which cuda won")


def _both(networks: Networks, work: Callable[[Networks], Any]) -> tuple[float, float]:
    """Seconds on the CPU and on the GPU, networks crossing anew each time."""
    samples = []
    for device in ("cpu", "cuda"):

        def run(device: str = device) -> None:
            weight, source = networks.weight.copy(), networks.source.copy()
            work(dataclasses.replace(networks, device=device, weight=weight, source=source))

        samples.append(min(seconds(run, repeats=3)))
    return samples[0], samples[1]


def tensorneat(result: Benchmark, sizes: Sizes) -> None:
    """TensorNEAT beside ours, where it is installed: the same population, sizes and steps; 10 times is asked for."""
    from envs.native import native_env
    from envs.rollout import starting_states
    from envs.rollout_cuda import play_on_device
    from experiments.bench.peers.tensorneat import HIDDEN, compare
    from genomes.dense import MLP

    env, forever = native_env("CartPole-v1"), endless_env("CartPole-v1", sizes.steps)
    net = MLP((env.num_inputs, HIDDEN, env.num_outputs))
    weights = np.random.default_rng(1).standard_normal((sizes.players, net.size)).astype(np.float32)
    networks, starts = net.networks(weights), to_device(starting_states(env, (1, 0), PURPOSE, 1))
    name = f"beside_tensorneat_{sizes.players}"
    samples = timed(result, name, lambda: play_on_device(forever, networks, starts), sizes.repeats)
    compare(result, sizes.players, sizes.steps, sizes.repeats)
    theirs = result.figures.get(f"tensorneat_evaluation_{sizes.players}_s")
    if theirs is not None:
        result.figures["tensorneat_by_ours"] = Figure.of([theirs.median / s for s in samples], "times our seconds")


def layered_genome(inputs: int, outputs: int, connections: int) -> Genome:
    """One hidden layer of as many nodes as give so many connections, all tanh."""
    hidden = connections // (inputs + outputs)
    node_id = np.arange(inputs + outputs + hidden, dtype=np.int32)
    of, to, inner = (np.arange(a, b, dtype=np.int32) for a, b in pairwise((0, inputs, inputs + outputs, len(node_id))))
    count = hidden * (inputs + outputs)
    return Genome(
        inputs,
        outputs,
        node_id,
        np.zeros(len(node_id), np.float32),
        np.where(node_id < inputs, 0, activation_code("tanh")).astype(np.uint8),
        np.zeros(len(node_id), np.uint8),
        np.arange(count, dtype=np.int32),
        np.concatenate([np.tile(of, hidden), np.repeat(inner, outputs)]),
        np.concatenate([np.repeat(inner, inputs), np.tile(to, hidden)]),
        np.random.default_rng(1).standard_normal(count).astype(np.float32),
        np.ones(count, np.bool_),
    )


def endless_env(env_id: str, steps: int) -> Any:
    """A native environment whose episodes run all steps."""
    from envs.native import native_env
    from experiments.bench.control import endless

    env = native_env(env_id)
    return dataclasses.replace(env, id=f"{env_id} without end", step=endless(env.step), max_steps=steps)


def repeated(networks: Networks, times: int) -> Networks:
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


def shared_memory_words() -> float:
    """Words a second that shared memory gives: 32 a clock and multiprocessor, at the highest clock."""
    clock = 1e6 if simulated() else arrays().cuda.Device().attributes["ClockRate"]  # in kHz
    return float(clock) * 1e3 * 32 * multiprocessors()


def _now() -> float:
    synchronize()
    return time.perf_counter()


SECTIONS = {  # the most wanted first
    "forward": Section(forward_on_data, 60),
    "CartPole": Section(cartpole, 60),
    "losses and gradients": Section(losses_and_gradients, 80),
    "generation, evolution on the device": Section(generation_on_device, 100),
    "environments": Section(environments, 110),
    "generation, evolution on the host": Section(generation, 90),
    "crossover": Section(crossover, 50),
    "TensorNEAT": Section(tensorneat, 110),
}
