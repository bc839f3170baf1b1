"""Dense nets as populations: matrix products, compiled graphs and finite differences agree."""

import numpy as np
import pytest

from genomes.dense import MLP, Elman
from genomes.forward import forward, forward_each, initial_state

RNG = np.random.default_rng(1)


def weights(net, count):
    return RNG.standard_normal((count, net.size)).astype(np.float32) / 3


@pytest.mark.parametrize("sizes", [(3, 2), (5, 7, 3), (5, 7, 6, 1), (200, 90, 3)])
@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid"])
def test_an_mlp_is_its_compiled_graph(sizes, activation):
    net = MLP(sizes, activation)
    W, X = weights(net, 4), RNG.standard_normal((9, sizes[0])).astype(np.float32)
    graph = forward(net.networks(W), X)
    np.testing.assert_allclose(net.outputs(W, X), graph, rtol=2e-4, atol=2e-5)
    own = np.stack([X, X + 1, X - 1, X * 2])
    each = np.stack([forward(net.networks(W[k : k + 1]), own[k])[0] for k in range(4)])
    np.testing.assert_allclose(net.outputs(W, own), each, rtol=2e-4, atol=2e-5)


def test_an_elman_net_is_its_compiled_graph_step_by_step():
    net = Elman((3, 4, 2), output_activation="tanh")
    W, X = weights(net, 5), RNG.standard_normal((5, 6, 3)).astype(np.float32)
    networks = net.networks(W)
    state = initial_state(networks)
    for t in range(6):
        last = forward_each(networks, X[:, t], state)
    np.testing.assert_allclose(net.outputs(W, X[:, None])[:, 0], last, rtol=1e-5, atol=1e-6)
    shared = net.outputs(W, X)
    assert shared.shape == (5, 5, 2)
    np.testing.assert_allclose(shared[2, 2], last[2], rtol=1e-5, atol=1e-6)


def test_derivatives_by_finite_differences():
    net = MLP((4, 5, 3))
    w, X, slope = weights(net, 1)[0], RNG.standard_normal((6, 4)).astype(np.float32), RNG.standard_normal((6, 3))
    h = 1e-2
    moved = w + h * np.array([1, -1], np.float32)[:, None, None] * np.eye(net.size, dtype=np.float32)
    up, down = (net.outputs(side, X).astype(np.float64) for side in moved)
    numeric = ((up - down) / (2 * h)).transpose(1, 2, 0)  # [R, O, D]
    jacobian = net.jacobian(w, X)
    np.testing.assert_allclose(jacobian, numeric, atol=5e-3)
    np.testing.assert_allclose(
        net.pull_back(w, X, slope), np.einsum("rod,ro->d", jacobian, slope), rtol=1e-4, atol=1e-4
    )


def test_memory_is_bounded_and_blocks_do_not_matter(monkeypatch):
    import genomes.dense

    net = MLP((150, 120, 2))
    W, X = weights(net, 7), RNG.standard_normal((5, 150)).astype(np.float32)
    whole = net.outputs(W, X)
    monkeypatch.setattr(genomes.dense, "MEMORY", 1)
    np.testing.assert_allclose(net.outputs(W, X), whole, rtol=1e-5)


def test_the_readout_is_the_last_layer():
    net = MLP((4, 6, 3))
    w, X = weights(net, 1)[0], RNG.standard_normal((8, 4)).astype(np.float32)
    readout = RNG.standard_normal((7, 3))
    wanted = net.features(w, X) @ readout[:-1] + readout[-1]
    np.testing.assert_allclose(net.outputs(net.with_readout(w, readout)[None], X)[0], wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("make", "part"),
    [
        (lambda: MLP((3,)), "sizes"),
        (lambda: MLP((3, 0, 1)), "sizes"),
        (lambda: MLP((3, 1), output_activation="tan"), "tanh"),
        (lambda: Elman((3, 4, 4, 1)), "Elman"),
        (lambda: MLP((3, 1)).outputs(np.zeros((1, 4)), np.zeros((2, 5))), r"X must have shape \[R, 3\]"),
    ],
)
def test_bad_shapes_are_clear(make, part):
    with pytest.raises(ValueError, match=part):
        make()
