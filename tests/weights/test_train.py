"""`train`: any method on dense nets, with data or a task."""

import numpy as np
import pytest

from envs.losses import LOSSES, SCORES
from envs.measuring import measure
from envs.rows import Rows
from envs.xor import XOR
from experiments import train
from experiments.errors import BadInput
from experiments.training.data import MEASURES, DataProblem, of_outputs
from experiments.training.loop import Limits
from experiments.training.rows import Parts
from experiments.training.train import train_on_rows
from genomes.dense import MLP, Elman

RNG = np.random.default_rng(2)
X = RNG.standard_normal((120, 3)).astype(np.float32)
CLASSES = (X[:, 0] + X[:, 1] > 0).astype(int)

METHODS = {
    "annealing": dict(chains=4, step=0.3),
    "pso": {},
    "ga": {},
    "deep-ga": dict(population=50, parents=10, sigma=0.3),
    "openai-es": dict(population=40, sigma=0.1, learning_rate=0.05),
    "snes": {},
    "cma-es": {},
    "sep-cma-es": {},
    "cosyne": {},
    "eki": dict(ensemble=50),
    "spsa": dict(step=0.05),
    "finite-differences": dict(learning_rate=0.05),
    "supermask": {},
    "sgd": dict(learning_rate=0.3),
    "adam": dict(learning_rate=0.05),
    "cool-momentum": dict(learning_rate=0.1),
    "levenberg-marquardt": {},
    "elm": {},
}


def test_the_limit_of_time_is_by_the_clock_that_is_given():
    parts, ticks = Parts.of((X, CLASSES), 0.2, 1), iter(range(100))
    limits = Limits(0, 5 / 60, lambda: float(next(ticks)))  # a second between any two looks
    found = train_on_rows(MLP((3, 4, 2)), parts, "adam", limits, None, 1, {})
    assert found.stopped == "minutes" and found.generations == 5 and found.seconds == 5


@pytest.mark.parametrize("method", METHODS)
def test_every_method_learns_a_simple_boundary(method):
    gradients = method in ("sgd", "adam", "cool-momentum", "levenberg-marquardt")
    found = train((5,), (X, CLASSES), method, evaluations=100 if gradients else 3000, **METHODS[method])
    assert found.score >= (0.8 if method == "supermask" else 0.85), found  # its weights stay random
    assert found.model.outputs(found.weights[None], X).shape == (1, 120, 2)
    again = train((5,), (X, CLASSES), method, evaluations=100 if gradients else 3000, **METHODS[method])
    assert found.weights.tobytes() == again.weights.tobytes()


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize("outputs", [1, 3])
def test_measures_of_outputs_are_those_of_networks(name, outputs):
    chosen = (LOSSES | SCORES)[name]
    net = MLP((3, 4, outputs))
    W = RNG.standard_normal((5, net.size)).astype(np.float32)
    classes = (2 if outputs == 1 else 3) if chosen.classes else 0
    y = RNG.integers(classes, size=120).astype(np.int32) if classes else RNG.standard_normal((120, outputs))
    y = y if classes else y.astype(np.float32)
    wanted = measure(net.networks(W), Rows(X, y), name, classes)
    np.testing.assert_allclose(of_outputs(chosen, net.outputs(W, X), y), wanted, rtol=1e-5)


@pytest.mark.parametrize("objective", ["cross-entropy", "mse", "mae"])
def test_the_gradient_is_that_of_the_objective(objective):
    y = CLASSES.astype(np.int32) if objective == "cross-entropy" else np.stack([X[:, 0], X[:, 1] ** 2], axis=1)
    net = MLP((3, 4, 2))
    w = RNG.standard_normal(net.size).astype(np.float32) / 3
    problem = DataProblem(net, w, X, y, objective)
    (gradient,) = problem.judge(w[None], (1, 0), "gradient")[1]
    h = 1e-3 if objective == "mae" else 1e-2  # which has a kink in every row
    sides = [problem.judge(w + s * h * np.eye(net.size, dtype=np.float32), (1, 0), "fitness")[0] for s in (1, -1)]
    np.testing.assert_allclose(gradient[0], (sides[0] - sides[1]) / (2 * h), atol=1e-2 if objective == "mae" else 3e-3)


def test_pairs_have_rows_of_their_own():
    net = MLP((3, 2))
    problem = DataProblem(net, net.first(), X, CLASSES.astype(np.int32), batch=10, own_batches=True)
    same = np.repeat(net.first()[None], 6, axis=0)
    fitness, _ = problem.judge(same, (1, 0), "fitness")
    assert (fitness[0::2] == fitness[1::2]).all() and len(set(fitness)) == 3
    assert (problem.judge(same, (1, 1), "fitness")[0] != fitness).any()


