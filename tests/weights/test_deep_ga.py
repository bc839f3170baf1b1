"""The Deep GA: chains decode to the same bits, selection, trials of the elite, safe mutations."""

import numpy as np
import pytest

from neat.weights import DeepGA, noise
from neat.weights.deep_ga import DeepGAParams


def sphere(points):
    return -(np.asarray(points, float) ** 2).sum(axis=1)


def evolve(method, generations):
    for _ in range(generations):
        method.tell(sphere(method.ask()))
    return method


@pytest.mark.parametrize("size", [7, 10_500])
def test_chains_decode_bit_for_bit(size):
    """In float64 and float32; the parents that the run keeps were built step by step, decoding starts anew."""
    params = DeepGAParams(population=12, parents=3, sigma=0.05, spread=0.5)
    method = DeepGA(np.linspace(-1, 1, size), params)
    for generation in range(6):
        points = method.ask()
        fitness = sphere(points)
        order = np.argsort(-fitness, kind="stable")[:3]
        method.tell(fitness)
        fresh = DeepGA.restore(params, *method.state_dict())
        for chain, candidate in zip(method.chains, points[order], strict=True):
            assert 1 <= len(chain) <= generation + 1
            assert all(isinstance(gene, int) for gene in chain)
            assert np.array_equal(fresh.decode(chain).astype(np.float32), candidate)
    assert np.array_equal(method.solution, method.decode(method.chains[0]).astype(np.float32))


def test_a_genome_by_hand():
    method = DeepGA([1.0, 2.0], DeepGAParams(population=4, parents=1, sigma=0.1, spread=2.0), scale=[1.0, 0.5], seed=5)
    evolve(method, 1)
    (first,) = method.chains
    index = (first[0] >> 8) & 0xFFFFFF
    start = [1.0, 2.0] + 2.0 * np.array([1.0, 0.5]) * noise.normals((5, 0), noise.NOISE, [index], 2, np.float64)[0]
    assert np.allclose(method.decode(first), start)
    points = method.ask()
    assert np.allclose(points[0], start)  # the elite
    for row in (1, 2, 3):
        step = 0.1 * noise.normals((5, 1), noise.NOISE, [row], 2, np.float64)[0]
        assert np.allclose(points[row], start + step)


def test_truncation_selection():
    method = DeepGA(np.zeros(3), DeepGAParams(population=40, parents=5, sigma=1.0, spread=1.0))
    points = method.ask()
    fitness = np.arange(40.0)
    fitness[39] = np.nan
    method.tell(fitness)
    parents = np.stack([method.decode(chain) for chain in method.chains]).astype(np.float32)
    assert np.array_equal(parents, points[[38, 37, 36, 35, 34]])
    assert {len(chain) for chain in method.chains} == {1}


def test_the_elite_is_tried_again():
    params = DeepGAParams(population=30, parents=6, elite_candidates=4, elite_episodes=3, sigma=0.1, spread=1.0)
    method = DeepGA(np.zeros(3), params)
    points = method.ask()
    method.tell(np.arange(30.0))
    again = method.ask()
    assert again.shape == (18, 3)
    assert np.array_equal(again, np.repeat(points[[29, 28, 27, 26, 25, 24]], 3, axis=0))
    scores = np.repeat([1.0, 2.0, 7.0, 3.0, 9.0, 9.0], 3)  # the last two are no candidates
    method.tell(scores)
    assert np.array_equal(method.solution, points[27])
    assert np.array_equal(method.ask()[0], points[27])


def test_safe_mutation_by_sensitivity():
    params = DeepGAParams(population=30, parents=3, sigma=0.1, safe="gradient")
    sensitivity = np.array([1.0, 10.0, 0.1, 0.0])

    def measured(weights):
        return sensitivity * (1 + weights[0] ** 2)

    method = DeepGA(np.zeros(4), params, sensitivity=measured)
    evolve(method, 1)
    points = method.ask().astype(float)
    eps = noise.normals((1, 1), noise.NOISE, range(30), 4, np.float64)
    assert np.allclose(points[1:], 0.1 * eps[1:] / np.maximum(sensitivity, 1e-3), rtol=1e-5)
    evolve_on = sphere(points)
    method.tell(evolve_on)
    assert np.allclose(method.decode(method.chains[0]), points[np.argmax(evolve_on)], rtol=1e-6)
    method.sensitivity = lambda weights: np.full(4, np.nan)
    with pytest.raises(ValueError, match="sensitivities of a parent are not finite"):
        method.ask()


def test_safe_mutation_by_line_search():
    """Outputs a thousand times as sensitive move no further, and the scale is part of the genome."""
    changes = []
    for slope in (1.0, 1000.0):
        params = DeepGAParams(population=20, parents=2, sigma=0.1, divergence=0.05, safe="rescale")
        method = DeepGA(np.zeros(5), params, outputs=lambda weights, slope=slope: slope * weights)
        evolve(method, 1)
        points = method.ask()
        changes.append(slope * np.sqrt((points[1:].astype(float) ** 2).mean(axis=1)))
        fitness = sphere(points - 1)
        method.tell(fitness)
        method.outputs = None  # decoding needs no outputs
        assert np.array_equal(method.decode(method.chains[0]).astype(np.float32), points[np.argmax(fitness)])
    for change in changes:
        assert (change <= 0.05).all() and (change > 0.05 / 2**0.26).all()


@pytest.mark.parametrize(("safe", "needed"), [("gradient", "sensitivity"), ("rescale", "outputs")])
def test_safe_mutation_needs_its_function(safe, needed):
    with pytest.raises(ValueError, match=f"needs the function {needed}"):
        DeepGA(np.zeros(3), DeepGAParams(safe=safe))


def test_reaches():
    method = DeepGA(np.full(5, 0.5), DeepGAParams(population=100, parents=10, sigma=0.02))
    assert evolve(method, 100).best_fitness > -1e-2
    with pytest.raises(ValueError, match="scale has shape"):
        DeepGA(np.zeros(3), scale=[1.0, 2.0])
