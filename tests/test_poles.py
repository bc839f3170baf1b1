"""Pole balancing: the motion against plain Python in float64, fitness and tests against their definitions."""

import math
from dataclasses import replace

import gymnasium
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.control import poles
from envs.control.task import NativeTask
from envs.kernels.rollout import try_step
from envs.native import native_env
from envs.rollout import rollout, starting_states
from tests.test_rollout import alone, networks_of, one_node, same

MASSES, LENGTHS, HINGE = (0.1, 0.01), (0.5, 0.05), 2e-6
PROTOCOLS = {"DoublePole2002-v0": (2, 0.0), "DoublePole2008-v0": (2, 0.0005), "SinglePole2008-v0": (1, 0.0005)}
KERNELS = {name: try_step.bind(**native_env(name).functions) for name in PROTOCOLS}


def slopes(state, force, count, cart_friction):
    """Gomez et al. 2008, appendix A, with g = -9.8."""
    _, v, *rest = state
    g, total, mass, out = -9.8, force - cart_friction * np.sign(v), 1.0, [v, None]
    for i in range(count):
        angle, spin = rest[2 * i : 2 * i + 2]
        m, half, rub = MASSES[i], LENGTHS[i], HINGE * spin / (MASSES[i] * LENGTHS[i])
        total += m * half * spin**2 * math.sin(angle) + 0.75 * m * math.cos(angle) * (rub + g * math.sin(angle))
        mass += m * (1 - 0.75 * math.cos(angle) ** 2)
    out[1] = total / mass
    for i in range(count):
        angle, spin = rest[2 * i : 2 * i + 2]
        rub = HINGE * spin / (MASSES[i] * LENGTHS[i])
        out += [spin, -0.75 / LENGTHS[i] * (out[1] * math.cos(angle) + g * math.sin(angle) + rub)]
    return np.array(out)


def naive_step(state, force, count, cart_friction, tau=0.01):
    state = np.array(state, np.float64)
    for _ in range(2):
        a = slopes(state, force, count, cart_friction)
        b = slopes(state + tau / 2 * a, force, count, cart_friction)
        c = slopes(state + tau / 2 * b, force, count, cart_friction)
        d = slopes(state + tau * c, force, count, cart_friction)
        state = state + tau / 6 * (a + 2 * b + 2 * c + d)
    return state


def numbers(limit):
    return st.floats(-limit, limit, width=32)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(list(PROTOCOLS)), st.tuples(*map(numbers, (2.5, 4, 0.625, 4, 0.625, 8))), numbers(1))
def test_steps_are_those_of_plain_python(name, state, push):
    count, cart_friction = PROTOCOLS[name]
    state = tuple(np.float32(v) for v in state[: 2 + 2 * count])
    after, reward, lost = KERNELS[name](state, (np.float32(push),))
    expected = naive_step(state, 10.0 * push, count, cart_friction)
    sticking = cart_friction and abs(expected[1]) < 0.05  # friction changes sign within the step
    np.testing.assert_allclose(after, expected, rtol=2e-5, atol=2e-3 if sticking else 2e-5)
    limit = math.radians(36 if count == 2 else 12)
    excess = [abs(expected[0]) - 2.4, *(abs(expected[2::2]) - limit)]
    if min(map(abs, excess)) > 3e-3:
        assert bool(lost) == (max(excess) > 0)
    assert reward == 1.0


# Linear-quadratic regulators of the scaled inputs (unit costs)
GAINS = {6: (-1.272, -1.084, -4.806, -4.886, 3.223, 1.148), 4: (3.773, 2.661, 4.297, 4.535)}


def balancers(count, inputs):
    """Linear controllers of all degrees of skill, from good to hopeless."""
    rng = np.random.default_rng(5)
    genomes = []
    for _ in range(count):
        genome = one_node(inputs)
        gain = np.array(GAINS.get(inputs, (5.0, 5.0, -5.0)))
        noise = rng.normal(0.0, rng.uniform(0.0, 0.6), inputs)
        genome.weight[:] = gain * (1 + noise)
        genomes.append(genome)
    return networks_of(genomes, inputs, 1)


def naive_swinging(env, networks, p, start):
    """|x| + |x'| + |angle| + |angle'| after every step of an episode."""
    network, state, measures = networks.weight[networks.edge_start[networks.node_start[p]] :], tuple(start), []
    for _ in range(env.max_steps):
        output = np.float32(sum(w * v for w, v in zip(network, env.observe(state), strict=False)))
        state, _, lost = env.step(state, env.act((output,)))
        measures.append(sum(abs(float(v)) for v in state[:4]))
        if lost:
            break
    return measures


