"""What every method promises: order, lengths, bounds, failures, threads, blocks, resuming."""

import json
import subprocess
import sys

import numpy as np
import pytest

import neat.weights
from genomes.kernels.parallel import get_threads, set_threads
from neat.params import ParameterError
from neat.weights.registry import method_class, method_params
from tests.weights.cases import CASES, SIZE, advance, bowl, evidence

ALL = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
BY_FITNESS = [case for case in CASES if case.kind.needs == "fitness"]
FITNESS = pytest.mark.parametrize("case", BY_FITNESS, ids=lambda case: case.name)
LINEAR = [case for case in CASES if case.name not in ("cma-es", "levenberg-marquardt", "finite-differences")]


def same(a, b):
    return all(x.dtype == y.dtype and np.array_equal(x, y) for x, y in zip(a, b, strict=True))


@ALL
def test_candidates_have_the_promised_shape_and_type(case):
    method = case.method()
    points = method.ask()
    assert points.shape == (method.population, SIZE)
    assert points.dtype == np.float32
    assert case.method(dtype=np.float64).ask().dtype == np.float64


@pytest.mark.parametrize("case", LINEAR, ids=lambda case: case.name)
@pytest.mark.parametrize("size", [9_000, 11_000])
def test_threads_do_not_matter(case, size):
    """Beyond one chunk of noise, with the state in float64 and in float32."""
    before = get_threads()
    try:
        runs = []
        for threads in (1, 4):
            set_threads(threads)
            runs.append(advance(case.method(size=size), 3))
    finally:
        set_threads(before)
    assert same(*runs)


@ALL
def test_the_seed_decides(case):
    one, again, other = (advance(case.method(seed=seed), 6) for seed in (7, 7, 8))
    assert same(one, again)
    if case.kind.needs not in ("gradient", "residuals") and case.name != "finite-differences":
        assert not same(one, other)


@ALL
def test_resumes_bit_for_bit(case):
    whole = case.method()
    seen = advance(whole, 9)
    interrupted = case.method()
    advance(interrupted, 4)
    interrupted.ask()  # a checkpoint may fall between ask and tell
    arrays, scalars = interrupted.state_dict()
    scalars = json.loads(json.dumps(scalars))
    resumed = case.kind.restore(case.params, arrays, scalars)
    assert same(advance(resumed, 5), seen[4:])
    assert np.array_equal(resumed.solution, whole.solution)
    assert resumed.best_fitness == whole.best_fitness
    del arrays["best"]
    with pytest.raises(KeyError, match="lacks best"):
        case.kind.restore(case.params, arrays, scalars)


@ALL
def test_blocks_are_the_rows_of_ask(case):
    method = case.method()
    for _ in range(3):
        points = method.ask()
        middle = method.population // 2
        parts = [method.block(middle, method.population)] if method.population > middle else []
        parts += [method.block(0, middle)] if middle else []
        assert np.array_equal(np.concatenate(parts[::-1]), points)
        method.tell(-bowl(points), *evidence(method, points))
    with pytest.raises(ValueError, match=r"block\(0, \d+\): must be a range within"):
        method.block(0, method.population + 1)


@ALL
def test_maximising_mirrors_minimising(case):
    up, down = case.method(maximize=True), case.method(maximize=False)
    assert same(advance(up, 6), advance(down, 6))
    assert up.best_fitness == -down.best_fitness


@ALL
def test_order_lengths_and_evidence(case):
    method = case.method()
    points = None
    with pytest.raises(RuntimeError, match="without ask"):
        method.tell(np.zeros(method.population))
    points = method.ask()
    with pytest.raises(RuntimeError, match="twice"):
        method.ask()
    with pytest.raises(ValueError, match=f"asked for {method.population} candidates"):
        method.tell(np.zeros(method.population + 1), *evidence(method, points))
    with pytest.raises(TypeError, match=r"needs \(fitness"):
        method.tell(-bowl(points), *evidence(method, points), np.zeros(1))


@ALL
def test_all_values_not_finite_is_an_error_that_changes_nothing(case):
    method = case.method()
    points = method.ask()
    for bad in (np.nan, np.inf):
        with pytest.raises(ValueError, match="none of the .* objective values is finite"):
            method.tell(np.full(len(points), bad), *evidence(method, points))
    assert method.generation == 0
    method.tell(-bowl(points), *evidence(method, points))


@FITNESS
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_failed_candidate_is_worst(case, bad):
    """Its point is excellent by the formula, but it never becomes the best."""
    method = case.method()
    for generation in range(8):
        points = method.ask()
        values = -bowl(points)
        if generation % 2:
            values[np.argmax(values)] = bad
        method.tell(values)
        assert np.isfinite(method.best_fitness)
        assert np.isfinite(method.solution).all()
    last = method.state.best.astype(np.float32)
    assert method.best_fitness == pytest.approx(-bowl(last[None])[0], rel=1e-5)


@ALL
def test_bounds_hold(case):
    method = case.kind(np.full(SIZE, 0.2), case.params, seed=3, bounds=(0.1, 0.4))
    for points in advance(method, 8):
        if case.name != "supermask":  # a link that does not exist is 0
            assert points.min() >= np.float32(0.1)
            assert points.max() <= np.float32(0.4)
    bounds = np.tile([0.0, 1.0], (SIZE, 1))
    bounds[4] = 2, 1
    with pytest.raises(ValueError, match=r"bounds\[4\] = \(2, 1\): the lower one must be below"):
        case.method(bounds=bounds)
    with pytest.raises(ValueError, match=r"start\[2\] = -1 is outside of its bounds \(0.0, 1.0\)"):
        case.kind(np.array([0.5, 0.5, -1.0]), case.params, bounds=(0, 1))


@pytest.mark.parametrize(
    ("start", "message"),
    [([], "at least one weight"), ([[1.0]], "must be a vector"), ([1.0, np.nan], r"start\[1\] is not finite")],
)
def test_bad_starts(start, message):
    with pytest.raises(ValueError, match=message):
        neat.weights.SNES(start)


def test_names_and_settings():
    with pytest.raises(ValueError, match="no method 'cmaes'.*did you mean 'cma-es'"):
        method_class("cmaes")
    with pytest.raises(ValueError, match="closed form"):
        method_class("elm")
    with pytest.raises(ParameterError, match="popsize.*population"):
        method_params(neat.weights.SNES, {"popsize": 3})
    with pytest.raises(ParameterError, match="sigma = -1"):
        method_params(neat.weights.SNES, {"sigma": -1.0})
    with pytest.raises(TypeError, match="params must be SNESParams"):
        neat.weights.SNES([1.0], neat.weights.SepCMAES.params_type())
    with pytest.raises(ValueError, match="seed must be"):
        neat.weights.SNES([1.0], seed=-1)


def test_every_parameter_has_a_source():
    import dataclasses

    for case in CASES:
        for field in dataclasses.fields(case.kind.params_type):
            assert field.metadata["doc"] and field.metadata["source"], f"{case.name}.{field.name}"


def test_importing_is_light():
    code = "import sys, neat, neat.weights\nassert not {'numba', 'cmaes', 'neat.weights.snes'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
