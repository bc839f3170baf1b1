"""TensorNEAT on CartPole beside ours, on the same GPU; written to its version of May 2026.

Networks are 4-20-1: 25 nodes and 100 connections, for which it is given the least room in which it can evolve. Its
environment and the loop are written here, so that no version of gymnax is needed; every episode runs all steps.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from experiments.bench.harness import Benchmark, Figure

__all__ = ["compare"]

HIDDEN, MAX_NODES, MAX_CONNECTIONS = 20, 30, 110


def compare(result: Benchmark, population: int, steps: int, repeats: int) -> None:
    """An evaluation and a whole generation, compiling apart; fewer genomes where the memory does not do for all."""
    missing = [name for name in ("jax", "tensorneat") if find_spec(name) is None]
    if missing:
        result.notes.append(f"TensorNEAT: not installed ({' and '.join(missing)} missing), no comparison")
        return
    import jax

    result.notes.append(f"TensorNEAT on {jax.devices()[0]}")
    for size in (population, population // 10):
        try:
            _measure(result, size, steps, repeats)
            return
        except Exception as error:  # most likely out of memory
            result.notes.append(f"TensorNEAT, {size} genomes: {type(error).__name__}: {str(error)[:500]}")


def _measure(result: Benchmark, population: int, steps: int, repeats: int) -> None:
    import jax
    from tensorneat.algorithm.neat import NEAT
    from tensorneat.common import ACT, AGG, State
    from tensorneat.genome import BiasNode, DefaultGenome

    node = BiasNode(activation_options=ACT.tanh, aggregation_options=AGG.sum)
    room = {"max_nodes": MAX_NODES, "max_conns": MAX_CONNECTIONS, "init_hidden_layers": (HIDDEN,)}
    genome = DefaultGenome(num_inputs=4, num_outputs=1, node_gene=node, **room)
    algorithm = NEAT(genome=genome, pop_size=population, species_size=20)
    state = algorithm.setup(State().register(randkey=jax.random.PRNGKey(1)))

    def evaluate(state: Any) -> Any:
        networks = jax.vmap(genome.transform, in_axes=(None, 0, 0))(state, *algorithm.ask(state))
        return jax.vmap(lambda network: _episode(lambda x: genome.forward(state, network, x), steps))(networks)

    def generation(state: Any) -> Any:
        return algorithm.tell(state, evaluate(state))

    for name, function in (("evaluation", evaluate), ("generation", generation)):
        begin = time.perf_counter()
        compiled = jax.jit(function).lower(state).compile()
        figure = f"tensorneat_{name}_{population}"
        result.figures[f"{figure}_compile_s"] = Figure.of([time.perf_counter() - begin], "s")
        result.figures[f"{figure}_s"] = Figure.of(_seconds(lambda: compiled(state), repeats), "s")  # noqa: B023


def _seconds(work: Callable[[], Any], repeats: int) -> list[float]:
    import jax

    samples = []
    for _ in range(1 + repeats):
        begin = time.perf_counter()
        jax.block_until_ready(work())
        samples.append(time.perf_counter() - begin)
    return samples[1:]


def _episode(policy: Callable[[Any], Any], steps: int) -> Any:
    """Reward of an episode of CartPole that has no end."""
    import jax
    import jax.numpy as jnp

    def step(_: Any, carry: Any) -> Any:
        state, total = carry
        x, v, angle, turn = state
        force = jnp.where(policy(state)[0] > 0, 10.0, -10.0)
        sin, cos = jnp.sin(angle), jnp.cos(angle)
        push = (force + 0.05 * turn**2 * sin) / 1.1
        twist = (9.8 * sin - cos * push) / (0.5 * (4.0 / 3.0 - 0.1 * cos**2 / 1.1))
        pull = push - 0.05 * twist * cos / 1.1
        moved = jnp.array([x + 0.02 * v, v + 0.02 * pull, angle + 0.02 * turn, turn + 0.02 * twist])
        return moved, total + 1.0 - 1e-3 * jnp.abs(angle)

    return jax.lax.fori_loop(0, steps, step, (jnp.full(4, 0.03), 0.0))[1]
