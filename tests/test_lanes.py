"""Networks in lanes."""

import random

import numpy as np
import pytest

from genomes.lanes import Lanes
from genomes.network import Network
from genomes.networks import MODES, compile_population
from genomes.population import Population
from tests import reference


@pytest.mark.parametrize("mode", MODES)
def test_lanes_take_turns_as_each_network_alone(mode):
    rng, shape = random.Random(5), reference.dynamics(mode)
    genomes = [reference.random_genome(rng, activations=(2,), density=0.6, **shape) for _ in range(5)]
    lanes = Lanes(compile_population(Population.of(genomes), mode), 3)
    alone = [Network(genome, mode) for genome in genomes]
    X = np.random.default_rng(1).standard_normal((12, 3, lanes.inputs.shape[1])).astype(np.float32)
    inside = [0, 1, 2]
    for lane, p in enumerate(inside):
        lanes.begin(lane, p)
    for step, rows in enumerate(X):
        if step == 4:  # lane 1 takes another network
            inside[1] = 4
            lanes.begin(1, 4)
        if step == 8:  # lane 0 is done, the last one takes its place
            lanes.move(2, 0)
            inside = [inside[2], inside[1]]
        count = len(inside)
        lanes.inputs[:count] = rows[:count]
        expected = [alone[p](row) for p, row in zip(inside, rows, strict=False)]
        np.testing.assert_array_equal(lanes.forward(count), expected)
