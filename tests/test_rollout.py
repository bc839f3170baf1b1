"""Rollouts: in lanes, one by one, and a naive closed loop in plain Python agree."""

import random
from dataclasses import replace

import numpy as np
import pytest

from envs import rollout as rollouts
from envs.control.cartpole import CARTPOLE
from envs.native import NativeEnv
from envs.rollout import Episodes, make_plan, play_alone, rollout, starting_states
from genomes.functions import ACTIVATIONS, AGGREGATIONS, activation_function
from genomes.functions.elementary import clamp
from genomes.kernels.parallel import get_threads, set_threads
from genomes.networks import MODES, compile_population
from genomes.population import Genome, Population
from tests import reference

ONE = np.float32(1.0)
NAMES = {code: name for name, code in AGGREGATIONS.items()}
FUNCTIONS = {code: activation_function(name) for name, code in ACTIVATIONS.items()}
SMOOTH = tuple(ACTIVATIONS[name] for name in ("tanh", "sigmoid", "softplus", "gauss", "relu", "identity", "softsign"))


def smooth_step(state, action):
    """Two damped masses, pushed; over when they are far apart."""
    a, b = state
    push, pull = action
    a = np.float32(0.8) * a + np.float32(0.2) * push
    b = np.float32(0.7) * b - np.float32(0.3) * pull + np.float32(0.1) * a
    return (a, b), a + b, abs(a - b) > np.float32(0.6)


def smooth_act(outputs):
    return clamp(outputs[0], -ONE, ONE), clamp(outputs[1], -ONE, ONE)


SMOOTH_ENV = NativeEnv(
    "Smooth",
    reset=lambda randoms: randoms,
    observe=lambda state: (state[0], state[1], state[0] * state[1]),
    act=smooth_act,
    step=smooth_step,
    num_states=2,
    num_inputs=3,
    num_outputs=2,
    max_steps=12,
    actions=((-1.0, -1.0), (1.0, 1.0)),
)


def one_node(num_inputs, outputs=1, weight=0.0, bias=0.0):
    """Identity outputs, every input linked to each with this weight."""
    nodes, links = num_inputs + outputs, num_inputs * outputs
    biases = np.zeros(nodes, np.float32)
    biases[num_inputs:] = bias
    return Genome(
        num_inputs, outputs,
        np.arange(nodes, dtype=np.int32), biases, np.zeros(nodes, np.uint8), np.zeros(nodes, np.uint8),
        np.arange(links, dtype=np.int32), np.repeat(np.arange(num_inputs, dtype=np.int32), outputs),
        np.tile(np.arange(num_inputs, nodes, dtype=np.int32), num_inputs),
        np.full(links, weight, np.float32), np.ones(links, np.bool_),
    )  # fmt: skip


def networks_of(genomes, num_inputs, num_outputs):
    population = Population.of(genomes)
    assert (population.num_inputs, population.num_outputs) == (num_inputs, num_outputs)
    return compile_population(population)


def alone(env, networks, starts):
    """All genomes one by one."""
    result = Episodes.empty(env, len(networks), len(starts))
    play_alone(env, networks, starts, np.arange(len(networks)), result)
    return result


def naive(env, genome, mode, start, activations_per_step=1):
    """One episode in plain Python: (return, steps)."""
    network = reference.ReferenceNetwork(genome, mode, FUNCTIONS, NAMES, activations_per_step)
    constant = [] if genome.bias_input is None else [genome.bias_input]
    state, total = tuple(start), 0.0
    for steps in range(1, env.max_steps + 1):
        outputs = network([*env.observe(state), *constant])
        state, reward, terminated = env.step(state, env.act(tuple(np.float32(v) for v in outputs)))
        total += float(reward)
        if terminated:
            return total, steps
    return total, env.max_steps


def same(one, other):
    np.testing.assert_array_equal(one.returns, other.returns)
    np.testing.assert_array_equal(one.steps, other.steps)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("bias_input", [None, 0.5])
