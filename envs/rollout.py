"""Play whole populations in a native environment.

Genomes of like size share a *plan* and run in the lanes of vector registers; the others run one after the other. Which
way a genome goes, and with which others, changes no bit of its result.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import dropwhile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.kernels import rollout as kernels
from envs.kernels.glue import row_functions
from envs.kernels.plan import hash_shape, plan_class
from envs.native import NativeEnv, NativeEnvError
from envs.task import Key
from genomes.backend import on_gpu
from genomes.forward import networks_work
from genomes.functions import activation_rows_switch, activation_switch
from genomes.kernels.binding import Kernel, is_compile_error
from genomes.kernels.parallel import get_threads, parallel_for
from genomes.networks import Networks

__all__ = ["Episodes", "rollout", "starting_states"]

LANES = 64  # four of the widest vectors: enough independent operations to hide their latency
LEAST_EPISODES = 8  # a class with fewer does not fill lanes
MOST_FILLING = 12.0  # a class whose common plan has more edges than this multiple of a genome's own is better off alone
MOST_PAIRS = 1 << 22  # (node, slot) pairs of a class: bounds the scratch of planning
GRAIN = 4 * LANES
NUMBER = int | float | np.number | np.bool_


@dataclass(frozen=True, eq=False)
class Episodes:
    """K episodes of each of P genomes."""

    returns: NDArray[np.float32]  # [P, K] sum of rewards; NaN where a state or reward was not finite
    steps: NDArray[np.int32]  # [P, K]
    ends: NDArray[np.float32]  # [P, K, S+1] last state, and sum of the recent measures; [0, 0, S+1]: nobody asked
    scores: NDArray[np.float32]  # [P, K] fitness; the returns where the environment has no score of its own
    behaviours: NDArray[np.float32]  # [P, K, B]

    @classmethod
    def empty(cls, env: NativeEnv, size: int, episodes: int) -> Episodes:
        """Room for the episodes of ``size`` genomes, not filled yet."""
        returns, kept = np.empty((size, episodes), np.float32), (size, episodes)
        if env.score is None and env.behaviour is None:
            kept = (0, 0)
        ends = np.empty((*kept, env.num_states + 1), np.float32)
        scores = returns if env.score is None else np.empty_like(returns)
        behaviours = np.empty((size, episodes, env.num_behaviours), np.float32)
        return cls(returns, np.empty((size, episodes), np.int32), ends, scores, behaviours)


@dataclass(frozen=True, eq=False)
class Plan:
    """C classes of genomes that run in lanes together, and the genomes that run alone."""

    alone: NDArray[np.int64]  # genomes
    members: NDArray[np.int64]  # [M] genomes, by class
    class_start: NDArray[np.int64]  # [C+1] class c owns members class_start[c]:class_start[c+1]
    class_node: NDArray[np.int64]  # [C] where class c begins in the next arrays, which have an end mark per class
    class_nodes: NDArray[np.int64]  # [C] its evaluated nodes
    union_start: NDArray[np.int64]  # by class node: where its edges start; they end where the next node's start
    union_source: NDArray[np.int32]  # slot
    class_mixed: NDArray[np.bool_]  # [C] its genomes have their outputs in different slots
    class_code: NDArray[np.int16]  # by class node: its activation, or -1 where the genomes differ
    pair_start: NDArray[np.int64]  # [C] where class c begins in the next array
    edge_number: NDArray[np.int32]  # by class, node and slot: number of that edge within the union; -1: there is none
    max_rows: int  # value slots of the largest class
    max_union: int  # edges, biases and rates of the largest class


def starting_states(env: NativeEnv, key: Key, purpose: int, episodes: int) -> NDArray[np.float32]:
    """Starting states [K, S] of ``episodes`` episodes: a function of the key (seed, generation) and the purpose."""
    starts = np.empty((episodes, env.num_states), np.float32)
    scratch = np.empty((episodes, env.randoms), np.float32)
    numbers = (np.uint64(key[0]), np.uint32(key[1]), np.uint32(purpose))
    _run(env, kernels.draw_starts, 1, episodes, *numbers, scratch, starts, grain=episodes)
    return starts


def rollout(env: NativeEnv, networks: Networks, starts: NDArray[np.float32]) -> Episodes:
    """Every network plays one episode from each of the starting states [K, S]."""
    if (networks.task_inputs, networks.num_outputs) != (env.num_inputs, env.num_outputs):
        raise ValueError(
            f"{env.id} feeds {env.num_inputs} inputs and reads {env.num_outputs} outputs, "
            f"the networks have {networks.task_inputs} and {networks.num_outputs}"
        )
    check_action(env)
    starts = np.ascontiguousarray(starts, np.float32)
    if starts.ndim != 2 or starts.shape[1] != env.num_states:
        raise ValueError(f"starting states must have shape [K, {env.num_states}], got {starts.shape}")
    size, episodes = len(networks), len(starts)
    result = Episodes.empty(env, size, episodes)
    if result.returns.size == 0:
        return result
    work = networks_work(networks) * episodes * env.max_steps * networks.activations_per_step
    if on_gpu(networks.device, work, size * episodes):
        _play_on_gpu(env, networks, starts, result)
    else:
        plan = make_plan(networks, episodes)
        unsure = np.zeros(size, np.bool_)
        play_in_lanes(env, networks, starts, plan, result, unsure)
        play_alone(env, networks, starts, np.concatenate([plan.alone, np.flatnonzero(unsure)]), result)
    if env.score is not None:
        _run(env, kernels.score_episodes, 1, size, result.ends, result.returns, result.steps, result.scores)
    if env.behaviour is not None:
        _run(env, kernels.describe, 1, size, result.ends, result.behaviours)
    return result


def _play_on_gpu(env: NativeEnv, networks: Networks, starts: NDArray[np.float32], result: Episodes) -> None:
    from envs.rollout_cuda import play_on_gpu

    try:
        play_on_gpu(env, networks, starts, result.returns, result.steps, result.ends)
    except Exception as error:
        if is_compile_error(error):
            check_functions(env)
        raise


def play_alone(
    env: NativeEnv, networks: Networks, starts: NDArray[np.float32], members: NDArray[np.int64], result: Episodes
) -> None:
    """Play the genomes ``members`` one by one into ``result``."""
    n = networks
    arrays = (n.node_start, n.edge_start, n.bias, n.activation, n.aggregation, n.source, n.weight, n.output_slot)
    bias_input = np.float32(n.bias_input or 0.0)
    shape = (n.num_inputs, n.task_inputs, bias_input, n.recurrent, n.rate, n.activations_per_step, n.max_slots)
    if len(members):
        arguments = (members, starts, env.max_steps, *arrays, *shape, result.returns, result.steps, result.ends)
        _run(env, kernels.play_scalar, 1, len(members), *arguments)


def play_in_lanes(
    env: NativeEnv,
    networks: Networks,
    starts: NDArray[np.float32],
    plan: Plan,
    result: Episodes,
    unsure: NDArray[np.bool_],
) -> None:
    """Play the members of the plan's classes into ``result``; mark in ``unsure`` [P] those whose values were not all
    finite: their results do not count."""
    n, p = networks, plan
    classes = (
        p.members,
        p.class_start,
        p.class_node,
        p.class_nodes,
        p.union_start,
        p.union_source,
        p.class_mixed,
        p.class_code,
        p.pair_start,
        p.edge_number,
    )
    arrays = (n.node_start, n.edge_start, n.bias, n.activation, n.source, n.weight, n.output_slot)
    bias_input = np.float32(n.bias_input or 0.0)
    shape = (n.num_inputs, n.task_inputs, bias_input, n.recurrent, n.rate, n.activations_per_step)
    rows = env.num_states + 2 + env.num_outputs + p.max_rows
    if len(p.members):
        arguments = (*classes, starts, env.max_steps, *arrays, *shape, rows, p.max_union)
        results = (result.returns, result.steps, unsure, result.ends)
        items = len(p.members) * len(starts)
        # Two chunks a thread: the lanes of a chunk idle at its end, until its longest episode is over.
        grain = max(GRAIN, items // (2 * get_threads()))
        _run(env, kernels.play_lanes, LANES, items, *arguments, *results, grain=grain)


def make_plan(networks: Networks, episodes: int) -> Plan:
    """Sort the genomes that sum their inputs into classes of equal node count."""
    n = networks
    nodes = np.diff(n.node_start)
    edges = np.diff(n.edge_start[n.node_start])
    sums, shape_hash = np.empty(len(n), np.bool_), np.empty(len(n), np.uint16)
    parallel_for(hash_shape, len(n), n.node_start, n.aggregation, sums, shape_hash, grain=10_000)
    members = np.argsort(shape_hash, kind="stable")  # a radix sort; where hashes collide a class falls apart, no more
    members = members[sums[members]]
    new = np.ones(len(members), np.bool_)
    new[1:] = np.diff(nodes[members]) != 0

    size = np.diff(np.flatnonzero(np.r_[new, True]))  # [C] genomes of each class
    count = nodes[members[new]]  # [C] evaluated nodes
    slots = n.num_inputs + count * (1 + n.recurrent)
    good = (size * episodes >= LEAST_EPISODES) & (count * slots <= MOST_PAIRS)
    members, size, count, slots = members[np.repeat(good, size)], size[good], count[good], slots[good]
    class_start, class_node = _offsets(size), _offsets(count + 1)
    class_edges = np.diff(_offsets(edges[members])[class_start])
    union_offset = _offsets(np.minimum(class_edges, count * slots))
    union_start = np.empty(class_node[-1], np.int64)
    union_source = np.empty(union_offset[-1], np.int32)
    class_code = np.empty(class_node[-1], np.int16)
    pair_start = _offsets(count * slots)
    edge_number = np.full(pair_start[-1], -1, np.int32)
    classes = (class_start, count, slots, class_node, union_offset, pair_start[:-1])
    arrays = (n.node_start, n.edge_start, n.source, n.activation, union_start, union_source, class_code, edge_number)
    parallel_for(plan_class, len(count), members, *classes, *arrays)

    union = union_start[class_node[1:] - 1] - union_offset[:-1]
    keep = union * size <= MOST_FILLING * np.maximum(class_edges, size)
    members, size, count, slots, union = (
        members[np.repeat(keep, size)],
        size[keep],
        count[keep],
        slots[keep],
        union[keep],
    )
    apart = np.ones(len(n), np.bool_)
    apart[members] = False
    return Plan(
        np.flatnonzero(apart),
        members,
        _offsets(size),
        class_node[:-1][keep],
        count,
        union_start,
        union_source,
        _differ(n.output_slot[members], size),
        class_code,
        pair_start[:-1][keep],
        edge_number,
        int(slots.max(initial=0)),
        int((union + count * (1 + (len(n.rate) > 0))).max(initial=0)),
    )


def _differ(rows: NDArray[Any], size: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether the rows [M, O] of each class, of so many rows [C], differ from its first one."""
    start = _offsets(size)[:-1]
    differ = (rows != np.repeat(rows[start], size, axis=0)).any(axis=1)
    result: NDArray[np.bool_] = np.logical_or.reduceat(differ, start) if len(size) else np.empty(0, np.bool_)
    return result


