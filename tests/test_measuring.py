"""Losses and scores in one pass with the forward kernel, against double precision."""

import dataclasses

import numpy as np
import pytest

from envs import measuring
from envs.losses import LOSSES, SCORES, find_measure, user_score
from envs.measuring import measure
from envs.rows import Rows
from genomes.forward import forward
from genomes.functions import activation_code
from genomes.kernels.parallel import get_threads, set_threads
from tests import supervised_cases as cases

FOR_NUMBERS = ("mse", "mae")
FOR_CLASSES = ("cross-entropy", "hinge", "accuracy", "zero-one", "balanced-accuracy", "f1", "auc")
CASES = [(name, outputs, 0) for name in FOR_NUMBERS for outputs in (1, 5)]
CASES += [(name, outputs, classes) for name in FOR_CLASSES for outputs, classes in ((1, 2), (2, 2), (3, 3))]


def expected(networks, rows, name):
    outputs = forward(networks, rows.X).astype(np.float64)
    weight = np.ones(len(rows)) if rows.weight is None else rows.weight.astype(np.float64)
    return np.array([cases.LOSSES[name](z, rows.y, weight) for z in outputs])


def test_every_measure_is_tested():
    assert set(LOSSES) | set(SCORES) == set(FOR_NUMBERS + FOR_CLASSES) == set(cases.LOSSES)
    assert all(measure.gradient for measure in LOSSES.values())


