"""Losses, scores and gradients on the device against the CPU's, which are held against finite differences."""

from dataclasses import replace

import numpy as np
import pytest

from envs import measuring_cuda
from envs.losses import LOSSES, SCORES
from envs.measuring import gradients, measure
from envs.rows import Rows
from genomes.kernels import columns_cuda
from tests.supervised_cases import data, networks

CASES = [(0, 2), (2, 1), (3, 3)]  # classes, outputs
FITTING = [
    (name, classes, outputs)
    for name, chosen in (LOSSES | SCORES).items()
    for classes, outputs in CASES
    if chosen.classes == bool(classes)
]


def case(classes, outputs, many):
    X, y, weight = data(45 * many, outputs, classes)
    index = np.random.default_rng(2).integers(len(X), size=(4 * many, 11))
    return networks(4 * many, num_outputs=outputs), Rows(X, y, weight), index


@pytest.mark.parametrize(("name", "classes", "outputs"), FITTING)
@pytest.mark.parametrize("own", [False, True])
def test_measures_agree_with_the_cpu(name, classes, outputs, own, many):
    cpu, rows, index = case(classes, outputs, many)
    index = index if own else None
    expected = measure(cpu, rows, name, classes, index)
    found = measure(replace(cpu, device="cuda"), rows, name, classes, index)
    # Of many rows, some lie so near to where an answer turns that the last digit decides.
    np.testing.assert_allclose(found, expected, rtol=1e-5 if many == 1 else 1e-3, atol=1e-6 if many == 1 else 1e-3)


@pytest.mark.parametrize(("name", "classes", "outputs"), [case for case in FITTING if case[0] in LOSSES])
@pytest.mark.parametrize("own", [False, True])
def test_gradients_agree_with_the_cpu(name, classes, outputs, own, many):
    cpu, rows, index = case(classes, outputs, many)
    index = index if own else None
    expected = gradients(cpu, rows, name, classes, index)
    found = gradients(replace(cpu, device="cuda"), rows, name, classes, index)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4 if many == 1 else 1e-2, atol=1e-5 if many == 1 else 1e-3)


def test_the_same_on_every_run_and_in_global_memory(monkeypatch, many):
    cpu, rows, _ = case(3, 3, many)
    device = replace(cpu, device="cuda")
    first = measure(device, rows, "cross-entropy", 3), *gradients(device, rows, "cross-entropy", 3)
    again = measure(device, rows, "cross-entropy", 3), *gradients(device, rows, "cross-entropy", 3)
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)
    monkeypatch.setattr(columns_cuda, "_SHARED", 0)
    spilled = measure(device, rows, "cross-entropy", 3), *gradients(device, rows, "cross-entropy", 3)
    for one, other in zip(first, spilled, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("own", [False, True])
def test_gradients_of_more_networks_than_fit_the_device(monkeypatch, own):
    cpu, rows, index = case(3, 3, 1)
    device, index = replace(cpu, device="cuda"), index if own else None
    whole = gradients(device, rows, "cross-entropy", 3, index)
    monkeypatch.setattr(measuring_cuda, "_SUMS", 1)
    for one, other in zip(gradients(device, rows, "cross-entropy", 3, index), whole, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_rows_that_are_on_the_device_must_fit_every_population():
    cpu, rows, _ = case(0, 1, 1)
    device = replace(cpu, device="cuda")
    measure(device, rows, "mse")
    for compute in (measure, gradients):
        with pytest.raises(ValueError, match=r"X must have shape \[rows, 2\], got \[45, 3\]"):
            compute(replace(device, num_inputs=2), rows, "mse")


def test_no_networks():
    cpu, rows, _ = case(3, 3, 1)
    none = replace(cpu, device="cuda").part(0, 0)
    assert measure(none, rows, "cross-entropy", 3).shape == (0,)
    assert [found.shape for found in gradients(none, rows, "cross-entropy", 3)] == [(0,), (0,)]


@pytest.mark.filterwarnings("ignore")
def test_outputs_that_are_not_finite_give_nan():
    cpu, rows, _ = case(2, 1, 1)
    bias = cpu.bias.copy()
    bias[cpu.node_start[1] : cpu.node_start[2]] = np.nan
    found = measure(replace(cpu, bias=bias, device="cuda"), rows, "cross-entropy", 2)
    assert np.isnan(found).tolist() == [False, True, False, False]


def test_learning_inside_the_loop_agrees_with_the_cpu():
    """Weights change from step to step, the rest of the networks does not."""
    pytest.importorskip("cmaes")
    from envs.supervised import SupervisedTask
    from experiments.refine import refine

    cpu, rows, _ = case(3, 3, 1)
    task = SupervisedTask(rows, rows, "cross-entropy", num_classes=3)
    expected, found = (refine(nets, task, (1, 0), steps=3) for nets in (cpu, replace(cpu, device="cuda")))
    assert not np.allclose(expected.weight, cpu.weight)
    np.testing.assert_allclose(found.weight, expected.weight, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.bias, expected.bias, rtol=1e-4, atol=1e-5)
