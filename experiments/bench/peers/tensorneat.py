"""TensorNEAT on CartPole beside ours, on the same GPU; written to its version of May 2026.

Networks are 4-20-1: 25 nodes and 100 connections, for which it is given the least room in which it can evolve. Its
environment is written here, so that no version of gymnax is needed, and every episode runs all steps.
"""

from __future__ import annotations

import math
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
    from tensorneat.common import ACT
    from tensorneat.genome import DefaultGenome, DefaultNode
    from tensorneat.pipeline import Pipeline

    def genome() -> Any:
        return DefaultGenome(
            num_inputs=4,
            num_outputs=1,
            max_nodes=MAX_NODES,
            max_conns=MAX_CONNECTIONS,
            init_hidden_layers=(HIDDEN,),
            node_gene=DefaultNode(activation_options=ACT.tanh),
            output_transform=lambda out: (out[0] > 0).astype(int),
        )

    pipeline = Pipeline(NEAT(pop_size=population, species_size=20, genome=genome()), _problem(steps))
    state = pipeline.setup()
    algorithm, problem = pipeline.algorithm, pipeline.problem

    def evaluate(state: Any, keys: Any) -> Any:
        transformed = jax.vmap(algorithm.transform, in_axes=(None, 0))(state, algorithm.ask(state))
        return jax.vmap(problem.evaluate, in_axes=(None, 0, None, 0))(state, keys, algorithm.forward, transformed)

    keys = jax.random.split(jax.random.PRNGKey(1), population)
    for name, function, arguments in (("evaluation", evaluate, (state, keys)), ("generation", pipeline.step, (state,))):
        begin = time.perf_counter()
        compiled = jax.jit(function).lower(*arguments).compile()
        figure = f"tensorneat_{name}_{population}"
        result.figures[f"{figure}_compile_s"] = Figure.of([time.perf_counter() - begin], "s")
        result.figures[f"{figure}_s"] = Figure.of(_seconds(lambda: compiled(*arguments), repeats), "s")  # noqa: B023


def _seconds(work: Callable[[], Any], repeats: int) -> list[float]:
    import jax

    samples = []
    for _ in range(1 + repeats):
        begin = time.perf_counter()
        jax.block_until_ready(work())
        samples.append(time.perf_counter() - begin)
    return samples[1:]


def _problem(steps: int) -> Any:
    """CartPole without an end."""
    import jax
    import jax.numpy as jnp
    from tensorneat.problem.rl.rl_jit import RLEnv

    class Endless(RLEnv):  # type: ignore[misc]
        input_shape, output_shape = (4,), (1,)

        def env_reset(self, randkey: Any) -> Any:
            state = jax.random.uniform(randkey, (4,), minval=-0.05, maxval=0.05)
            return state, state

        def env_step(self, randkey: Any, state: Any, action: Any) -> Any:
            x, v, angle, turn = state
            force = jnp.where(action == 1, 10.0, -10.0)
            sin, cos = jnp.sin(angle), jnp.cos(angle)
            push = (force + 0.05 * turn**2 * sin) / 1.1
            twist = (9.8 * sin - cos * push) / (0.5 * (4.0 / 3.0 - 0.1 * cos**2 / 1.1))
            pull = push - 0.05 * twist * cos / 1.1
            angle = (angle + math.pi) % (2 * math.pi) - math.pi  # it may go round
            state = jnp.array([x + 0.02 * v, v + 0.02 * pull, angle + 0.02 * turn, turn + 0.02 * twist])
            return state, state, 1.0, False, {}

    return Endless(max_step=steps)
