"""Dense nets on the device against the CPU, where they are held against their compiled graphs."""

import numpy as np
import pytest

from genomes import backend, dense, dense_cuda
from genomes.dense import MLP, Elman


def nets(device, kind=MLP, sizes=(3, 5, 2)):
    return kind(sizes, "gauss", "tanh", device=device)


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("kind", [MLP, Elman])
def test_outputs_agree_with_the_cpu(kind, own, monkeypatch, many):
    monkeypatch.setattr(dense, "PRODUCTS_FROM", 1)
    rng, net = np.random.default_rng(1), nets("cpu", kind)
    weights = rng.standard_normal((4 * many, net.size), np.float32)
    X = rng.standard_normal((4 * many,) * own + (7,) + (6,) * net.recurrent + (3,), np.float32)
    expected = net.outputs(weights, X)
    on_device = nets("cuda", kind)
    np.testing.assert_allclose(on_device.outputs(weights, X), expected, rtol=1e-4, atol=1e-5)
    monkeypatch.setattr(dense_cuda, "_VALUES", 1)  # net by net
    np.testing.assert_allclose(on_device.outputs(weights, X), expected, rtol=1e-4, atol=1e-5)


def test_small_nets_are_compiled_graphs(many):
    rng, net = np.random.default_rng(1), nets("cpu")
    weights, X = rng.standard_normal((3 * many, net.size), np.float32), rng.standard_normal((5, 3), np.float32)
    assert nets("cuda").networks(weights).device == "cuda"
    np.testing.assert_allclose(nets("cuda").outputs(weights, X), net.outputs(weights, X), rtol=1e-4, atol=1e-5)


def test_without_products_cuda_says_so_and_auto_takes_the_cpu(monkeypatch):
    monkeypatch.setattr(dense, "PRODUCTS_FROM", 1)
    monkeypatch.setattr(dense, "products_problem", lambda: "no cuBLAS")
    monkeypatch.setattr(backend, "_LEAST_WORK", 1)
    monkeypatch.setattr(backend, "_LEAST_THREADS", 1)
    weights, X = np.ones((2, nets("cpu").size), np.float32), np.ones((4, 3), np.float32)
    with pytest.raises(backend.DeviceError, match="device 'cuda': no cuBLAS"):
        nets("cuda").outputs(weights, X)
    np.testing.assert_array_equal(nets("auto").outputs(weights, X), nets("cpu").outputs(weights, X))
