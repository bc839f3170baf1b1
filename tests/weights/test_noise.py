"""Noise in chunks against the scalar functions, one number at a time."""

import numpy as np
import pytest

from genomes import rng
from neat.weights import noise
from neat.weights.kernels.noise import CHUNK
from neat.weights.ranking import best_first, centred_ranks, ranks

KEY = (12345678901234567890, 3)


def naive(function, purpose, index, k):
    """Number k of a vector, by the layout that the kernels' docstring states."""
    width = {rng.normals: 2, rng.uniforms: 4}[function]
    part = CHUNK // width
    chunk, place = divmod(k, CHUNK)
    with np.errstate(over="ignore"):
        numbers = function(KEY[0], KEY[1], purpose, index, chunk * part + place % part)
    return numbers[place // part]


@pytest.mark.parametrize("size", [1, 5, 2047, 2049, 4097, 9000])
def test_rows_are_the_scalar_numbers(size):
    index = [4, 0, 1_000_000]
    places = sorted({0, size // 3, size // 2, size - 1})
    for function, rows in ((rng.normals, noise.normals), (rng.uniforms, noise.uniforms)):
        block = rows(KEY, noise.CHANCES, index, size)
        assert block.dtype == np.float32
        for row, i in enumerate(index):
            expected = [naive(function, noise.CHANCES, i, k) for k in places]
            assert np.allclose(block[row, places], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [3, 5000])
def test_perturbed_and_sums(dtype, size):
    center = np.random.default_rng(1).standard_normal((2, size)).astype(dtype)
    scale = np.linspace(0.5, 1.5, size).astype(dtype)
    which, factor, index = np.array([1, 0, 1]), np.array([0.1, -0.2, 0.3], dtype), np.array([5, 5, 6])
    drawn = noise.normals(KEY, noise.NOISE, index, size, dtype)
    points = noise.perturbed(center, which, factor, index, KEY, scale=scale)
    assert points.dtype == dtype
    assert np.allclose(points, center[which] + factor[:, None] * scale * drawn, atol=1e-6)
    plain = noise.perturbed(center, which, factor, index, KEY)
    assert np.allclose(plain, center[which] + factor[:, None] * drawn, atol=1e-6)
    total, squares = noise.sum_noise(factor, index, size, KEY, squares=True)
    assert np.allclose(total, factor @ drawn, atol=1e-6)
    assert np.allclose(squares, factor @ drawn**2, atol=1e-6)
    assert noise.sum_noise(factor, index, size, KEY)[1].size == 0


def test_perturbed_takes_a_generation_for_each_row():
    zeros = np.zeros((1, 10))
    mixed = noise.perturbed(zeros, 0, 1.0, [2, 2], KEY, generation=[3, 9])
    assert np.array_equal(mixed[0], noise.perturbed(zeros, 0, 1.0, [2], KEY)[0])
    assert np.array_equal(mixed[1], noise.perturbed(zeros, 0, 1.0, [2], (KEY[0], 9))[0])


def test_distribution():
    z = noise.normals(KEY, noise.NOISE, range(50), 10_000).ravel().astype(float)
    assert abs(z.mean()) < 0.006
    assert abs(z.std() - 1) < 0.006
    assert abs(np.corrcoef(z[:-1], z[1:])[0, 1]) < 0.006


def test_ranks():
    fitness = np.array([3.0, -np.inf, 3.0, 7.0, -np.inf])
    assert ranks(fitness).tolist() == [2.5, 0.5, 2.5, 4.0, 0.5]
    assert centred_ranks(fitness).sum() == pytest.approx(0)
    assert centred_ranks(np.array([5.0])).tolist() == [0]
    assert best_first(fitness).tolist() == [3, 0, 2, 1, 4]