@pytest.mark.filterwarnings("ignore")
def test_lanes_one_by_one_and_naive_agree(mode, bias_input):
    shape = dict(num_inputs=3 + (bias_input is not None), bias_input=bias_input, **reference.dynamics(mode))
    random_ = random.Random(f"{mode} {bias_input}")
    sums = reference.random_population(random_, 150, num_hidden=4, activations=SMOOTH, **shape)
    others = reference.random_population(
        random_, 30, num_hidden=4, activations=SMOOTH, aggregations=tuple(AGGREGATIONS.values()), **shape
    )
    population = Population.of([*sums, *others])
    if mode != "feedforward":
        population.weight[:] *= np.float32(0.3)  # less feedback: rounding does not grow
        population.time_constant[:] *= np.float32(0.1)  # fast enough for some episodes to end
    per_step = 1 if mode == "feedforward" else 2
    networks = compile_population(population, mode, activations_per_step=per_step)
    starts = starting_states(SMOOTH_ENV, (1, 0), 200, 3)
    plan = make_plan(networks, len(starts))
    assert len(plan.members) > 100 and len(plan.alone) > 10
    played = rollout(SMOOTH_ENV, networks, starts)
    same(played, alone(SMOOTH_ENV, networks, starts))
    agreeing = 0
    for p, genome in enumerate(population):
        for k, start in enumerate(starts):
            total, steps = naive(SMOOTH_ENV, genome, mode, start, per_step)
            near = steps == played.steps[p, k] and abs(total - played.returns[p, k]) < 1e-3 * (1 + abs(total))
            agreeing += near
    assert agreeing >= 0.99 * played.returns.size  # a few end one step apart: float32 beside float64
    assert 0.1 < (played.steps < SMOOTH_ENV.max_steps).mean() < 0.95


@pytest.mark.parametrize("mode", MODES)
def test_every_activation_agrees_in_lanes(mode):
    """Activations that overflow included: where a value is not finite the genome is played again, alone."""
    population = reference.random_population(
        random.Random(2), 400, num_inputs=3, num_hidden=3, activations=tuple(ACTIVATIONS.values()),
        **reference.dynamics(mode),
    )  # fmt: skip
    population.weight[:] *= 1e12 * (np.arange(len(population.weight)) % 3 == 0) + 1
    networks = compile_population(population, mode)
    starts = starting_states(SMOOTH_ENV, (4, 0), 200, 2)
    plan = make_plan(networks, 2)
    unsure = np.zeros(400, np.bool_)
    result = Episodes.empty(SMOOTH_ENV, 400, 2)
    rollouts.play_in_lanes(SMOOTH_ENV, networks, starts, plan, result, unsure)
    assert 0 < unsure.sum() < 300
    same(rollout(SMOOTH_ENV, networks, starts), alone(SMOOTH_ENV, networks, starts))


@pytest.mark.parametrize("count", [1, 7, 65, 1000])
@pytest.mark.parametrize("episodes", [1, 3])
def test_cartpole_does_not_depend_on_threads_order_or_company(count, episodes):
    tanh = (ACTIVATIONS["tanh"],)
    population = reference.random_population(
        random.Random(count), count, num_inputs=4, num_outputs=1, num_hidden=4, activations=tanh
    )
    networks = compile_population(population)
    starts = starting_states(CARTPOLE, (1, 2), 200, episodes)
    expected = alone(CARTPOLE, networks, starts)
    before = get_threads()
    try:
        for threads in (1, 2, 3):
            set_threads(threads)
            same(rollout(CARTPOLE, networks, starts), expected)
    finally:
        set_threads(before)
    order = np.random.default_rng(count).permutation(count)
    shuffled = rollout(CARTPOLE, compile_population(population.select(order)), starts)
    np.testing.assert_array_equal(shuffled.returns, expected.returns[order])
    np.testing.assert_array_equal(expected.returns, expected.steps)  # reward 1 a step
    assert expected.steps.min() >= 1 and expected.steps.max() <= 500


def test_time_limit_and_no_episodes():
    networks = networks_of([one_node(4, weight=1.0)] * 70, 4, 1)
    starts = starting_states(CARTPOLE, (1, 2), 200, 2)
    assert np.all(rollout(replace(CARTPOLE, max_steps=3), networks, starts).steps == 3)
    assert rollout(CARTPOLE, networks, starts[:0]).returns.shape == (70, 0)


def test_odd_topologies_play_alone():
    """A class whose common plan is far larger than its genomes is not worth lanes."""
    genomes = [one_node(16, weight=0.5) for _ in range(16)]
    for own, genome in enumerate(genomes):
        genome.enabled[:] = np.arange(16) == own
    env = replace(
        SMOOTH_ENV, observe=lambda s: s + s + s + s + s + s + s + s, num_inputs=16, num_outputs=1,
        act=lambda o: (o[0], o[0]),
    )  # fmt: skip
    networks = networks_of(genomes, 16, 1)
    starts = starting_states(env, (1, 1), 200, 4)
    assert len(make_plan(networks, 4).members) == 0
    assert len(make_plan(networks_of([*genomes, *[one_node(16)] * 8], 16, 1), 4).members) == 24
    same(rollout(env, networks, starts), alone(env, networks, starts))