def test_an_objective_of_the_users_own_and_sequences():
    steps = RNG.standard_normal((60, 4, 2)).astype(np.float32)
    last = (steps.sum(axis=(1, 2)) > 0).astype(int)

    def wrong(outputs, y):
        return (outputs.argmax(axis=1) != y).mean()

    found = train(Elman((2, 4, 2)), (steps, last), "snes", evaluations=3000, objective=wrong, validation=0.0)
    assert found.score >= 0.85


def broken(*_):
    raise ValueError("mine")


class Broken(XOR):
    """A task of the user's own with a mistake in it."""

    evaluate = broken


@pytest.mark.parametrize(("data", "options"), [((X, CLASSES), {"objective": broken}), (Broken(), {})])
def test_an_exception_of_the_users_own_is_no_bad_input(data, options):
    with pytest.raises(ValueError, match="^mine$") as caught:
        train((2,), data, "snes", **options)
    assert type(caught.value) is ValueError
    assert caught.traceback[-1].name == "broken"


def test_an_objective_gives_a_number():
    with pytest.raises(TypeError, match="the objective must return a number"):
        train((2,), (X, CLASSES), "snes", objective=lambda outputs, y: outputs[:, 0] - y)


@pytest.mark.parametrize("method", ["eki", "levenberg-marquardt", "elm"])
def test_what_is_learnt_by_least_squares_says_so(method):
    found = train((4,), (X, CLASSES), method, objective="zero-one", evaluations=30)
    assert found.note == "learnt by least squares, not by zero-one" and found.note in repr(found)
    assert train((4,), (X, X[:, 0]), method, evaluations=30).note == ""
    assert train((4,), (X, CLASSES), "snes", objective="zero-one", evaluations=30).note == ""


@pytest.mark.parametrize("method", ["adam", "snes", "eki", "elm", "levenberg-marquardt"])
def test_two_classes_by_one_output(method):
    settings = {"learning_rate": 0.05} if method == "adam" else {}
    found = train(MLP((3, 5, 1)), (X, CLASSES), method, evaluations=1000, **settings)
    assert found.score >= 0.85


def test_validation_rows_of_ones_own():
    found = train((5,), (X[:60], CLASSES[:60]), "snes", validation=(X[60:], CLASSES[60:]), evaluations=1000)
    score = (found.model.outputs(found.weights[None], X[60:])[0].argmax(axis=1) == CLASSES[60:]).mean()
    assert found.score == score >= 0.8


def test_a_net_on_a_task():
    found = train((4,), "CartPole-v1", "snes", evaluations=3000)
    assert found.stopped == "solved" and found.score >= 475
    found = train(Elman((2, 3, 1), output_activation="tanh"), "MountainCarContinuous-v0", "snes", evaluations=30)
    assert found.evaluations >= 30


def test_an_interrupted_training_gives_what_it_has():
    calls = []

    def loss(outputs, y):
        calls.append(1)
        if len(calls) > 50:
            raise KeyboardInterrupt
        return (outputs.argmax(axis=1) != y).mean()

    found = train((2,), (X, CLASSES), "snes", objective=loss)
    assert found.stopped == "interrupted" and len(found.weights) == found.model.size