@pytest.mark.parametrize("rows", [1, 127, 128, 129, 2049])
@pytest.mark.parametrize("name, outputs, classes", CASES)
def test_against_double_precision(name, outputs, classes, rows):
    networks = cases.networks(19, num_outputs=outputs)
    data = Rows(*cases.data(rows, outputs, classes))
    with np.errstate(invalid="ignore"):
        right = expected(networks, data, name)
    np.testing.assert_allclose(measure(networks, data, name, classes), right, rtol=2e-5, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name, outputs, classes", CASES)
def test_rows_of_their_own(name, outputs, classes):
    networks = cases.networks(9, num_outputs=outputs, bias_input=0.5)
    data = Rows(*cases.data(300, outputs, classes, inputs=2))
    index = np.random.default_rng(3).integers(300, size=(9, 140))
    found = measure(networks, data, name, classes, index)
    alone = [measure(networks.part(p, p + 1), data.select(index[p]), name, classes)[0] for p in range(9)]
    np.testing.assert_allclose(found, alone, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("mode", ["synchronous", "sequential"])
def test_recurrent_networks(mode):
    networks = cases.networks(8, mode=mode, num_outputs=3, recurrent=True)
    data = Rows(*cases.data(130, 3, 3))
    right = expected(networks, data, "cross-entropy")
    np.testing.assert_allclose(measure(networks, data, "cross-entropy", 3), right, rtol=2e-5)
    index = np.tile(np.arange(130), (8, 1))
    np.testing.assert_allclose(measure(networks, data, "cross-entropy", 3, index), right, rtol=2e-5)


def test_large_outputs_stay_exact():
    """Softmax of outputs beyond the range of exp, and predictions where outputs are equal."""
    networks = cases.networks(1, num_outputs=3, num_hidden=0, activations=(0,), density=0.0)
    data = Rows(np.zeros((3, 3), np.float32), np.arange(3, dtype=np.int32))
    large = dataclasses.replace(networks, bias=np.array([500.0, -500.0, 100.0], np.float32))
    np.testing.assert_allclose(measure(large, data, "cross-entropy", 3), [1400 / 3], rtol=1e-6)
    equal = dataclasses.replace(networks, bias=np.ones(3, np.float32))
    np.testing.assert_array_equal(measure(equal, data, "accuracy", 3), [1 / 3])  # the first class
    assert measure(equal, data, "auc", 3) == 0.5


def test_threads_and_chunks_do_not_change_a_bit(monkeypatch):
    networks, data = cases.networks(40, num_outputs=3), Rows(*cases.data(9000, 3, 3))
    before, results = get_threads(), []
    try:
        for threads, sums in ((1, 1 << 22), (2, 1 << 22), (3, 1 << 22), (2, 1)):
            set_threads(threads)
            monkeypatch.setattr(measuring, "_SUMS", sums)
            results.append([measure(networks, data, name, 3) for name in ("cross-entropy", "f1", "auc")])
    finally:
        set_threads(before)
    alone = [measure(networks.part(7, 8), data, name, 3)[0] for name in ("cross-entropy", "f1", "auc")]
    for other in results[1:]:
        np.testing.assert_array_equal(other, results[0])
    np.testing.assert_array_equal(alone, np.array(results[0])[:, 7])


@pytest.mark.parametrize("name, outputs, classes", CASES)
def test_nan_fails_its_genome_alone(name, outputs, classes):
    networks = cases.networks(6, num_outputs=outputs, num_hidden=0, activations=(0,), aggregations=(0,))
    bias = networks.bias.copy()
    bias[networks.node_start[2] + outputs - 1] = np.nan
    data = Rows(*cases.data(200, outputs, classes))
    found = measure(dataclasses.replace(networks, bias=bias), data, name, classes)
    assert np.isnan(found[2])
    np.testing.assert_array_equal(np.delete(found, 2), np.delete(measure(networks, data, name, classes), 2))


def test_rows_of_weight_zero_do_not_count():
    """Not even where a network fails on them."""
    networks = cases.networks(5, num_outputs=1, activations=(activation_code("tanh"),), aggregations=(0,))
    X, y, weight = cases.data(300, 1, 2)
    broken = X.copy()
    broken[weight == 0] = np.nan
    for name in ("cross-entropy", "accuracy", "f1"):
        found = measure(networks, Rows(broken, y, weight), name, 2)
        np.testing.assert_array_equal(found, measure(networks, Rows(X, y, weight), name, 2))


def test_a_users_score():
    networks, data = cases.networks(5), Rows(*cases.data(50, 2, 0))
    score = user_score(lambda outputs, y: np.abs(outputs - y).max(), maximize=False)
    right = [np.abs(z - data.y).max() for z in forward(networks, data.X)]
    np.testing.assert_array_equal(measure(networks, data, score), right)
    assert find_measure(score) is score and not score.maximize


def test_a_missing_class():
    networks, (X, _, _) = cases.networks(3, num_outputs=3), cases.data(50, 3, 3)
    data = Rows(X, np.arange(50, dtype=np.int32) % 2)
    assert np.isnan(measure(networks, data, "auc", 3)).all()
    right = expected(networks, data, "balanced-accuracy")
    np.testing.assert_allclose(measure(networks, data, "balanced-accuracy", 3), right)


def test_errors():
    networks, (X, y, _) = cases.networks(3), cases.data(10, 2, 0)
    numbers, classes = Rows(X, y), Rows(X, np.zeros(10, np.int32))
    with pytest.raises(ValueError, match="did you mean mse"):
        measure(networks, numbers, "msee")
    with pytest.raises(ValueError, match="cross-entropy is for classes, the targets are numbers"):
        measure(networks, numbers, "cross-entropy")
    with pytest.raises(ValueError, match="mse is for numbers, the targets are classes"):
        measure(networks, classes, "mse", 2)
    with pytest.raises(ValueError, match="3 classes need 3 outputs, the networks have 2"):
        measure(networks, classes, "accuracy", 3)
    with pytest.raises(ValueError, match="num_classes is 2, the targets are numbers"):
        measure(networks, numbers, "accuracy", 2)
    with pytest.raises(ValueError, match="X has 10 rows, y has 9"):
        Rows(X, y[:9])
    with pytest.raises(ValueError, match="y must be float32"):
        Rows(X, y.astype(np.float64))
    with pytest.raises(ValueError, match="weights must be 0 or more, and not all 0"):
        Rows(X, y, np.zeros(10, np.float32))
    with pytest.raises(ValueError, match="at least one row"):
        measure(networks, Rows(X[:0], y[:0]), "mse")
    with pytest.raises(ValueError, match="class 3 is not below num_classes = 2"):
        measure(networks, Rows(X, np.full(10, 3, np.int32)), "accuracy", 2)