@pytest.mark.slow
def test_gruaus_fitness_sums_the_last_hundred_steps():
    env = replace(poles.double_pole_2008(velocities=True, damping=True), max_steps=150)
    networks = balancers(300, 6)
    starts = np.array([[0, 0, 0.01, 0, 0, 0], [0.1, 0, 0.02, 0, 0, 0]], np.float32)
    played = rollout(env, networks, starts)
    same(played, alone(env, networks, starts))
    np.testing.assert_array_equal(played.ends, alone(env, networks, starts).ends)
    steps = played.steps
    assert (steps < 100).any() and ((steps >= 100) & (steps < 150)).any() and (steps == 150).any()
    short = 0.1 * steps / 1000
    np.testing.assert_allclose(played.scores[steps < 100], short[steps < 100], rtol=1e-5)
    shown = [*np.argwhere(steps >= 100)[:12], np.argwhere(steps == 150)[0]]
    for p, k in shown:
        measures = naive_swinging(env, networks, p, starts[k])
        assert len(measures) == steps[p, k]
        expected = short[p, k] + 0.9 * 0.75 / sum(measures[-100:])
        np.testing.assert_allclose(played.scores[p, k], expected, rtol=1e-3)


@pytest.mark.slow
def test_generalisation_counts_the_625_starts():
    env, networks = poles.double_pole_2002(), balancers(40, 6)
    passed = poles.generalisation(env, networks)
    assert passed.shape == (40,) and 0 <= passed.min() < passed.max() <= 625
    best = int(passed.argmax())
    values = (0.05, 0.25, 0.5, 0.75, 0.95)
    grid = np.stack(np.meshgrid(*[values] * 4, indexing="ij"), -1).reshape(-1, 4) * 2 - 1
    starts = np.zeros((625, 6), np.float32)
    starts[:, :4] = grid * [2.16, 1.35, math.radians(3.6), math.radians(8.6)]
    steps = rollout(replace(env, max_steps=1000), networks, starts).steps
    assert (steps[best] == 1000).sum() == passed[best]


@pytest.mark.slow
def test_checks_are_long_trials():
    task = NativeTask(poles.double_pole_2002(velocities=False), episodes=1)
    assert (task.target, task.num_inputs, task.episodes_change) == (200.0, 3, False)
    score = task.validate(balancers(5, 3), (1, 1)).fitness
    assert score.max() < 1.0  # none balances 100,000 steps without velocities and memory
    easy = NativeTask(native_env("SinglePole2008-v0"), episodes=1)
    networks = balancers(60, 4)
    balanced = easy.validate(networks, (1, 1)).fitness
    assert balanced.max() == easy.target == 100_000 and balanced.min() < 1000
    np.testing.assert_array_equal(balanced, easy.evaluate(networks, (2, 2)).fitness)


def test_protocols():
    starts = {name: starting_states(native_env(name), (1, 1), 200, 2) for name in PROTOCOLS}
    np.testing.assert_allclose(starts["DoublePole2002-v0"][1], [0, 0, 0.07, 0, 0, 0], rtol=1e-6)
    np.testing.assert_allclose(starts["DoublePole2008-v0"][1, 2], math.radians(4.0), rtol=1e-6)
    one, half, zero = (np.float32(v) for v in (1.0, 0.5, 0.0))
    assert [poles.act_2002((v,))[0] for v in (zero, half, one)] == [-1, 0, 1]
    assert [poles.act_2008((v,))[0] for v in (-one, zero, one + one)] == [-1, 0, 1]
    hidden = gymnasium.make("speciate/DoublePole2008-v0", velocities=False)
    assert hidden.observation_space.shape == (3,)
    observation, _ = hidden.reset(options={"state": [2.4, 9, 0.26, 9, 0.13, 9]})
    np.testing.assert_allclose(observation, [0.5, 0.5, 0.25], rtol=1e-5)
    with pytest.raises(ValueError, match="no parameter 'damping'; it has velocities"):
        native_env("DoublePole2002-v0", damping=True)
    with pytest.raises(ValueError, match="velocities must be True or False, got 'no'"):
        native_env("DoublePole2002-v0", velocities="no")
    with pytest.raises(ValueError, match="CartPole-v1 has no parameter"):
        native_env("CartPole-v1", velocities=True)
