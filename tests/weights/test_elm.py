"""Extreme learning machines."""

import numpy as np
import pytest

from neat.weights import ExtremeLearningMachine
from neat.weights import elm as module
from neat.weights.elm import ELMParams, ridge

RNG = np.random.default_rng(2)
INPUTS = RNG.standard_normal((500, 8)).astype(np.float32)
TARGETS = np.sin(INPUTS[:, :2])


def test_readout_is_ridge_regression():
    """Against the problem stacked as ordinary least squares."""
    elm = ExtremeLearningMachine(ELMParams(units=30, ridge=0.01)).fit(INPUTS, TARGETS)
    hidden = elm.hidden(INPUTS).astype(float)
    strength = 0.01 * np.trace(hidden.T @ hidden) / 31
    stacked = np.vstack([hidden, np.sqrt(strength) * np.eye(31)])
    expected = np.linalg.lstsq(stacked, np.vstack([TARGETS, np.zeros((31, 2))]), rcond=None)[0]
    assert np.allclose(elm.readout, expected, rtol=1e-3, atol=1e-4)
    assert np.allclose(elm.predict(INPUTS), hidden @ expected, atol=1e-3)


def test_blocks_of_rows_do_not_matter(monkeypatch):
    whole = ExtremeLearningMachine(ELMParams(units=30)).fit(INPUTS, TARGETS).predict(INPUTS)
    monkeypatch.setattr(module, "BLOCK", 64)
    assert np.allclose(
        ExtremeLearningMachine(ELMParams(units=30)).fit(INPUTS, TARGETS).predict(INPUTS), whole, atol=1e-4
    )


def test_fits_and_generalises():
    elm = ExtremeLearningMachine(ELMParams(units=400)).fit(INPUTS[:400], TARGETS[:400, 0])
    predicted = elm.predict(INPUTS[400:])
    assert predicted.shape == (100,)
    assert np.mean((predicted - TARGETS[400:, 0]) ** 2) < 0.1 * TARGETS[400:, 0].var()


def test_scaling_of_inputs_does_not_matter():
    a = ExtremeLearningMachine(ELMParams(units=50)).fit(INPUTS, TARGETS)
    b = ExtremeLearningMachine(ELMParams(units=50)).fit(1000 * INPUTS + 7, TARGETS)
    assert np.allclose(a.predict(INPUTS), b.predict(1000 * INPUTS + 7), atol=0.02)


def test_receptive_fields_are_rectangles():
    images = RNG.random((50, 48)).astype(np.float32)
    elm = ExtremeLearningMachine(ELMParams(units=40, image=(6, 8))).fit(images, images[:, :1])
    sizes = set()
    for unit in elm.weight.T.reshape(40, 6, 8):
        rows, columns = np.flatnonzero(unit.any(axis=1)), np.flatnonzero(unit.any(axis=0))
        box = np.zeros((6, 8), bool)
        box[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
        assert np.array_equal(unit != 0, box)
        assert box.sum() >= 10
        sizes.add(int(box.sum()))
    assert len(sizes) > 5


def test_seed_decides():
    one, again, other = (ExtremeLearningMachine(ELMParams(units=9), seed=s).fit(INPUTS, TARGETS) for s in (1, 1, 2))
    assert np.array_equal(one.readout, again.readout)
    assert not np.array_equal(one.weight, other.weight)


def test_dependent_columns():
    hidden = np.ones((10, 2))
    readout = ridge(hidden.T @ hidden, hidden.T @ np.full((10, 1), 3.0), 0.0)
    assert np.allclose(hidden @ readout, 3)


@pytest.mark.parametrize(
    ("inputs", "targets", "message"),
    [
        (INPUTS, TARGETS[:3], "inputs have 500 rows, targets 3"),
        ([[1.0, np.nan]], [1.0], r"inputs\[0, 1\] = nan"),
        ([[1.0, 2.0]], [np.inf], r"targets\[0, 0\] = inf"),
        ([1.0, 2.0], [1.0, 2.0], "inputs must have shape"),
    ],
)
def test_bad_data(inputs, targets, message):
    with pytest.raises(ValueError, match=message):
        ExtremeLearningMachine(ELMParams(units=5)).fit(inputs, targets)


def test_bad_use():
    with pytest.raises(RuntimeError, match="before fit"):
        ExtremeLearningMachine().predict(INPUTS)
    with pytest.raises(ValueError, match="have 3 columns, fitted were 8"):
        ExtremeLearningMachine(ELMParams(units=5)).fit(INPUTS, TARGETS).predict(INPUTS[:, :3])
    with pytest.raises(ValueError, match="9 pixels, but inputs have 8 columns"):
        ExtremeLearningMachine(ELMParams(image=(3, 3))).fit(INPUTS, TARGETS)
    with pytest.raises(ValueError, match=r"must be \(height, width\)"):
        ExtremeLearningMachine(ELMParams(image=(3,)))