def _offsets(counts: NDArray[Any]) -> NDArray[np.int64]:
    start = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=start[1:])
    return start


@cache
def _bound(env: NativeEnv, template: Kernel, lanes: int, switch: Any) -> Kernel:
    from envs.kernels import lanes as vectors
    from genomes.kernels.vector import fused_multiply_add

    lengths = (env.num_states, env.num_inputs, env.num_outputs, env.randoms, env.num_behaviours)
    bindings = row_functions(*lengths, lanes)
    functions = {
        "WINDOW": env.window,
        "activate": switch,
        "activate_rows": activation_rows_switch(lanes),
        "multiply_add": fused_multiply_add,
        "weighted_sum": vectors.weighted_sum(lanes),
        "add_residue": vectors.add_residue(lanes),
    }
    return template.bind(**env.functions, **bindings, **functions)


def _run(env: NativeEnv, template: Kernel, lanes: int, count: int, *arguments: Any, grain: int = 1) -> None:
    """Run a kernel for an environment; an error of the environment's own functions names the function."""
    play = _bound(env, template, lanes, activation_switch())
    try:
        parallel_for(play, count, *arguments, grain=grain)
    except Exception as error:
        if is_compile_error(error):
            check_functions(env)
        raise


def check_functions(env: NativeEnv) -> None:
    """Compile each function of an environment alone.

    Raises
    ------
    NativeEnvError
        Names the first function that cannot be compiled or that does not return what it should, with file and line.
    """
    bind = env.functions
    half = np.float32(0.5)
    state = _result(env, "reset", kernels.try_reset.bind(**bind), (half,) * env.randoms)
    state = _numbers(env, "reset", "a state", state, env.num_states)
    observation = _result(env, "observe", kernels.try_observe.bind(**bind), state)
    _numbers(env, "observe", "an observation", observation, env.num_inputs)
    action = _result(env, "act", kernels.try_act.bind(**bind), (half,) * env.num_outputs)
    moved = _result(env, "step", kernels.try_step.bind(**bind), state, action)
    if not isinstance(moved, tuple) or len(moved) != 3:
        raise NativeEnvError(f"{_where(env, 'step')} must return (state, reward, terminated), it returned {moved!r}")
    state = _numbers(env, "step", "a state", moved[0], env.num_states)
    _numbers(env, "step", "reward and terminated", moved[1:], 2)
    if env.measure is not None:
        _number(env, "measure", _result(env, "measure", kernels.try_measure.bind(**bind), state))
    if env.score is not None:
        _number(env, "score", _result(env, "score", kernels.try_score.bind(**bind), state, half, np.int32(1), half))
    if env.behaviour is not None:
        behaviour = _result(env, "behaviour", kernels.try_behaviour.bind(**bind), state)
        _numbers(env, "behaviour", "a behaviour", behaviour, env.num_behaviours)


