"""Random numbers: the published test vectors, streams, and the shape of the distributions."""

import numpy as np
import pytest

from genomes import rng
from genomes.kernels.binding import Kernel

# Random123 (Salmon et al.), kat_vectors, philox4x32 of 10 rounds: counter, key -> words
KNOWN_ANSWERS = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


def draws(function, count, seed=1, generation=2, purpose=3, index=4):
    """``function`` compiled, over ``count`` draws: [count, numbers]."""

    def loop(seed, out):
        for d in range(out.shape[0]):
            numbers = function(seed, generation, purpose, index, d)
            for k in range(out.shape[1]):
                out[d, k] = numbers[k]

    width = 2 if function is rng.normals else 4
    out = np.empty((count, width), np.uint32 if function is rng.random_bits else np.float32)
    Kernel(loop)(np.uint64(seed), out)
    return out


@pytest.mark.parametrize(("counter", "key", "words"), KNOWN_ANSWERS)
def test_known_answers(counter, key, words):
    draw, index, generation, purpose = counter
    seed = np.uint64(key[0] | key[1] << 32)
    compiled = Kernel(rng.random_bits)
    assert tuple(int(w) for w in compiled(seed, generation, purpose, index, draw)) == words
    with np.errstate(over="ignore"):
        assert tuple(int(w) for w in rng.random_bits(seed, generation, purpose, index, draw)) == words


def test_every_coordinate_matters():
    base = dict(seed=1, generation=2, purpose=3, index=4)
    first = draws(rng.random_bits, 8, **base)
    assert len({*first.ravel().tolist()}) == 32
    for name in base:
        other = draws(rng.random_bits, 8, **base | {name: base[name] + 1})
        assert not np.isin(other, first).any()
    assert not np.isin(draws(rng.random_bits, 8, **base | dict(seed=1 + (1 << 40))), first).any()


def test_uniforms():
    u = draws(rng.uniforms, 100_000)
    assert u.dtype == np.float32
    assert u.min() >= 0.0
    assert u.max() < 1.0
    counts = np.histogram(u, 64, (0, 1))[0]
    expected = u.size / 64
    assert ((counts - expected) ** 2 / expected).sum() < 120  # 63 degrees of freedom: p about 2e-5
    assert abs(np.corrcoef(u.T)[~np.eye(4, dtype=bool)]).max() < 0.02


def test_uniform_is_the_first_of_uniforms():
    four = Kernel(rng.uniforms)(np.uint64(9), 1, 2, 3, 4)
    one = Kernel(rng.uniform)(np.uint64(9), 1, 2, 3, 4)
    assert one == four[0]
    assert type(one) is float  # what Numba makes of float32 on its way out


def test_normals():
    z = draws(rng.normals, 200_000)
    assert z.dtype == np.float32
    assert np.isfinite(z).all()
    assert np.abs(z).max() < 6
    assert abs(z.mean()) < 0.01
    assert abs(z.std() - 1) < 0.01
    assert abs((z**3).mean()) < 0.03
    assert abs((z**4).mean() - 3) < 0.06
    assert abs(np.corrcoef(z.T)[0, 1]) < 0.01


def test_normals_against_box_muller_in_double_precision():
    bits = draws(rng.random_bits, 10_000)
    u, v = (bits[:, 0] >> 8) * 2.0**-24 + 2.0**-25, (bits[:, 1] >> 8) * 2.0**-24
    radius = np.sqrt(-2 * np.log(u))
    angle = 2 * np.pi * (v - 0.5)
    expected = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)
    np.testing.assert_allclose(draws(rng.normals, 10_000), expected, atol=1e-5)
