"""Episodes on the device against the CPU's and the naive closed loop."""

import random
from dataclasses import replace

import numpy as np
import pytest

from envs import native_env
from envs.native import NATIVE_ENVS
from envs.rollout import rollout, starting_states
from genomes.functions import ACTIVATIONS, AGGREGATIONS
from genomes.kernels import columns_cuda
from genomes.networks import MODES, compile_population
from tests import reference
from tests.native_cases import up, walk
from tests.test_rollout import SMOOTH, SMOOTH_ENV, naive

SOME = ("CartPole-v1", "MazeMedium-v0", "DoublePole2008-v0")  # compiled for the CPU elsewhere, too


def compiled(count, mode="feedforward", **shape):
    shape = dict(activations=SMOOTH, aggregations=tuple(AGGREGATIONS.values())) | shape
    pop = reference.random_population(random.Random(1), count, **reference.dynamics(mode), **shape)
    return pop, compile_population(pop, mode, "cuda", 2 if mode != "feedforward" else 1)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.filterwarnings("ignore")
def test_agrees_with_the_naive_loop(mode):
    pytest.importorskip("networkx")
    pop, networks = compiled(3, mode, num_inputs=3, num_outputs=2)
    starts = starting_states(SMOOTH_ENV, (1, 1), 200, 2)
    played = rollout(SMOOTH_ENV, networks, starts)
    for p in range(len(pop)):
        for k, start in enumerate(starts):
            total, steps = naive(SMOOTH_ENV, pop.genome(p), mode, start, networks.activations_per_step)
            assert played.steps[p, k] == steps
            np.testing.assert_allclose(played.returns[p, k], total, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", SOME)
def test_agrees_with_the_cpu(name):
    """Few steps: a step may differ in its last digit, and episodes amplify it."""
    env = replace(native_env(name), max_steps=5)
    tanh = (ACTIVATIONS["tanh"],)
    _, networks = compiled(5, num_inputs=env.num_inputs, num_outputs=env.num_outputs, activations=tanh)
    starts = starting_states(env, (1, 1), 200, 2)
    expected, found = rollout(env, replace(networks, device="cpu"), starts), rollout(env, networks, starts)
    np.testing.assert_array_equal(found.steps, expected.steps)
    for field in ("returns", "scores", "ends", "behaviours"):
        np.testing.assert_allclose(getattr(found, field), getattr(expected, field), rtol=1e-4, atol=1e-4)


def test_every_environment_that_is_known_has_a_kernel():
    assert set(SOME) <= set(NATIVE_ENVS)


def test_environments_of_the_user():
    """Closures and lambdas; episodes of different lengths, more than there are threads."""
    starts = np.linspace(-0.9, 0.9, 7, dtype=np.float32)[:, None]
    env, networks = walk(np.float32(0.25)), up(9)
    expected, found = rollout(env, networks, starts), rollout(env, replace(networks, device="cuda"), starts)
    assert len(np.unique(expected.steps)) > 3
    np.testing.assert_array_equal(found.steps, expected.steps)
    np.testing.assert_array_equal(found.returns, expected.returns)


def test_columns_in_global_memory_give_the_same(monkeypatch):
    _, networks = compiled(5, num_inputs=3, num_outputs=2)
    starts = starting_states(SMOOTH_ENV, (1, 1), 200, 3)
    expected = rollout(SMOOTH_ENV, networks, starts)
    monkeypatch.setattr(columns_cuda, "_SHARED", 0)
    found = rollout(SMOOTH_ENV, networks, starts)
    np.testing.assert_array_equal(found.returns, expected.returns)
    np.testing.assert_array_equal(found.steps, expected.steps)


@pytest.mark.filterwarnings("ignore")
def test_what_is_not_finite_fails_the_genome():
    def step(state, action):
        (x,) = state
        return (x / np.float32(0.0),), x, False

    played = rollout(walk(np.float32(0.5), step=step), replace(up(2), device="cuda"), np.array([[0.25]], np.float32))
    assert np.isnan(played.returns).all() and (played.steps == 1).all()