@pytest.mark.parametrize(
    ("arguments", "settings", "parts"),
    [
        (((5,), (X, CLASSES), "adm"), {}, ["adm", "adam"]),
        (((5,), (X, CLASSES), "adam"), {"objective": "accuracy"}, ["adam", "gradient", "cma-es"]),
        (((5,), (X, CLASSES), "adam"), {"objective": "mse"}, ["mse", "cross-entropy"]),
        (((5,), (X, CLASSES), "adam"), {"learning_rat": 1}, ["learning_rat", "learning_rate"]),
        (((5,), (X, CLASSES[:7]), "adam"), {}, ["120", "7"]),
        (((5,), (X * np.inf, CLASSES), "adam"), {}, ["X", "finite"]),
        (((5,), (X, CLASSES - 1), "adam"), {}, ["-1", "classes"]),
        (((5,), "digts", "adam"), {}, ["digts", "digits"]),
        ((MLP((4, 2)), (X, CLASSES), "adam"), {}, ["shape [4]", "[3]"]),
        (("net", (X, CLASSES), "adam"), {}, ["net", "torch"]),
        ((MLP((3, 4, 1)), (X, CLASSES + CLASSES), "adam"), {}, ["1 outputs", "3 classes"]),
        ((MLP((3, 4, 2)), (X, X), "adam"), {}, ["2 outputs", "3 numbers"]),
        ((Elman((3, 4, 2)), (X, CLASSES), "snes"), {}, ["[T, 3]", "have [3]"]),
        (((5,), X, "adam"), {}, ["(X, y)", "ndarray"]),
        (((5,), (X, None), "adam"), {}, ["y", "[]"]),
        (((5,), ([[1.0], [1.0, 2.0]], [0, 1]), "adam"), {}, ["arrays of numbers"]),
        (((5,), (X, CLASSES), "adam"), {"validation": (X[:, :2], CLASSES)}, ["validation", "shapes"]),
        (((5,), (X, CLASSES), "adam"), {"validation": (X, X[:, 0])}, ["validation", "kind"]),
        (((5,), (X, CLASSES), "adam"), {"validation": 1}, ["validation = 1"]),
        (((5,), (X, CLASSES), "adam"), {"evaluations": "many"}, ["evaluations = 'many'"]),
        (((5,), (X, CLASSES), "elm"), {"ridge": "much"}, ["ridge = 'much'"]),
        ((MLP((3, 4, 1), output_activation="tanh"), (X, X[:, 0]), "elm"), {}, ["elm", "linear"]),
        (((5,), (X, X[:, 0]), "sgd"), {"learning_rate": 1e30, "evaluations": 30}, ["gradient", "not finite"]),
        (((5,), "CartPole-v1", "adam"), {}, ["gradient", "cma-es"]),
        (((5,), "CartPole-v1", "elm"), {}, ["elm", "rows"]),
        ((MLP((3, 1)), "CartPole-v1", "snes"), {}, ["4 inputs", "3"]),
        (((200,), "digits", "cma-es"), {}, ["1,000", "SepCMAES"]),
        (((5,), (X, CLASSES), "elm"), {"units": 4}, ["units", "ridge"]),
        (((5,), (X, CLASSES), "adam"), {"start": np.zeros(3)}, ["start", "32"]),
        (((5,), (X, CLASSES), "adam"), {"evaluations": -1}, ["evaluations"]),
        (((5,), (X, CLASSES), "adam"), {"batch": -5}, ["batch = -5", "0 or more"]),
        (((5,), (X, CLASSES), "snes"), {"own_batches": True}, ["own_batches", "batch"]),
        (((5,), (X, CLASSES), "eki"), {"own_batches": True, "batch": 9}, ["own_batches", "eki", "same rows"]),
        (((5,), (X, CLASSES), "adam"), {"seed": 1.5}, ["seed = 1.5", "whole"]),
        (((2.5,), (X, CLASSES), "adam"), {}, ["sizes", "2.5"]),
        (((0,), "CartPole-v1", "snes"), {}, ["sizes", "0"]),
        (((5,), (X, np.where(CLASSES, "a", "b")), "adam"), {}, ["y", "numbers"]),
        ((Elman((5, 3, 1)), "knapsack", "snes"), {"evaluations": 20}, ["feed-forward"]),
        (((5,), (X, CLASSES), "snes"), {"population": 1}, ["population = 1", "at least 2"]),
        (((5,), (X, CLASSES), "sep-cma-es"), {"population": 1}, ["population = 1", "at least 2"]),
    ],
)
def test_what_does_not_fit_is_one_line(arguments, settings, parts):
    with pytest.raises(BadInput) as caught:
        train(*arguments, **settings)
    assert "\n" not in str(caught.value)
    for part in parts:
        assert part in str(caught.value), caught.value


def test_sensitivity_of_the_outputs_to_each_weight():
    net = MLP((3, 4, 2))
    problem = DataProblem(net, net.first(), X, CLASSES)
    weights, step = net.first(5).astype(np.float64), 1e-2
    rows = X[:64]
    slopes = [
        (net.outputs((weights + step * unit)[None], rows)[0] - net.outputs((weights - step * unit)[None], rows)[0])
        .astype(np.float64).mean(axis=0) / (2 * step)
        for unit in np.eye(net.size)
    ]  # fmt: skip
    np.testing.assert_allclose(problem.sensitivity(weights), np.linalg.norm(slopes, axis=1), rtol=2e-2, atol=2e-3)


@pytest.mark.parametrize("safe", ["gradient", "rescale"])
def test_safe_mutations(safe):
    settings = dict(population=20, parents=5, sigma=0.05, spread=0.1, safe=safe, evaluations=400)
    first, second = (train((4,), (X, CLASSES), "deep-ga", seed=2, **settings) for _ in range(2))
    assert first.score > 0.7
    np.testing.assert_array_equal(first.weights, second.weights)


def test_safe_mutations_need_rows():
    with pytest.raises(BadInput, match="safe = 'gradient': needs rows of data"):
        train((4,), "CartPole-v1", "deep-ga", safe="gradient")
    with pytest.raises(BadInput, match="safe = 'gradient': needs rows of data and a network with derivatives"):
        train(Elman((3, 4, 2)), (X[:, None], CLASSES), "deep-ga", safe="gradient")


@pytest.mark.parametrize("data", [(X, CLASSES), "MountainCar-v0"])
def test_on_generation_may_end_it(data):
    seen = []

    def enough(progress, score):
        seen.append(score)
        return progress.generations == 3

    found = train((5,), data, "pso", evaluations=3000, on_generation=enough)
    assert len(seen) == found.generations == 3 and found.stopped == "stopped by on_generation"
    if data != "MountainCar-v0":  # the end is judged, too, though it is no tenth generation
        assert found.score > seen[-1]
