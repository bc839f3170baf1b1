"""Gradients by reverse mode, against finite differences in double precision and against torch."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs import measuring
from envs.measuring import gradients, jacobian, measure
from envs.rows import Rows
from genomes import functions
from genomes.forward import forward
from genomes.functions.derivatives import DERIVATIVES
from genomes.kernels.binding import Kernel
from genomes.kernels.parallel import get_threads, set_threads
from tests import supervised_cases as cases

CASES = [("mse", 1, 0), ("mse", 5, 0), ("mae", 2, 0)]
CASES += [(name, outputs, classes) for name in ("cross-entropy", "hinge") for outputs, classes in ((1, 2), (3, 3))]


def of_network(networks, p, found):
    """The part of network ``p`` of (weight gradient, bias gradient)."""
    a, b = networks.node_start[p], networks.node_start[p + 1]
    return found[0][networks.edge_start[a] : networks.edge_start[b]], found[1][a:b]


def check(networks, data, name, classes, tolerance=1e-3):
    found = gradients(networks, data, name, classes)
    assert found[0].dtype == found[1].dtype == np.float32
    assert found[0].shape == networks.weight.shape and found[1].shape == networks.bias.shape
    weight = data.weight.astype(np.float64)
    for p in range(len(networks)):
        right = cases.numeric_gradients(networks.part(p, p + 1), name, data.X, data.y, weight)
        size = max(np.abs(np.concatenate(right)).max(), 1.0)
        for own, other in zip(of_network(networks, p, found), right, strict=True):
            np.testing.assert_allclose(own / size, other / size, atol=tolerance)


@pytest.mark.parametrize("name, outputs, classes", CASES)
def test_against_finite_differences(name, outputs, classes):
    """Smooth activations and every aggregation."""
    check(cases.networks(10, num_outputs=outputs), Rows(*cases.data(40, outputs, classes)), name, classes)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([1, 5, 127, 128, 129]), st.floats(0.2, 0.9))
def test_any_genome(seed, rows, density):
    """Every activation and aggregation, any structure. At a kink both sides are right: rows with one nearby count for
    nothing, because the differences straddle it."""
    networks = cases.networks(1, seed, num_outputs=2, num_hidden=8, density=density, activations=cases.EVERY)
    data = Rows(*cases.data(rows, 2, 0, seed))
    found = gradients(networks, data, "mse")
    steep, close = (
        cases.numeric_gradients(networks, "mse", data.X, data.y, data.weight.astype(np.float64), step)
        for step in (1e-6, 1e-7)
    )
    scale = max(np.abs(np.concatenate(steep)).max(), 1.0)
    agree = np.abs(np.concatenate(steep) - np.concatenate(close)) < 1e-4 * scale
    if np.isfinite(scale) and scale < 1e4:
        error = np.abs(np.concatenate(found) - np.concatenate(steep))
        assert (error[agree] < 5e-3 * scale).all()


@pytest.mark.parametrize("name", sorted(DERIVATIVES))
def test_derivatives(name):
    """Of the functions as they are compiled, at points with and without a limit."""
    function, slope = functions.activation_function(name), DERIVATIVES[name]

    def loop(x, y):
        for i in range(x.shape[0]):
            y[i] = slope(x[i], np.float32(function(x[i])))

    x = np.linspace(-14, 14, 2801)[1::3].astype(np.float32)
    found = np.empty_like(x)
    Kernel(loop)(x, found)
    wide = x.astype(np.float64)
    right = (cases.activate(name, wide + 1e-6) - cases.activate(name, wide - 1e-6)) / 2e-6
    kinks = np.abs(
        cases.activate(name, wide + 1e-3) + cases.activate(name, wide - 1e-3) - 2 * cases.activate(name, wide)
    )
    smooth = kinks < 2e-4 * (1 + np.abs(cases.activate(name, wide)))
    assert smooth.mean() > 0.8
    np.testing.assert_allclose(found[smooth], right[smooth], rtol=2e-3, atol=2e-4)


def test_every_activation_has_a_derivative():
    assert set(DERIVATIVES) == {name for name, code in functions.ACTIVATIONS.items() if code < 128}


@pytest.mark.parametrize("value, zeros", [([0.0, 2.0, 3.0], [6, 0, 0]), ([0.0, 0.0, 3.0], [0, 0, 0])])
def test_product_with_zeros(value, zeros):
    """The derivative by one factor is the product of the others, also where it is 0."""
    networks = one_node("product", [1.0, 1.0, 1.0])
    data = Rows(np.array([value], np.float32), np.array([[-0.5]], np.float32))
    prediction = np.prod(value)
    weight, _ = gradients(networks, data, "mse")
    np.testing.assert_allclose(weight, 2 * (prediction + 0.5) * np.array(zeros) * np.array(value), atol=1e-6)


@pytest.mark.parametrize("name, chosen", [("min", 0), ("max", 1), ("maxabs", 0), ("median", 2)])
def test_only_the_chosen_edge_learns(name, chosen):
    weight, bias = gradients(
        one_node(name, [1.0, 1.0, 1.0]),
        Rows(np.array([[-3.0, 2.0, 1.0]], np.float32), np.array([[0.0]], np.float32)),
        "mse",
    )
    assert np.flatnonzero(weight).tolist() == [chosen]
    assert bias[0] != 0


def one_node(aggregation, weight):
    """A single output with identity and the given aggregation of three inputs."""
    networks = cases.networks(1, num_outputs=1, num_hidden=0, activations=(0,), aggregations=(0,))
    return dataclasses.replace(
        networks,
        edge_start=np.array([0, 3]),
        source=np.arange(3, dtype=np.int32),
        weight=np.array(weight, np.float32),
        bias=np.zeros(1, np.float32),
        aggregation=np.array([functions.aggregation_code(aggregation)], np.uint8),
    )


@pytest.mark.slow
@pytest.mark.parametrize("rows", [1, 127, 129, 2049, 5000])
def test_sums_over_many_rows(rows):
    """Blocks, tiles and chunks add up to the sum over single rows."""
    networks = cases.networks(20, num_outputs=2)
    X, y, _ = cases.data(rows, 2, 0)
    found = gradients(networks, Rows(X, y), "mse")
    half = rows // 2
    if half:
        first, second = (
            gradients(networks, Rows(X[part], y[part]), "mse") for part in (slice(half), slice(half, None))
        )
        for own, a, b in zip(found, first, second, strict=True):
            together = (half * a.astype(np.float64) + (rows - half) * b.astype(np.float64)) / rows
            np.testing.assert_allclose(own, together, rtol=1e-4, atol=1e-5 * np.abs(together).max())
    index = np.tile(np.arange(rows), (20, 1))
    for own, other in zip(gradients(networks, Rows(X, y), "mse", index=index), found, strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-4, atol=1e-5 * np.abs(other).max())


def test_threads_chunks_and_neighbours_do_not_change_a_bit(monkeypatch):
    networks, data = cases.networks(40, num_outputs=3), Rows(*cases.data(5000, 3, 3))
    before, results = get_threads(), []
    try:
        for threads, sums in ((1, 1 << 22), (2, 1 << 22), (3, 1)):
            set_threads(threads)
            monkeypatch.setattr(measuring, "_SUMS", sums)
            results.append(gradients(networks, data, "cross-entropy", 3))
    finally:
        set_threads(before)
    for other in results[1:]:
        for own, first in zip(other, results[0], strict=True):
            np.testing.assert_array_equal(own, first)
    alone = gradients(networks.part(21, 22), data, "cross-entropy", 3)
    for own, first in zip(alone, of_network(networks, 21, results[0]), strict=True):
        np.testing.assert_array_equal(own, first)


def test_descent_descends():
    networks, data = cases.networks(30, num_outputs=2, activations=(functions.activation_code("tanh"),)), None
    data = Rows(*cases.data(500, 2, 0))
    weight, bias = gradients(networks, data, "mse")
    moved = dataclasses.replace(networks, weight=networks.weight - 1e-3 * weight, bias=networks.bias - 1e-3 * bias)
    assert (measure(moved, data, "mse") < measure(networks, data, "mse")).mean() > 0.95


@pytest.mark.slow
def test_a_users_activation():
    def double_square(x):
        return np.float32(2.0) * x * x

    def slope(x, y):
        return np.float32(4.0) * x

    code = functions.register_activation("double-square", double_square)
    networks, data = cases.networks(4, activations=(code,), aggregations=(0,)), Rows(*cases.data(20, 2, 0))
    with pytest.raises(ValueError, match="'double-square' has no derivative"):
        gradients(networks, data, "mse")
    functions.register_activation("double-square", double_square, slope)
    found = gradients(networks, data, "mse")
    for k in (0, len(networks.bias) - 1):
        around = []
        for step in (1e-2, -1e-2):
            bias = networks.bias.copy()
            bias[k] += np.float32(step)
            around.append(measure(dataclasses.replace(networks, bias=bias), data, "mse").sum())
        np.testing.assert_allclose(found[1][k], (around[0] - around[1]) / 2e-2, rtol=0.05, atol=0.05)


def test_what_has_no_gradient():
    data = Rows(*cases.data(20, 2, 2))
    with pytest.raises(ValueError, match="accuracy has no gradient"):
        gradients(cases.networks(3), data, "accuracy", 2)
    with pytest.raises(ValueError, match="feed-forward"):
        gradients(cases.networks(3, mode="synchronous", recurrent=True), data, "cross-entropy", 2)


def test_against_torch():
    torch = pytest.importorskip("torch")
    networks = cases.networks(6, num_outputs=3, activations=(functions.activation_code("tanh"),), aggregations=(0,))
    X, y, _ = cases.data(300, 3, 3)
    found = gradients(networks, Rows(X, y), "cross-entropy", 3)
    for p in range(len(networks)):
        network = networks.part(p, p + 1)
        weight, bias = (torch.tensor(a, requires_grad=True) for a in (network.weight, network.bias))
        values = list(torch.tensor(X).T)
        for i in range(len(bias)):
            edges = range(network.edge_start[i], network.edge_start[i + 1])
            total = bias[i] + sum(weight[e] * values[network.source[e]] for e in edges)
            values.append(torch.tanh(2.5 * total) + torch.zeros(len(X)))
        z = torch.stack([values[slot] for slot in network.output_slot[0]], dim=1)
        torch.nn.functional.cross_entropy(z, torch.tensor(y, dtype=torch.long)).backward()
        for own, other in zip(of_network(networks, p, found), (weight.grad, bias.grad), strict=True):
            expected = np.zeros_like(own) if other is None else other.numpy()
            np.testing.assert_allclose(own, expected, atol=2e-5, rtol=1e-3)


@pytest.mark.slow
def test_the_jacobian_adds_up_to_the_gradient():
    """Every aggregation: the gradient of a squared error is 2/O times the mean over rows of residual times Jacobian."""
    networks, (X, y, _) = cases.networks(6, num_outputs=3), cases.data(200, 3, 0)
    found = gradients(networks, Rows(X, y), "mse")
    for p in range(6):
        network = networks.part(p, p + 1)
        derivatives = jacobian(network, X).astype(np.float64)
        assert derivatives.shape == (200, 3, len(network.weight) + len(network.bias))
        error = forward(network, X)[0] - y
        right = 2 / 3 * np.einsum("ro,rok->k", error, derivatives) / 200
        own = np.concatenate(of_network(networks, p, found))
        np.testing.assert_allclose(own, right, rtol=1e-4, atol=1e-5 * np.abs(right).max())
    with pytest.raises(ValueError, match="single network, got 6"):
        jacobian(networks, X)
