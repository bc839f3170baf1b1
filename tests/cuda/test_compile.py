"""Genomes in the memory of the device are compiled there: to the same networks, bit for bit."""

import dataclasses
import random

import numpy as np
import pytest

from envs import native_env
from envs.rollout import rollout, starting_states
from genomes.backend import to_host
from genomes.networks import MODES, Networks, compile_population
from genomes.population import CONNECTION_GENES, NODE_GENES, InvalidGenome, Population
from tests import reference

ARRAYS = [f.name for f in dataclasses.fields(Networks) if f.name.endswith(("_start", "_slot", "_gene"))]
ARRAYS += ["bias", "activation", "aggregation", "source", "weight", "rate"]
SHAPES = [
    dict(num_hidden=6, activations=(0, 1, 2), aggregations=(0, 3)),
    dict(num_inputs=1, num_outputs=1, num_hidden=0),
    dict(num_inputs=30, num_hidden=50, density=0.05, bias_input=0.5),  # more than the bits of a mask
]


def assert_equal(found, expected):
    for name in ARRAYS:
        a, b = getattr(found, name), getattr(expected, name)
        assert (a is None) == (b is None), name
        if a is not None:
            a = to_host(a)
            assert (a.dtype, a.shape) == (b.dtype, b.shape) and a.tobytes() == b.tobytes(), name
    assert found.max_slots == expected.max_slots


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shape", SHAPES)
def test_networks_equal_the_cpus(mode, shape, many):
    pop = reference.random_population(random.Random(1), 5 * many, **shape, **reference.dynamics(mode))
    found = compile_population(pop.to("cuda"), mode, genes=True)
    assert found.device == "cuda"
    assert_equal(found, compile_population(pop, mode, genes=True))


def test_they_play_without_leaving_the_device(many):
    env = dataclasses.replace(native_env("CartPole-v1"), max_steps=5)
    pop = reference.random_population(
        random.Random(1), 5 * many, num_inputs=env.num_inputs, num_outputs=env.num_outputs
    )
    starts = starting_states(env, (1, 1), 200, 2)
    found = rollout(env, compile_population(pop.to("cuda")), starts)
    np.testing.assert_array_equal(found.returns, rollout(env, compile_population(pop, device="cuda"), starts).returns)


def test_a_cycle_is_found():
    pop = reference.random_population(random.Random(1), 3, recurrent=True, density=1.0, num_hidden=3)
    with pytest.raises(InvalidGenome, match=r"genome \d: its enabled connections form a cycle"):
        compile_population(pop.to("cuda"))


def test_genomes_move_and_are_selected(many):
    pop = reference.random_population(random.Random(2), 7 * many)
    chosen = [3, 0, 3]
    found, expected = pop.to("cuda").select(chosen).to("cpu"), pop.select(chosen)
    for name in ("node_start", "conn_start", *NODE_GENES, *CONNECTION_GENES):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    assert isinstance(found, Population) and found.device == "cpu"