@cache
def check_action(env: NativeEnv) -> None:
    """`NativeEnvError` where ``act`` does not return one of the ``actions``, which nothing else would notice."""
    try:
        action = env.act((np.float32(0.5),) * env.num_outputs)
    except Exception:
        return  # compiling it will say what is wrong
    if isinstance(env.actions, int):
        _number(env, "act", action)
    else:
        _numbers(env, "act", "an action", action, len(env.actions[0]))


def _result(env: NativeEnv, name: str, probe: Kernel, *arguments: Any) -> Any:
    try:
        return probe(*arguments)
    except Exception as error:
        raise NativeEnvError(f"{_where(env, name)} cannot be compiled: {_gist(error)}") from error


def _gist(error: Exception) -> str:
    """What Numba says of the innermost function, without the way there."""
    lines = str(error).partition("\nDuring: Pass")[0].splitlines()
    return "\n".join(dropwhile(lambda line: line.startswith("Failed in nopython mode"), lines)).strip()


def _number(env: NativeEnv, name: str, value: Any) -> None:
    if not isinstance(value, NUMBER):
        raise NativeEnvError(f"{_where(env, name)} must return a number, not {value!r}")


def _numbers(env: NativeEnv, name: str, what: str, values: Any, count: int) -> tuple[Any, ...]:
    if not isinstance(values, tuple) or len(values) != count or not all(isinstance(v, NUMBER) for v in values):
        raise NativeEnvError(f"{_where(env, name)} must return {what} as a tuple of {count} numbers, not {values!r}")
    return tuple(np.float32(v) for v in values)


def _where(env: NativeEnv, name: str) -> str:
    code = env.functions[name].__code__
    return f"environment {env.id!r}: {name} ({code.co_filename}:{code.co_firstlineno})"
